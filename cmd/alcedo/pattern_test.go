package main

import (
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/event/pattern"
)

// The pattern that options become wants what the options say: a prefix and a suffix.
func TestBuildPattern(t *testing.T) {
	const arn = "acs:oss:cn-hangzhou:123:"
	put, gone, made := "oss:ObjectCreated:PutObject", "oss:ObjectRemoved:DeleteObject", "oss:BucketCreated:PutBucket"
	tests := []struct {
		name                       string
		bucket, prefixes, suffixes string // prefixes and suffixes by spaces
		events                     string
		yes, no                    string // events as TYPE bucket/key, by commas
	}{
		{"a bucket", "b", "", "", put, "PutObject b/x", "PutObject b2/x,DeleteObject b/x"},
		{"one prefix", "b", "in/", "", put, "PutObject b/in/x", "PutObject b/out/x,PutObject b2/in/x,PutObject b/x/in/"},
		{"one suffix", "b", "", ".png", put, "PutObject b/x.png", "PutObject b/x.jpg,PutObject c/x.png"},
		{"both", "b", "in/", ".png", put, "PutObject b/in/x.png", "PutObject b/in/x.jpg,PutObject b/x.png,PutObject c/in/x.png"},
		{"several of both", "b", "in/ inbox/", ".png .jpg", put,
			"PutObject b/in/x.png,PutObject b/in/x.jpg,PutObject b/inbox/x.png,PutObject b/inbox/x.jpg", "PutObject b/in/x.gif,PutObject b/x.png,PutObject b/inb/x.jpg"},
		{"any bucket", "", "", "", put, "PutObject b/x,PutObject c/y", "DeleteObject b/x"},
		{"any bucket, prefixes", "", "in/ to/", "", put, "PutObject b/in/x,PutObject c/to/x", "PutObject in/x"},
		{"any bucket, suffixes", "", "", ".png .jpg", put, "PutObject b/x.png,PutObject c/x.jpg", "PutObject b/x"},
		{"a group of events", "b", "", "", "oss:ObjectCreated:* " + gone, "PutObject b/x,PostObject b/x,DeleteObject b/x", "PutBucket b/"},
		{"buckets", "", "", "", made, "PutBucket b/,PutBucket c/", "DeleteBucket b/,PutObject b/x"},
		{"one bucket itself", "b", "", "", made, "PutBucket b/", "PutBucket b2/"},
		{"characters of JSON", `b`, `"<&\`, "", put, `PutObject b/"<&\x`, "PutObject b/x"},
	}
	types := map[string]event.Type{}
	for _, e := range []event.Type{event.PutObject, event.PostObject, event.DeleteObject, event.PutBucket, event.DeleteBucket} {
		_, name, _ := strings.Cut(string(e), ":")
		types[name] = e
	}
	for _, tt := range tests {
		built, err := buildPattern(arn, tt.bucket, strings.Fields(tt.prefixes), strings.Fields(tt.suffixes), strings.Fields(tt.events))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		text, err := compact(built)
		if err != nil {
			t.Fatal(err)
		}
		p, err := pattern.Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %s: %v", tt.name, text, err)
			continue
		}
		for i, list := range []string{tt.yes, tt.no} {
			for _, e := range strings.Split(list, ",") {
				name, where, _ := strings.Cut(e, " ")
				bucket, key, _ := strings.Cut(where, "/")
				rec := &event.Record{Type: types[name], Time: time.Unix(0, 0), Bucket: bucket, Key: key, Owner: "123", Region: "cn-hangzhou"}
				if why := p.Explain(pattern.FromRecord(rec, rec.Time)); (why == nil) != (i == 0) {
					t.Errorf("%s: %s: %q: %q", tt.name, text, e, why)
				}
			}
		}
	}
	for _, bad := range []struct{ bucket, prefix, suffix, event, text string }{
		{"", "in/", ".png", put, "--bucket"},
		{"b", "in/", "", made, "no key"},
		{"b", "", "", "oss:ObjectCreated:putObject", "case-sensitive"},
	} {
		if _, err := buildPattern(arn, bad.bucket, strings.Fields(bad.prefix), strings.Fields(bad.suffix), []string{bad.event}); err == nil || !strings.Contains(err.Error(), bad.text) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
