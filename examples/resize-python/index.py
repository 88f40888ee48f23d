"""Runs for every picture uploaded under source/ and saves a 128x128 copy under processed/.

The OSS service resizes and saves; no pixel passes through this function.
"""

import base64
import json

import oss2


def handler(event, context):
    record = json.loads(event)["events"][0]
    bucket_name = record["oss"]["bucket"]["name"]
    source = record["oss"]["object"]["key"]
    if not source.startswith("source/"):
        # Writing the result over the picture would trigger this function again, for ever.
        print(f"{source} is not under source/: nothing to do")
        return None
    target = "processed/" + source[len("source/"):]

    creds = context.credentials
    auth = oss2.StsAuth(creds.access_key_id, creds.access_key_secret, creds.security_token)
    endpoint = f"oss-{record['region']}-internal.aliyuncs.com"
    bucket = oss2.Bucket(auth, endpoint, bucket_name)

    print(f"resizing {bucket_name}/{source} to {target}")
    bucket.process_object(
        source,
        "image/resize,m_fixed,w_128,h_128|sys/saveas,o_{},b_{}".format(b64(target), b64(bucket_name)),
    )
    return target


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
