package fc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// linkTTL is how long a download link of code is good.
const linkTTL = 10 * time.Minute

// noCode names the object that could not be read: OSS's own words are for somebody who
// has just named it.
func noCode(err error, bucket, key string) error {
	f := fault.As(err)
	var e *fault.Error
	switch f.Reason {
	case "NoSuchBucket":
		e = fault.New(f.Kind, f.Reason, "The bucket '%s' of code.ossBucketName does not exist.", bucket).
			WithHint("Create it and upload the code package, or give code.zipFile.")
	case "NoSuchKey":
		e = fault.New(f.Kind, f.Reason, "The object '%s' of code.ossObjectName does not exist in bucket '%s'.", key, bucket).
			WithHint("Upload the code package there first.")
	default:
		message, hint := f.Said()
		e = fault.New(f.Kind, f.Reason, "The code package '%s' in bucket '%s' cannot be read: %s", key, bucket, message).WithHint("%s", hint)
		e.Params = f.Params
	}
	return e.Because(err)
}

// getFunctionCode answers with a link to the zip, which this address serves. The link
// needs no other signature; it ends with linkTTL, or with this process.
func (h *Handler) getFunctionCode(c *call) error {
	f, err := h.Functions.GetQualified(c.r.Context(), c.args[0], c.r.URL.Query().Get("qualifier"))
	if err != nil {
		return err
	}
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	expires := strconv.FormatInt(h.Now().Add(linkTTL).Unix(), 10)
	code := f.Config.Code
	return c.json(struct {
		Checksum string `json:"checksum"`
		URL      string `json:"url"`
	}{code.Checksum, scheme + "://" + c.r.Host + apiPath + "alcedo/code/" + code.ID + "?Expires=" + expires + "&Signature=" + h.linkSignature(code.ID, expires)})
}

func (h *Handler) linkSignature(codeID, expires string) string {
	m := hmac.New(sha256.New, h.linkKey)
	m.Write([]byte(codeID + "\n" + expires))
	return hex.EncodeToString(m.Sum(nil))
}

// downloadCode serves a link of getFunctionCode.
func (h *Handler) downloadCode(c *call) error {
	q := c.r.URL.Query()
	id, expires := c.args[0], q.Get("Expires")
	if !hmac.Equal([]byte(q.Get("Signature")), []byte(h.linkSignature(id, expires))) {
		return fault.New(fault.Unauthentic, "SignatureDoesNotMatch", "The signature of this link is wrong.").WithHint("Call GetFunctionCode for a new one.")
	}
	if n, err := strconv.ParseInt(expires, 10, 64); err != nil || h.Now().Unix() > n {
		return fault.New(fault.Denied, "AccessDenied", "This link has expired.").WithHint("Call GetFunctionCode for a new one.")
	}
	code, err := h.Functions.CodeByID(c.r.Context(), id)
	if err != nil {
		return err
	}
	f, err := h.Functions.OpenCode(c.r.Context(), code)
	if err != nil {
		return err
	}
	defer f.Close()
	c.w.Header().Set("Content-Type", "application/zip")
	http.ServeContent(c.w, c.r, "code.zip", time.Time{}, io.NewSectionReader(f, 0, f.Size()))
	return nil
}

// tempBucketToken is the old API's answer to where `s deploy` may put a code package.
func (h *Handler) tempBucketToken(c *call) error {
	if h.Uploads == nil {
		return notImplemented("Uploads of code by way of OSS are not available on this server.").WithHint("Send the code package in the request (code.zipFile).")
	}
	t, err := h.Uploads.TempBucket(c.r.Context(), c.who)
	if err != nil {
		return err
	}
	type credentials struct {
		AccessKeyID     string `json:"AccessKeyId"`
		AccessKeySecret string `json:"AccessKeySecret"`
		Expiration      string `json:"Expiration"`
		SecurityToken   string `json:"SecurityToken"`
	}
	return c.json(struct {
		Credentials credentials `json:"credentials"`
		Region      string      `json:"ossRegion"`
		Bucket      string      `json:"ossBucket"`
		Object      string      `json:"objectName"`
	}{credentials{t.Credentials.AccessKeyID, t.Credentials.AccessKeySecret, wireTime(t.Credentials.Expiration), t.Credentials.SecurityToken}, t.Region, t.Bucket, t.Object})
}
