// Package client is what the command line talks to a server with: signed requests to the
// FC API and to the console's API.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/alcedo-storage/alcedo/internal/identity"
)

// Client sends signed requests. Base addresses have the form "http://host:port".
type Client struct {
	FC, Console, OSS string
	Region           string // for OSS, "cn-hangzhou"
	Key              identity.Credentials
}

// Error is a server's refusal.
type Error struct {
	Status    int
	Code      string
	Message   string
	RequestID string `json:"RequestId"`
}

func (e *Error) Error() string {
	s := e.Code + ": " + e.Message
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	return s
}

// Object sends a request for a bucket or (with a key) an object, signed with V4 and
// addressed by path. header may be nil; size is of body. A status of 400 and up becomes
// an *Error.
func (c *Client) Object(ctx context.Context, method, bucket, key string, body io.Reader, size int64, header http.Header) error {
	u := &url.URL{Path: "/" + bucket}
	if key != "" {
		u.Path += "/" + key
	}
	r, err := http.NewRequestWithContext(ctx, method, c.OSS+u.EscapedPath(), body)
	if err != nil {
		return err
	}
	if r.ContentLength = size; size == 0 {
		r.Body = http.NoBody // else the length would be taken for unknown
	}
	for k, v := range header {
		r.Header[k] = v
	}
	identity.SignOSSV4(r, bucket, key, c.Region, c.Key, time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%w\nIs `alcedo serve` running at %s? The option --oss says where it is", err, c.OSS)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 400 {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	var x struct {
		Code, Message string
		RequestID     string `xml:"RequestId"`
	}
	e := &Error{Status: resp.StatusCode, Code: resp.Status, Message: string(b)}
	if xml.Unmarshal(b, &x) == nil && x.Code != "" {
		e.Code, e.Message, e.RequestID = x.Code, x.Message, x.RequestID
	}
	return e
}

// Do sends a request and returns the answer, whose body the caller closes. A status of
// 400 and up becomes an *Error.
func (c *Client) Do(ctx context.Context, method, base, path string, query url.Values, body []byte, header http.Header) (*http.Response, error) {
	u := base + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, u, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		r.Header[k] = v
	}
	r.Header.Set("X-Acs-Version", "2023-03-30")
	identity.SignACS3(r, body, c.Key, time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w\nIs `alcedo serve` running at %s? The options --fc and --console say where it is", err, base)
	}
	if resp.StatusCode < 400 {
		return resp, nil
	}
	defer resp.Body.Close()
	e := &Error{Status: resp.StatusCode}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(b, e) != nil || e.Code == "" {
		e.Code, e.Message = resp.Status, string(b)
	}
	return nil, e
}

// Send is Do with in as a JSON body (nil: no body).
func (c *Client) Send(ctx context.Context, method, base, path string, query url.Values, in any) (*http.Response, error) {
	if in == nil {
		return c.Do(ctx, method, base, path, query, nil, nil)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return c.Do(ctx, method, base, path, query, body, http.Header{"Content-Type": {"application/json; charset=utf-8"}})
}

// JSON sends in (nil: no body) to the FC API and decodes the answer into out (nil: it is
// dropped).
func (c *Client) JSON(ctx context.Context, method, path string, query url.Values, in, out any) (http.Header, error) {
	resp, err := c.Send(ctx, method, c.FC, "/2023-03-30"+path, query, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if out == nil {
		return resp.Header, nil
	}
	return resp.Header, json.NewDecoder(resp.Body).Decode(out)
}

// Get asks the console's API and decodes the answer into out.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) error {
	resp, err := c.Do(ctx, "GET", c.Console, path, query, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}
