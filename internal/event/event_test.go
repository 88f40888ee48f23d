package event

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func sample() *Record {
	return &Record{
		Type: PutObject, Time: time.Date(2022, 8, 13, 6, 45, 43, 999e6, time.UTC),
		Bucket: "testbucket", Owner: "123456789", Region: "cn-hangzhou",
		Key: "source/a.png", Size: 122539, Delta: 122539, ETag: "688A7BF4F233DC9C88A80BF985AB0000",
		Meta:   Meta{ContentType: "application/zip", User: map[string]string{"x-oss-meta-last-modified": "20250213"}},
		Origin: Origin{RequestID: "58F9FF2D3DF792092E12044C", PrincipalID: "164901546557", SourceIP: "140.205.1.1"},
	}
}

// The example of "Configure a native OSS trigger", with its stars filled in.
const documented = `{"events":[{"eventName":"ObjectCreated:PutObject","eventSource":"acs:oss","eventTime":"2022-08-13T06:45:43.000Z","eventVersion":"1.0",
"oss":{"bucket":{"arn":"acs:oss:cn-hangzhou:123456789:testbucket","name":"testbucket","ownerIdentity":"123456789"},
"object":{"deltaSize":122539,"eTag":"688A7BF4F233DC9C88A80BF985AB0000","key":"source/a.png","objectMeta":{"mimeType":"application/zip","userMeta":{"x-oss-meta-last-modified":"20250213"}},"size":122539},
"ossSchemaVersion":"1.0","ruleId":"9adac8e253828f4f7c0466d941fa3db811610000"},"region":"cn-hangzhou","requestParameters":{"sourceIPAddress":"140.205.1.1"},
"responseElements":{"requestId":"58F9FF2D3DF792092E12044C"},"userIdentity":{"principalId":"164901546557"}}]}`

func TestNativeIsTheDocumentedExample(t *testing.T) {
	got := sample().AppendNative(nil, "9adac8e253828f4f7c0466d941fa3db811610000")
	if want := strings.ReplaceAll(documented, "\n", ""); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNativeOptionalFields(t *testing.T) {
	r := sample()
	pos := int64(0)
	r.Type, r.Position = AppendObject, &pos
	r.Meta = Meta{ContentType: "text/plain", CacheControl: "no-cache", ContentDisposition: "attachment", ContentEncoding: "gzip", ContentLanguage: "zh", Expires: "x"}
	var got struct {
		Events []struct {
			OSS struct {
				Object struct {
					Position   *int64
					ObjectMeta map[string]any
				}
			}
		}
	}
	if err := json.Unmarshal(r.AppendNative(nil, "r"), &got); err != nil {
		t.Fatal(err)
	}
	o := got.Events[0].OSS.Object
	if o.Position == nil || *o.Position != 0 {
		t.Errorf("position of a first append: %v, want 0", o.Position)
	}
	want := map[string]any{"mimeType": "text/plain", "cacheControl": "no-cache", "contentDisposition": "attachment", "contentEncoding": "gzip", "contentLanguage": "zh", "expires": "x"}
	if !reflect.DeepEqual(o.ObjectMeta, want) {
		t.Errorf("objectMeta %v, want %v", o.ObjectMeta, want)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "source/图 片.png", "a\"b\\c\n\x00", "\xff\xfe", "<&>\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if utf8.ValidString(s) && got != s {
			t.Errorf("%q became %q", s, got)
		}
	})
}

// The table of "Triggering rules for OSS triggers", the existing trigger being
// (PutObject, source, zip).
func TestOverlap(t *testing.T) {
	old := Filter{Events: []string{"oss:ObjectCreated:PutObject"}, Prefix: "source", Suffix: "zip"}
	tests := []struct {
		event, prefix, suffix string
		overlap               bool
	}{
		{"oss:ObjectCreated:*", "source", "zip", true},
		{"oss:ObjectCreated:*", "source1", "zip1", false},
		{"oss:ObjectCreated:PutObject", "source", "zip", true},
		{"oss:ObjectCreated:PutObject", "source", "1zip", true},
		{"oss:ObjectCreated:PutObject", "source1", "zip", true},
		{"oss:ObjectCreated:PutObject", "source", "", true},
		{"oss:ObjectCreated:PutObject", "", "zip", true},
		{"oss:ObjectCreated:PutObject", "source1", "zip1", false},
		{"oss:ObjectCreated:PutObject", "1source", "1zip", false},
		{"oss:ObjectCreated:PostObject", "source", "zip", false},
		{"oss:ObjectRemoved:DeleteObject", "", "", false},
	}
	for _, tt := range tests {
		f := Filter{Events: []string{tt.event}, Prefix: tt.prefix, Suffix: tt.suffix}
		if got := f.Overlaps(&old); got != tt.overlap {
			t.Errorf("(%s, %s, %s): overlap %v, want %v", tt.event, tt.prefix, tt.suffix, got, tt.overlap)
		}
		if f.Overlaps(&old) != old.Overlaps(&f) {
			t.Errorf("(%s, %s, %s): overlap is not symmetric", tt.event, tt.prefix, tt.suffix)
		}
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		f    Filter
		typ  Type
		key  string
		want string // part of the reason; empty: matches
	}{
		{Filter{Events: []string{"oss:ObjectCreated:PutObject"}, Prefix: "ab"}, PutObject, "ab.zip", ""},
		{Filter{Events: []string{"oss:ObjectCreated:PutObject"}, Prefix: "ab"}, PutObject, "abc.zip", ""},
		{Filter{Events: []string{"oss:ObjectCreated:PutObject"}, Prefix: "ab"}, PutObject, "a/b.zip", "at character 2: '/' is not 'b'"},
		{Filter{Events: []string{"oss:ObjectCreated:PutObject"}, Prefix: "图片/"}, PutObject, "图像/a", "at character 2: '像' is not '片'"},
		{Filter{Events: []string{"oss:ObjectCreated:PutObject"}, Prefix: "\xff\xfe"}, PutObject, "\xff\xfd", "at character 2"},
		{Filter{Events: []string{"oss:ObjectCreated:*"}}, CompleteMultipartUpload, "x", ""},
		{Filter{Events: []string{"oss:ObjectCreated:*"}}, DeleteObject, "x", "oss:ObjectRemoved:DeleteObject"},
		{Filter{Events: []string{"oss:ObjectCreated:PutObject"}, Suffix: "png"}, PutObject, "a.PNG", "suffix"},
		{Filter{Events: []string{"oss:ObjectCreated:PutObject"}, Prefix: "/a"}, PutObject, "a", "slash"},
		{Filter{Events: []string{"oss:ObjectCreated:PutObject"}, Prefix: "source/"}, PutObject, "source", "ends before"},
		{Filter{Events: []string{"oss:ObjectRemoved:DeleteObject"}}, DeleteObjects, "a", "listens to"},
	}
	for _, tt := range tests {
		why := tt.f.Explain(tt.typ, tt.key)
		if tt.f.Match(tt.typ, tt.key) != (tt.want == "") || (tt.want == "") != (why == nil) || !strings.Contains(why.String(), tt.want) || why.Check() != nil {
			t.Errorf("%+v on %s %q: match %v, reason %q; want %q", tt.f, tt.typ, tt.key, tt.f.Match(tt.typ, tt.key), why, tt.want)
		}
	}
}

func TestParseType(t *testing.T) {
	for _, n := range Native {
		if err := ParseType(n); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
	for name, hint := range map[string]string{
		"ObjectCreated:PutObject":     `"oss:ObjectCreated:PutObject"`,
		"oss:objectcreated:putobject": `"oss:ObjectCreated:PutObject"`,
		"oss:ObjectRemoved:*":         "Known are",
		"":                            "Known are",
	} {
		if err := ParseType(name); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v, want a hint with %s", name, err, hint)
		}
	}
}

func BenchmarkAppendNative(b *testing.B) {
	r := sample()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = r.AppendNative(buf[:0], "9adac8e253828f4f7c0466d941fa3db811610000")
	}
}
