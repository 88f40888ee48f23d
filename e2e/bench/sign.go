package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// The signatures are written out here, apart from the server's own, so that a mistake in
// one does not hide in the other.

const (
	keyID     = "LTAIbenchKeyPair00000001"
	keySecret = "bench-only-secret-0123456789"
	region    = "cn-hangzhou"
	account   = "1642039851470273"
)

// v1 appends a request of OSS with a V1 signature in its header.
func v1(buf []byte, method, host, bucket, key, query string, body []byte) []byte {
	date := time.Now().UTC().Format(http.TimeFormat)
	resource := "/" + bucket + "/" + key
	if query != "" {
		resource += "?" + query
	}
	mac := hmac.New(sha1.New, []byte(keySecret))
	mac.Write([]byte(method + "\n\n\n" + date + "\n" + resource))
	buf = append(buf, method...)
	buf = append(buf, ' ')
	buf = append(buf, resource...)
	buf = append(buf, " HTTP/1.1\r\nHost: "...)
	buf = append(buf, host...)
	buf = append(buf, "\r\nDate: "...)
	buf = append(buf, date...)
	buf = append(buf, "\r\nAuthorization: OSS "+keyID+":"...)
	buf = base64.StdEncoding.AppendEncode(buf, mac.Sum(nil))
	if method == "PUT" || len(body) > 0 {
		buf = append(buf, "\r\nContent-Length: "...)
		buf = strconv.AppendInt(buf, int64(len(body)), 10)
	}
	buf = append(buf, "\r\n\r\n"...)
	return append(buf, body...)
}

var (
	nonceBase = rand.Text()
	nonce     atomic.Uint64
)

// acs3 appends a request of Function Compute with an ACS3-HMAC-SHA256 signature.
func acs3(buf []byte, method, host, action, path, contentType string, body []byte) []byte {
	date := time.Now().UTC().Format("2006-01-02T15:04:05Z")
	once := nonceBase + strconv.FormatUint(nonce.Add(1), 36)
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	headers := "content-type:" + contentType + "\nhost:" + host + "\nx-acs-action:" + action + "\nx-acs-content-sha256:" + hash +
		"\nx-acs-date:" + date + "\nx-acs-signature-nonce:" + once + "\nx-acs-version:2023-03-30\n"
	const signed = "content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
	canonical := sha256.Sum256([]byte(method + "\n" + path + "\n\n" + headers + "\n" + signed + "\n" + hash))
	mac := hmac.New(sha256.New, []byte(keySecret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(canonical[:])))
	buf = append(buf, method+" "+path+" HTTP/1.1\r\nHost: "+host+"\r\nContent-Type: "+contentType+
		"\r\nx-acs-version: 2023-03-30\r\nx-acs-action: "+action+"\r\nx-acs-date: "+date+"\r\nx-acs-signature-nonce: "+once+
		"\r\nx-acs-content-sha256: "+hash+"\r\nAuthorization: ACS3-HMAC-SHA256 Credential="+keyID+",SignedHeaders="+signed+",Signature="...)
	buf = hex.AppendEncode(buf, mac.Sum(nil))
	buf = append(buf, "\r\nContent-Length: "...)
	buf = strconv.AppendInt(buf, int64(len(body)), 10)
	buf = append(buf, "\r\n\r\n"...)
	return append(buf, body...)
}
