package oss

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/object"
)

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		header string
		size   int64
		oss    string // "off+n" of a part, "whole", "416"
		std    string
	}{
		{"", 10, "whole", "whole"},
		{"bytes=0-9", 10, "0+10", "0+10"},
		{"bytes=0-0", 10, "0+1", "0+1"},
		{"bytes=5-", 10, "5+5", "5+5"},
		{"bytes=-3", 10, "7+3", "7+3"},
		{"bytes=-10", 10, "0+10", "0+10"},
		{"bytes=-11", 10, "whole", "0+10"},
		{"bytes=-0", 10, "whole", "416"},
		{"bytes=5-10", 10, "whole", "5+5"},
		{"bytes=5-999999999999999999999999", 10, "whole", "whole"},
		{"bytes=10-", 10, "whole", "416"},
		{"bytes=10-12", 10, "whole", "416"},
		{"bytes=6-5", 10, "whole", "whole"},
		{"bytes=0-1,3-4", 10, "whole", "whole"},
		{"bytes=a-b", 10, "whole", "whole"},
		{"bytes=--1", 10, "whole", "whole"},
		{"bytes=+1-2", 10, "whole", "whole"},
		{"items=0-1", 10, "whole", "whole"},
		{"bytes=-1", 0, "whole", "416"},
		{"bytes=0-", 0, "whole", "416"},
	} {
		for standard, want := range map[bool]string{false: c.oss, true: c.std} {
			s, err := spanOf(c.header, c.size, standard)
			got := "whole"
			switch {
			case err != nil:
				got = strconv.Itoa(wire(fault.As(err)).status)
			case s.partial:
				got = fmt.Sprintf("%d+%d", s.off, s.n)
			case s.off != 0 || s.n != c.size:
				got = fmt.Sprintf("%+v", s)
			}
			if got != want {
				t.Errorf("%q of %d, standard %v: %s, want %s", c.header, c.size, standard, got, want)
			}
		}
	}
}

func FuzzSpan(f *testing.F) {
	f.Add("bytes=0-1", int64(10), true)
	f.Add("bytes=-5", int64(3), true)
	f.Add("bytes=9223372036854775807-", int64(3), false)
	f.Fuzz(func(t *testing.T, header string, size int64, standard bool) {
		if size < 0 {
			return
		}
		s, err := spanOf(header, size, standard)
		if s.off < 0 || s.n < 0 || s.off+s.n > size || s.partial && s.n == 0 || !s.partial && s.n != size {
			t.Fatalf("%q of %d: %+v, %v", header, size, s, err)
		}
	})
}

func TestXMLText(t *testing.T) {
	for _, s := range []string{"", "plain", "a&b<c>\"d'", "tab\tnl\ncr\r", "图片.png", "\u00a0\u2028", "mixed & 图 \n"} {
		var got struct {
			Text string `xml:",chardata"`
		}
		doc := "<a>" + string(appendXMLText(nil, s)) + "</a>"
		if err := xml.Unmarshal([]byte(doc), &got); err != nil || got.Text != s {
			t.Errorf("%q: %q, %v", s, got.Text, err)
		}
	}
	if got := string(appendXMLText(nil, "\x00\xff\ufffe")); got != "\ufffd\ufffd\ufffd" {
		t.Errorf("%q", got)
	}
}

func TestParseComplete(t *testing.T) {
	big := strings.Builder{}
	big.WriteString("<CompleteMultipartUpload>")
	for i := range object.MaxParts {
		fmt.Fprintf(&big, "\n<Part>\n<PartNumber>%d</PartNumber>\n<ETag>&quot;3349DC700140D7F86A0784842780****&quot;</ETag>\n</Part>", i+1)
	}
	if big.Len() > maxXMLBody {
		t.Errorf("a request of %d parts has %d bytes", object.MaxParts, big.Len())
	}
	parts, err := parseComplete([]byte(big.String() + "</CompleteMultipartUpload>"))
	if err != nil || len(parts) != object.MaxParts || parts[9].Number != 10 || parts[9].ETag[0] != '"' {
		t.Fatal(len(parts), err)
	}
	for _, c := range []struct{ body, reason string }{
		{"", "MalformedXML"},
		{"x", "MalformedXML"},
		{"<CompleteMultipartUpload/>", "MalformedXML"},
		{"<CompleteMultipartUpload></CompleteMultipartUpload>", "MalformedXML"},
		{"<CompleteMultipartUpload><Part/></CompleteMultipartUpload>", "MalformedXML"},
		{"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>", "MalformedXML"},
		{"<CompleteMultipartUpload><Part><PartNumber>0</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>", "InvalidArgument"},
		{"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>", "MalformedXML"},
		{"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</Part></ETag></CompleteMultipartUpload>", "MalformedXML"},
		{"<!DOCTYPE a [<!ENTITY b 'c'>]><CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&b;</ETag></Part></CompleteMultipartUpload>", "MalformedXML"},
		{strings.Repeat("<a>", 100000), "MalformedXML"},
		{big.String() + "<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>", "MalformedXML"},
	} {
		if _, err := parseComplete([]byte(c.body)); !fault.Is(err, fault.Reason(c.reason)) {
			t.Errorf("%.80s: %v", c.body, err)
		}
	}
	ns := `<?xml version="1.0" encoding="UTF-8"?><CompleteMultipartUpload xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com"><Part><ETag>a</ETag><PartNumber> 7 </PartNumber></Part></CompleteMultipartUpload>`
	if parts, err := parseComplete([]byte(ns)); err != nil || len(parts) != 1 || parts[0] != (object.CompletedPart{Number: 7, ETag: "a"}) {
		t.Error(parts, err)
	}
}

func FuzzParseComplete(f *testing.F) {
	f.Add([]byte("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part></CompleteMultipartUpload>"))
	f.Add([]byte("<a><b/><!-- c --><![CDATA[d]]></a>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		parts, err := parseComplete(body)
		if (err == nil) != (len(parts) > 0) && err == nil {
			t.Fatal("no parts and no error")
		}
		for _, p := range parts {
			if p.Number < 1 || p.Number > object.MaxParts || p.ETag == "" {
				t.Fatalf("%+v", p)
			}
		}
	})
}

func TestParseDelete(t *testing.T) {
	keys, quiet, url, err := parseDelete([]byte("<?xml version=\"1.0\"?>\n<Delete>\n<Quiet>TRUE</Quiet><EncodingType>url</EncodingType><Object><Key> a&amp;b </Key></Object><Object><Key>图</Key><VersionId/></Object></Delete>"))
	if err != nil || !quiet || !url || !reflect.DeepEqual(keys, []string{" a&b ", "图"}) {
		t.Fatal(keys, quiet, url, err)
	}
	many := strings.Repeat("<Object><Key>k</Key></Object>", object.MaxDeleteBatch)
	for _, c := range []struct{ body, reason string }{
		{"", "MalformedXML"},
		{"<Delete/>", "MalformedXML"},
		{"<Delete><Object/></Delete>", "MalformedXML"},
		{"<Delete><Object><Key></Key></Object></Delete>", "MalformedXML"},
		{"<Delete><Quiet>true</Quiet></Delete>", "MalformedXML"},
		{"<Delete><Object><Key>" + strings.Repeat("x", 1024) + "</Key></Object></Delete>", "InvalidObjectName"},
		{"<Delete><Object><Key>k</Key><VersionId>CAE</VersionId></Object></Delete>", "NotImplemented"},
		{"<Delete>" + many + "<Object><Key>k</Key></Object></Delete>", "MalformedXML"},
		{"<Delete><Object><Key>k</Key></Object></Delete><Delete/>", "MalformedXML"},
	} {
		if _, _, _, err := parseDelete([]byte(c.body)); !fault.Is(err, fault.Reason(c.reason)) {
			t.Errorf("%.80s: %v", c.body, err)
		}
	}
	if keys, _, _, err := parseDelete([]byte("<Delete>" + many + "</Delete>")); err != nil || len(keys) != object.MaxDeleteBatch {
		t.Error(len(keys), err)
	}
}

func FuzzParseDelete(f *testing.F) {
	f.Add([]byte("<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object></Delete>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, _, _, err := parseDelete(body)
		if err == nil && (len(keys) == 0 || len(keys) > object.MaxDeleteBatch) {
			t.Fatal(len(keys))
		}
		for _, k := range keys {
			if k == "" || checkKey(k) != nil {
				t.Fatalf("%q", k)
			}
		}
	})
}

func TestProcessBody(t *testing.T) {
	const want = "image/resize,m_fixed,w_128,h_128|sys/saveas,o_YT4+Pz8=,b_dGVzdGJ1Y2tldA=="
	for name, body := range map[string]string{
		"raw (oss2, Java, Go, PHP)": "x-oss-process=" + want,
		"form-encoded (ali-oss)":    "x-oss-process=image%2Fresize%2Cm_fixed%2Cw_128%2Ch_128%7Csys%2Fsaveas%2Co_YT4%2BPz8%3D%2Cb_dGVzdGJ1Y2tldA%3D%3D",
		"lower-case hex":            "x-oss-process=image%2fresize%2cm_fixed%2cw_128%2ch_128%7csys/saveas,o_YT4%2bPz8%3d,b_dGVzdGJ1Y2tldA==",
		"line end (curl -d @file)":  "x-oss-process=" + want + "\n",
		"not the first":             "a=b&x-oss-process=" + want,
	} {
		s, ok := parseProcessBody([]byte(body))
		if !ok || s != want {
			t.Errorf("%s: %q, %v", name, s, ok)
			continue
		}
		p, err := image.Parse(s)
		if err != nil || p.SaveAs == nil || p.SaveAs.Key != "a>>??" || p.SaveAs.Bucket != "testbucket" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for body, want := range map[string]string{"x-oss-process=a%zz%4": "a%zz%4", "x-oss-process=%25": "%"} {
		if s, _ := parseProcessBody([]byte(body)); s != want {
			t.Errorf("%q: %q", body, s)
		}
	}
	for _, body := range []string{"", "image/resize,w_1", "process=a"} {
		if s, ok := parseProcessBody([]byte(body)); ok {
			t.Errorf("%q: %q", body, s)
		}
	}
	if got := rawParam("a=b&x-oss-process=image/watermark,text_YT4+%2B&x=y", "x-oss-process"); got != "image/watermark,text_YT4++" {
		t.Errorf("%q", got)
	}
}

func TestProcessResult(t *testing.T) {
	got := string(processResult(&image.SaveAs{Key: "processed/a\"<图>.jpg"}, 3267))
	want := "{\n    \"bucket\": \"\",\n    \"fileSize\": 3267,\n    \"object\": \"processed/a\\\"<图>.jpg\",\n    \"status\": \"OK\"\n}"
	if got != want {
		t.Errorf("%s", got)
	}
}

func FuzzProcessBody(f *testing.F) {
	f.Add([]byte("x-oss-process=image/resize,w_100|sys/saveas,o_YQ=="))
	f.Add([]byte("x-oss-process=image%2Fresize%2Cw_100%7Csys%2Fsaveas%2Co_YQ%3D%3D"))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, ok := parseProcessBody(body)
		if !ok {
			return
		}
		if len(s) > len(body) {
			t.Fatal("it grew")
		}
		if p, err := image.Parse(s); err == nil && p.SaveAs != nil {
			processResult(p.SaveAs, 1)
		}
	})
}

// formOf builds a form of fields, "name=value", ending with a file.
func formOf(t testing.TB, fields []string, file string) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		k, v, _ := strings.Cut(f, "=")
		if err := w.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	if file != "" {
		fw, err := w.CreateFormFile("file", "photo.png")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(fw, file)
	}
	w.Close()
	return w.FormDataContentType(), b.Bytes()
}

func TestParseForm(t *testing.T) {
	ct, body := formOf(t, []string{"key=up/${filename}", "X-Oss-Meta-A=b", "policy=xyz"}, "data")
	f, err := parseForm(ct, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f.file)
	if err != nil || string(data) != "data" || f.filename != "photo.png" || f.fields["key"] != "up/${filename}" || f.fields["x-oss-meta-a"] != "b" {
		t.Fatalf("%+v %q %v", f, data, err)
	}
	m, err := f.meta()
	if err != nil || m.User["x-oss-meta-a"] != "b" || m.ContentType != octetStream {
		t.Errorf("%+v %v", m, err)
	}
	// Cut short, within the file: reading it must not end well.
	f, err = parseForm(ct, bytes.NewReader(body[:len(body)-30]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(f.file); err != io.ErrUnexpectedEOF {
		t.Errorf("truncated: %v", err)
	}
	big := "x=" + strings.Repeat("y", maxFormBytes)
	var many []string
	for i := range maxFormFields + 1 {
		many = append(many, fmt.Sprintf("f%d=x", i))
	}
	for name, c := range map[string]struct {
		fields []string
		file   string
		reason string
	}{
		"no file":  {[]string{"key=a"}, "", "IncorrectNumberOfFiles"},
		"twice":    {[]string{"key=a", "Key=b"}, "x", "MalformedPOSTRequest"},
		"too long": {[]string{big}, "x", "FieldItemTooLong"},
		"too many": {many, "x", "MalformedPOSTRequest"},
	} {
		ct, body := formOf(t, c.fields, c.file)
		if _, err := parseForm(ct, bytes.NewReader(body)); !fault.Is(err, fault.Reason(c.reason)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseForm("multipart/form-data", bytes.NewReader(body)); !fault.Is(err, "MalformedPOSTRequest") {
		t.Error(err)
	}
}

func FuzzParseForm(f *testing.F) {
	_, body := formOf(f, []string{"key=a"}, "data")
	b, _, _ := bytes.Cut(body[2:], []byte("\r\n"))
	f.Add(string(b), body)
	f.Add("x", []byte("--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na\r\n--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nb\r\n--x--"))
	f.Fuzz(func(t *testing.T, boundary string, body []byte) {
		fm, err := parseForm("multipart/form-data; boundary="+strconv.Quote(boundary), bytes.NewReader(body))
		if err != nil {
			return
		}
		if fm.file == nil || len(fm.fields) > maxFormFields {
			t.Fatalf("%+v", fm)
		}
		_, _ = io.Copy(io.Discard, fm.file)
		_, _ = fm.meta()
	})
}

func TestTokens(t *testing.T) {
	for _, m := range []string{"", "a", "ab", "abc", "abcd", "图/>>>???", "\x00\xff", "---"} {
		if got, ok := parseToken(makeToken(m)); !ok || got != m {
			t.Errorf("%q: %q, %v", m, got, ok)
		}
	}
	for _, s := range []string{"-", "YQ", "Qw==", "!", strings.Repeat("Q", 8000)} {
		if m, ok := parseToken(s); ok {
			t.Errorf("%q passed as %q", s, m)
		}
	}
}

func TestCopySource(t *testing.T) {
	for _, c := range []struct{ in, bucket, key, reason string }{
		{"/bkt/a/b", "bkt", "a/b", ""},
		{"bkt/a", "bkt", "a", ""},
		{"/bkt/a%20b+%2Fc%3F", "bkt", "a b+/c?", ""},
		{"%2Fbkt%2Fa", "bkt", "a", ""},
		{"/bkt/a?versionId=null", "bkt", "a", ""},
		{"/bkt/a?versionId=CAE", "", "", "NotImplemented"},
		{"/bkt", "", "", "InvalidArgument"},
		{"/bkt/", "", "", "InvalidArgument"},
		{"/B/a", "", "", "InvalidBucketName"},
		{"/bkt/%", "", "", "InvalidArgument"},
		{"", "", "", "InvalidArgument"},
	} {
		b, k, err := parseCopySource(c.in)
		if c.reason != "" {
			if !fault.Is(err, fault.Reason(c.reason)) {
				t.Errorf("%q: %v", c.in, err)
			}
		} else if err != nil || b != c.bucket || k != c.key {
			t.Errorf("%q: %q %q %v", c.in, b, k, err)
		}
	}
}

func FuzzCopySource(f *testing.F) {
	f.Add("/bkt/a%20?versionId=null")
	f.Fuzz(func(t *testing.T, s string) {
		b, k, err := parseCopySource(s)
		if err == nil && (!validBucketName(b) || k == "" || checkKey(k) != nil) {
			t.Fatalf("%q: %q %q", s, b, k)
		}
	})
}

func TestRequestIDs(t *testing.T) {
	ids := newRequestIDs()
	now := time.Unix(0x5C3D9175, 0)
	seen := map[string]bool{}
	for range 100000 {
		id := ids.next(now)
		if len(id) != 24 || id[:8] != "5C3D9175" || strings.Trim(id, upperHex) != "" || seen[id] {
			t.Fatal(id)
		}
		seen[id] = true
	}
}

// Every reason of the rooms below has its line in the table: a new one must not go out
// under a status that was never thought about.
func TestWireErrors(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{fault.New(fault.NotFound, object.NoSuchKey, "x"), 404, "NoSuchKey"},
		{fault.New(fault.Exists, object.FileAlreadyExists, "x"), 409, "FileAlreadyExists"},
		{fault.New(fault.Denied, "AccessDenied", "x"), 403, "AccessDenied"},
		{fault.New(fault.Invalid, "NeverSeen", "x"), 400, "NeverSeen"},
		{fault.New(fault.Internal, "Disk", "x"), 500, "InternalError"},
		{io.ErrUnexpectedEOF, 400, "IncompleteBody"},
		{fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), 400, "IncompleteBody"},
		{io.ErrClosedPipe, 500, "InternalError"},
	} {
		if got := wire(asFault(c.err)); got.status != c.status || got.code != c.code {
			t.Errorf("%v: %+v", c.err, got)
		}
	}
	for k := fault.Internal; k <= fault.Unsupported; k++ {
		if kinds[k].status == 0 {
			t.Errorf("kind %v has no status", k)
		}
	}
}

func TestErrorDocument(t *testing.T) {
	w := httptest.NewRecorder()
	q := &request{w: w, r: httptest.NewRequest("GET", "/", nil), id: "ID", address: address{host: "b.localhost"}}
	q.fail(fault.New(fault.NotFound, object.NoSuchBucket, "The bucket <%s> does not exist.", "b").WithHint("Create it.").With("BucketName", "b").With("bad name", "x"))
	want := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n<Code>NoSuchBucket</Code>\n<Message>The bucket &lt;b&gt; does not exist. Create it.</Message>\n<RequestId>ID</RequestId>\n<HostId>b.localhost</HostId>\n<BucketName>b</BucketName>\n<EC>0015-00000101</EC>\n</Error>\n"
	if w.Code != 404 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/xml" || w.Header().Get("x-oss-ec") != "0015-00000101" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	q = &request{w: w, r: httptest.NewRequest("HEAD", "/", nil), id: "ID"}
	q.fail(fault.New(fault.NotFound, object.NoSuchKey, "gone"))
	if w.Code != 404 || w.Body.Len() != 0 || w.Header().Get("x-oss-err") == "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
