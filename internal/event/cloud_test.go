package event

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

var published = time.Date(2022, 8, 13, 14, 45, 44, 682e6, time.FixedZone("", 8*3600))

// The names and the order are those of the published sample.
const documentedCloud = `{"datacontenttype":"application/json;charset=utf-8","aliyunaccountid":"123456789",
"data":{"eventVersion":"1.0","responseElements":{"requestId":"58F9FF2D3DF792092E12044C"},"eventSource":"acs:oss",
"eventTime":"2022-08-13T06:45:43.000Z","requestParameters":{"sourceIPAddress":"140.205.1.1"},"eventName":"ObjectCreated:PutObject",
"userIdentity":{"principalId":"164901546557"},"region":"cn-hangzhou",
"oss":{"bucket":{"name":"testbucket","arn":"acs:oss:cn-hangzhou:123456789:testbucket","virtualBucket":"","ownerIdentity":"123456789"},
"ossSchemaVersion":"1.0",
"object":{"size":122539,"objectMeta":{"mimeType":"application/zip","userMeta":{"x-oss-meta-last-modified":"20250213"}},"deltaSize":122539,"eTag":"688A7BF4F233DC9C88A80BF985AB0000","key":"source/a.png"}}},
"subject":"acs:oss:cn-hangzhou:123456789:testbucket/source/a.png","aliyunoriginalaccountid":"123456789","source":"acs.oss",
"type":"oss:ObjectCreated:PutObject","aliyunpublishtime":"2022-08-13T06:45:44.682Z","specversion":"1.0",
"aliyuneventbusname":"default","id":"58F9FF2D3DF792092E12044C","time":"2022-08-13T06:45:43.000Z","aliyunregionid":"cn-hangzhou"}`

func TestCloudIsThePublishedSample(t *testing.T) {
	got := sample().AppendCloud([]byte("before "), published)
	if want := "before " + strings.ReplaceAll(documentedCloud, "\n", ""); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Its data is what a native trigger has for the same record, but for the rule's id and the
// virtual bucket.
func TestCloudHoldsTheNativeEvent(t *testing.T) {
	r := sample()
	pos := int64(0)
	r.Type, r.Position, r.Key = AppendObject, &pos, "图 \"片\"\xff\n.png"
	r.Meta = Meta{ContentType: "a", CacheControl: "b", ContentDisposition: "c", ContentEncoding: "d", ContentLanguage: "e", Expires: "f", User: map[string]string{"x-oss-meta-a": "1", "x-oss-meta-b": "2"}}
	var native struct{ Events []map[string]any }
	var cloud map[string]any
	if err := json.Unmarshal(r.AppendNative(nil, "rule"), &native); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(r.AppendCloud(nil, published), &cloud); err != nil {
		t.Fatal(err)
	}
	want, got := native.Events[0], cloud["data"].(map[string]any)
	delete(want["oss"].(map[string]any), "ruleId")
	bucket := got["oss"].(map[string]any)["bucket"].(map[string]any)
	if bucket["virtualBucket"] != "" {
		t.Errorf("virtualBucket %v, want an empty string", bucket["virtualBucket"])
	}
	delete(bucket, "virtualBucket")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("data   %v\nnative %v", got, want)
	}
	if s := cloud["subject"]; s != "acs:oss:cn-hangzhou:123456789:testbucket/图 \"片\"\uFFFD\n.png" {
		t.Errorf("subject %q", s)
	}
}

func TestCloudBucketEvent(t *testing.T) {
	r := sample()
	r.Type, r.Key, r.Size, r.Delta, r.ETag, r.Meta = PutBucket, "", 0, 0, "", Meta{}
	var got struct {
		Subject, Type string
		Data          struct{ OSS map[string]any }
	}
	if err := json.Unmarshal(r.AppendCloud(nil, published), &got); err != nil {
		t.Fatal(err)
	}
	if got.Subject != r.BucketARN() || got.Type != "oss:BucketCreated:PutBucket" {
		t.Errorf("subject %q, type %q", got.Subject, got.Type)
	}
	if _, has := got.Data.OSS["object"]; has || got.Data.OSS["bucket"] == nil {
		t.Errorf("oss %v, want a bucket and no object", got.Data.OSS)
	}
}

// A rule on the suffix of a subject must see the end of the longest key.
func TestCloudKeepsLongSubjects(t *testing.T) {
	r := sample()
	r.Key = strings.Repeat("k", 1019) + ".png"
	var got struct{ Subject string }
	if err := json.Unmarshal(r.AppendCloud(nil, published), &got); err != nil {
		t.Fatal(err)
	}
	if got.Subject != r.BucketARN()+"/"+r.Key {
		t.Errorf("a subject of %d bytes became one of %d", len(r.BucketARN())+1+len(r.Key), len(got.Subject))
	}
}

func TestCloudAllocatesNothing(t *testing.T) {
	r := sample()
	r.Meta.User = nil // sorting names takes memory
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = r.AppendCloud(buf[:0], published) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppendCloud(b *testing.B) {
	r := sample()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = r.AppendCloud(buf[:0], published)
	}
}
