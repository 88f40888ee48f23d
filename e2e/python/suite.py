"""OSS through Python's two official SDKs, oss2 and alibabacloud-oss-v2.

The server's addresses and keys come from the environment; every test prints one line
of TAP, for e2e/run.js.
"""

import hashlib
import io
import json
import os
import sys
import traceback
import unittest

import alibabacloud_oss_v2 as ossv2
import oss2
import requests

PORT = os.environ["ALCEDO_E2E_OSS_PORT"]
REGION = os.environ["ALCEDO_E2E_REGION"]
KEY_ID = os.environ["ALCEDO_ACCESS_KEY_ID"]
KEY_SECRET = os.environ["ALCEDO_ACCESS_KEY_SECRET"]
ROOT = os.environ["ALCEDO_E2E_ROOT"]

oss2.defaults.connection_pool_size = 4


def picture():
    with open(os.path.join(ROOT, "examples/kingfisher.png"), "rb") as f:
        return f.read()


def png_size(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:40]
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


class Oss2:
    """What oss2 does for an address: path-style. The subclasses choose the signature."""

    endpoint = f"http://127.0.0.1:{PORT}"
    version = oss2.AUTH_VERSION_1
    name = ""

    @classmethod
    def setUpClass(cls):
        auth = oss2.make_auth(KEY_ID, KEY_SECRET, cls.version)
        kind = "is_path_style" in oss2.Bucket.__init__.__code__.co_varnames
        extra = {"is_path_style": True} if kind and "localhost" in cls.endpoint else {}
        cls.service = oss2.Service(auth, cls.endpoint, region=REGION, **extra)
        cls.bucket = oss2.Bucket(auth, cls.endpoint, cls.name, region=REGION, **extra)
        cls.bucket.create_bucket()

    def raises(self, code, call, *args, **kwargs):
        with self.assertRaises(oss2.exceptions.ServerError) as got:
            call(*args, **kwargs)
        self.assertEqual(got.exception.code, code, got.exception)
        return got.exception

    def test_bucket(self):
        self.assertIn(self.name, [b.name for b in oss2.BucketIterator(self.service)])
        info = self.bucket.get_bucket_info()
        self.assertEqual(info.name, self.name)
        self.assertEqual(self.bucket.get_bucket_location().location, f"oss-{REGION}")
        self.assertEqual(self.bucket.get_bucket_acl().acl, "private")

    def test_put_get_delete(self):
        key, data = "目录/a b+c%20&.bin", os.urandom(70000)
        put = self.bucket.put_object(key, data, headers={"x-oss-meta-a": "b", "Content-Type": "text/x-thing"})
        self.assertEqual(put.etag, hashlib.md5(data).hexdigest().upper())
        self.assertIsNotNone(put.crc)  # oss2 has compared it with its own
        got = self.bucket.get_object(key)
        self.assertEqual(got.read(), data)
        self.assertEqual(got.headers["x-oss-meta-a"], "b")
        self.assertEqual(got.content_type, "text/x-thing")
        self.assertEqual(self.bucket.get_object(key, byte_range=(10, 19)).read(), data[10:20])
        self.assertTrue(self.bucket.object_exists(key))
        self.bucket.delete_object(key)
        self.assertFalse(self.bucket.object_exists(key))
        self.raises("NoSuchKey", self.bucket.get_object, key)

    def test_stream_of_unknown_length(self):
        data = os.urandom(300000)
        self.bucket.put_object("chunked", (data[i:i + 8192] for i in range(0, len(data), 8192)))
        self.assertEqual(self.bucket.get_object("chunked").read(), data)

    def test_append(self):
        first = self.bucket.append_object("append", 0, b"ab")
        self.assertEqual(first.next_position, 2)
        second = self.bucket.append_object("append", 2, b"cd", init_crc=first.crc)
        self.assertEqual(second.next_position, 4)
        self.assertEqual(self.bucket.get_object("append").read(), b"abcd")
        self.raises("PositionNotEqualToLength", self.bucket.append_object, "append", 1, b"x")

    def test_copy_and_symlink(self):
        self.bucket.put_object("from", b"copied")
        self.bucket.copy_object(self.name, "from", "to")
        self.assertEqual(self.bucket.get_object("to").read(), b"copied")
        self.bucket.put_symlink("from", "link")
        self.assertEqual(self.bucket.get_symlink("link").target_key, "from")
        self.assertEqual(self.bucket.get_object("link").read(), b"copied")

    def test_multipart(self):
        data = os.urandom(350 * 1024)
        upload = self.bucket.init_multipart_upload("parts").upload_id
        parts = []
        for n in range(4):
            piece = data[n * 100 * 1024:(n + 1) * 100 * 1024]
            done = self.bucket.upload_part("parts", upload, n + 1, piece)
            parts.append(oss2.models.PartInfo(n + 1, done.etag, size=len(piece), part_crc=done.crc))
        self.assertEqual([p.part_number for p in self.bucket.list_parts("parts", upload).parts], [1, 2, 3, 4])
        self.assertIn(upload, [u.upload_id for u in self.bucket.list_multipart_uploads(prefix="parts").upload_list])
        self.bucket.complete_multipart_upload("parts", upload, parts)
        self.assertEqual(self.bucket.get_object("parts").read(), data)
        other = self.bucket.init_multipart_upload("gone").upload_id
        self.bucket.upload_part_copy(self.name, "parts", (0, 100 * 1024 - 1), "gone", other, 1)
        self.bucket.abort_multipart_upload("gone", other)
        self.raises("NoSuchUpload", self.bucket.list_parts, "gone", other)
        path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"alcedo-e2e-{os.getpid()}.bin")
        with open(path, "wb") as f:
            f.write(data)
        try:
            oss2.resumable_upload(self.bucket, "resumable", path, multipart_threshold=200 * 1024, part_size=100 * 1024, num_threads=2,
                                  store=oss2.ResumableStore(root=os.path.dirname(path)))
        finally:
            os.remove(path)
        self.assertEqual(self.bucket.get_object("resumable").read(), data)

    def test_list_and_delete_many(self):
        keys = [f"list/{n}" for n in ("a", "b/1", "b/2", "c", "z ü&")]
        for k in keys:
            self.bucket.put_object(k, k.encode())
        self.assertEqual([o.key for o in oss2.ObjectIterator(self.bucket, prefix="list/", max_keys=2)], keys)
        self.assertEqual([o.key for o in oss2.ObjectIteratorV2(self.bucket, prefix="list/", max_keys=2)], keys)
        page = self.bucket.list_objects(prefix="list/", delimiter="/")
        self.assertEqual(page.prefix_list, ["list/b/"])
        self.assertEqual(sorted(self.bucket.batch_delete_objects(keys).deleted_keys), sorted(keys))
        self.assertEqual(self.bucket.list_objects(prefix="list/").object_list, [])

    def test_signed_address(self):
        self.bucket.put_object("signed", b"by address")
        self.assertEqual(requests.get(self.bucket.sign_url("GET", "signed", 60), timeout=10).content, b"by address")
        put = requests.put(self.bucket.sign_url("PUT", "signed-put", 60), data=b"x", timeout=10)
        self.assertEqual(put.status_code, 200, put.text)
        self.assertEqual(requests.get(f"{self.endpoint}/{self.name}/signed", timeout=10).status_code, 403)

    def test_process(self):
        self.bucket.put_object("pic.png", picture())
        small = self.bucket.get_object("pic.png", process="image/resize,m_fixed,w_50,h_40").read()
        self.assertEqual(png_size(small), (50, 40))
        import base64
        target = base64.urlsafe_b64encode(b"saved/pic.png").decode()
        done = self.bucket.process_object("pic.png", f"image/resize,m_fixed,w_128,h_128|sys/saveas,o_{target}")
        self.assertEqual((done.process_status, done.object, done.bucket), ("OK", "saved/pic.png", ""))
        saved = self.bucket.get_object("saved/pic.png").read()
        self.assertEqual(png_size(saved), (128, 128))
        self.assertEqual(int(done.fileSize), len(saved))

    def test_errors(self):
        auth = oss2.make_auth(KEY_ID, "wrong", self.version)
        wrong = oss2.Bucket(auth, self.endpoint, self.name, region=REGION)
        e = self.raises("SignatureDoesNotMatch", wrong.get_object, "x")
        self.assertEqual(e.status, 403)
        self.assertRegex(e.request_id, "^[0-9A-F]{24}$")
        none = oss2.Bucket(oss2.make_auth(KEY_ID, KEY_SECRET, self.version), self.endpoint, "no-such-bucket-here", region=REGION)
        self.raises("NoSuchBucket", none.get_object, "x")


class Oss2V1(Oss2, unittest.TestCase):
    name = "py-oss2-v1"


class Oss2V4(Oss2, unittest.TestCase):
    name = "py-oss2-v4"
    version = oss2.AUTH_VERSION_4

    def test_provider_auth(self):
        auth = oss2.ProviderAuthV4(oss2.StaticCredentialsProvider(KEY_ID, KEY_SECRET))
        bucket = oss2.Bucket(auth, self.endpoint, self.name, region=REGION)
        bucket.put_object("provider", b"x")
        self.assertEqual(bucket.get_object("provider").read(), b"x")


class OssV2(unittest.TestCase):
    """alibabacloud-oss-v2: V4 by default, path-style by a setting."""

    name = "py-ossv2"

    @classmethod
    def setUpClass(cls):
        cfg = ossv2.config.load_default()
        cfg.credentials_provider = ossv2.credentials.StaticCredentialsProvider(KEY_ID, KEY_SECRET)
        cfg.region = REGION
        cfg.endpoint = f"http://127.0.0.1:{PORT}"
        cfg.use_path_style = True
        cfg.retry_max_attempts = 1
        cls.client = ossv2.Client(cfg)
        cls.client.put_bucket(ossv2.PutBucketRequest(bucket=cls.name))

    def test_put_get_delete(self):
        data = os.urandom(70000)
        put = self.client.put_object(ossv2.PutObjectRequest(bucket=self.name, key="a b/ü", body=data, metadata={"k": "v"}))
        self.assertEqual(put.status_code, 200)
        got = self.client.get_object(ossv2.GetObjectRequest(bucket=self.name, key="a b/ü"))
        self.assertEqual(got.body.content, data)
        self.assertEqual(got.metadata.get("k"), "v")
        self.client.delete_object(ossv2.DeleteObjectRequest(bucket=self.name, key="a b/ü"))
        with self.assertRaises(ossv2.exceptions.OperationError) as e:
            self.client.get_object(ossv2.GetObjectRequest(bucket=self.name, key="a b/ü"))
        cause = e.exception.unwrap()
        self.assertEqual((cause.code, cause.status_code), ("NoSuchKey", 404))

    def test_list(self):
        for n in range(5):
            self.client.put_object(ossv2.PutObjectRequest(bucket=self.name, key=f"l/{n}", body=b"x"))
        pages = self.client.list_objects_v2_paginator(limit=2).iter_page(ossv2.ListObjectsV2Request(bucket=self.name, prefix="l/"))
        self.assertEqual([o.key for p in pages for o in p.contents or []], [f"l/{n}" for n in range(5)])

    def test_multipart(self):
        data = os.urandom(300 * 1024)
        done = self.client.uploader(part_size=100 * 1024, parallel_num=2).upload_from(ossv2.PutObjectRequest(bucket=self.name, key="up"), io.BytesIO(data))
        self.assertEqual(done.status_code, 200)
        self.assertEqual(self.client.get_object(ossv2.GetObjectRequest(bucket=self.name, key="up")).body.content, data)

    def test_presign(self):
        self.client.put_object(ossv2.PutObjectRequest(bucket=self.name, key="signed", body=b"by address"))
        url = self.client.presign(ossv2.GetObjectRequest(bucket=self.name, key="signed")).url
        self.assertEqual(requests.get(url, timeout=10).content, b"by address")

    def test_process(self):
        self.client.put_object(ossv2.PutObjectRequest(bucket=self.name, key="pic.png", body=picture()))
        got = self.client.get_object(ossv2.GetObjectRequest(bucket=self.name, key="pic.png", process="image/resize,w_32"))
        self.assertEqual(png_size(got.body.content), (32, 24))
        import base64
        target = base64.standard_b64encode(b"saved.png").decode()
        done = self.client.process_object(ossv2.ProcessObjectRequest(bucket=self.name, key="pic.png", process=f"image/resize,w_16|sys/saveas,o_{target}"))
        self.assertEqual(done.process_status, "OK")


class Tap(unittest.TestResult):
    def line(self, test, ok, note=""):
        print(f"{'ok' if ok else 'not ok'} - {'.'.join(test.id().split('.')[1:])}{note}", flush=True)

    def addSuccess(self, test):
        self.line(test, True)

    def addSkip(self, test, reason):
        self.line(test, True, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(test, False)
        print("".join("  " + l for l in "".join(traceback.format_exception(*err)).splitlines(True)), flush=True)

    addError = addFailure


if __name__ == "__main__":
    result = Tap()
    unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]).run(result)
    sys.exit(0 if not result.failures else 1)
