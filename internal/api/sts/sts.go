// Package sts speaks Alibaba Cloud's Security Token Service, version 2015-04-01:
// AssumeRole and GetCallerIdentity, as RPC style requests (GET query or POST form)
// signed with the RPC signature 1.0, as older SDKs do, or with ACS3-HMAC-SHA256, as the
// newer ones do. Answers are JSON or XML, as Format asks.
package sts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
)

// Version is the only API version served.
const Version = "2015-04-01"

// maxBody bounds a form, in bytes: a policy of 2 KiB, escaped, and a token fit.
const maxBody = 64 << 10

// New returns the handler of the STS endpoint. It serves the root path only.
func New(ids *identity.Store) http.Handler { return &handler{ids: ids} }

type handler struct{ ids *identity.Store }

// call is one request: what was asked, by whom, and how to answer.
type call struct {
	id     string
	host   string
	xml    bool
	params url.Values
	who    *identity.Principal
}

// actions by their names. Names are exact, as in the cloud.
var actions = map[string]func(*handler, context.Context, *call) (any, error){
	"AssumeRole":        (*handler).assumeRole,
	"GetCallerIdentity": (*handler).callerIdentity,
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{id: requestID(), host: r.Host}
	answer, err := h.serve(c, r)
	if err != nil {
		c.fail(w, err)
		return
	}
	c.write(w, http.StatusOK, answer)
}

// requestID looks as the cloud's do: an upper-case UUID.
func requestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (h *handler) serve(c *call, r *http.Request) (any, error) {
	acs3 := r.Header.Get("Authorization") != ""
	c.params = r.URL.Query()
	c.xml = wantsXML(c.params, acs3)
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return nil, fault.New(fault.Invalid, "UnsupportedHTTPMethod", "This http method is not supported.").WithHint("Use GET or POST.")
	}
	if r.URL.Path != "/" && r.URL.Path != "" {
		return nil, notFound()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, fault.New(fault.Invalid, identity.ReasonInvalidArgument, "The body could not be read to its end.").Because(err)
	}
	if len(body) > maxBody {
		return nil, fault.New(fault.TooLarge, identity.ReasonTooLarge, "The body is longer than %d bytes.", maxBody)
	}
	if ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.EqualFold(strings.TrimSpace(ct), "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fault.New(fault.Invalid, identity.ReasonInvalidArgument, "The form is malformed.")
		}
		for k, v := range form {
			c.params[k] = append(c.params[k], v...)
		}
		c.xml = wantsXML(c.params, acs3)
	}

	action, version := c.params.Get("Action"), c.params.Get("Version")
	if acs3 {
		// What the headers say is signed, and says which API is called.
		action, version = r.Header.Get("X-Acs-Action"), r.Header.Get("X-Acs-Version")
	}
	if action == "" {
		return nil, missing("Action")
	}
	if version != Version {
		return nil, fault.New(fault.Invalid, "InvalidVersion", "Specified parameter Version is not valid.").WithHint("Use %s.", Version)
	}
	run := actions[action]
	if run == nil {
		return nil, notFound()
	}
	if acs3 {
		c.who, err = h.ids.VerifyACS3(r, func() (string, error) {
			sum := sha256.Sum256(body)
			return hex.EncodeToString(sum[:]), nil
		})
	} else {
		c.who, err = h.ids.VerifyRPC(r.Method, c.params)
	}
	if err != nil {
		return nil, err
	}
	if c.who.Kind == identity.Anonymous {
		return nil, missing("AccessKeyId")
	}
	return run(h, r.Context(), c)
}

// wantsXML: RPC requests get XML unless they ask for JSON, ACS3 ones the opposite.
func wantsXML(p url.Values, acs3 bool) bool {
	if f := p.Get("Format"); f != "" {
		return strings.EqualFold(f, "XML")
	}
	return !acs3
}

func notFound() error {
	return fault.New(fault.NotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.").
		WithHint("This endpoint serves AssumeRole and GetCallerIdentity.")
}

func missing(param string) error {
	return fault.New(fault.Invalid, "Missing"+fault.Reason(param), "%s is mandatory for this action.", param)
}

type assumeRoleResponse struct {
	XMLName         xml.Name `json:"-" xml:"AssumeRoleResponse"`
	RequestID       string   `json:"RequestId" xml:"RequestId"`
	AssumedRoleUser struct {
		ARN string `json:"Arn" xml:"Arn"`
		ID  string `json:"AssumedRoleId" xml:"AssumedRoleId"`
	}
	Credentials identity.Credentials
}

func (h *handler) assumeRole(ctx context.Context, c *call) (any, error) {
	for _, p := range []string{"RoleArn", "RoleSessionName"} {
		if c.params.Get(p) == "" {
			return nil, missing(p)
		}
	}
	duration := 0
	if d := c.params.Get("DurationSeconds"); d != "" {
		n, err := strconv.Atoi(d)
		if err != nil || n <= 0 {
			return nil, fault.New(fault.Invalid, identity.ReasonDuration, "The parameter DurationSeconds is not a number of seconds: %q.", d)
		}
		duration = n
	}
	s, err := h.ids.AssumeRole(ctx, c.who, c.params.Get("RoleArn"), c.params.Get("RoleSessionName"), duration, c.params.Get("Policy"))
	if err != nil {
		return nil, err
	}
	a := &assumeRoleResponse{RequestID: c.id, Credentials: s.Credentials}
	a.AssumedRoleUser.ARN, a.AssumedRoleUser.ID = s.ARN, s.ID
	return a, nil
}

type callerIdentityResponse struct {
	XMLName      xml.Name `json:"-" xml:"GetCallerIdentityResponse"`
	RequestID    string   `json:"RequestId" xml:"RequestId"`
	IdentityType string
	AccountID    string `json:"AccountId" xml:"AccountId"`
	PrincipalID  string `json:"PrincipalId" xml:"PrincipalId"`
	UserID       string `json:"UserId,omitempty" xml:"UserId,omitempty"`
	RoleID       string `json:"RoleId,omitempty" xml:"RoleId,omitempty"`
	ARN          string `json:"Arn" xml:"Arn"`
}

func (h *handler) callerIdentity(_ context.Context, c *call) (any, error) {
	a := &callerIdentityResponse{RequestID: c.id, IdentityType: c.who.Kind.String(), AccountID: c.who.Account, PrincipalID: c.who.ID, ARN: c.who.ARN}
	if c.who.Kind == identity.AssumedRole {
		a.RoleID = c.who.RoleID()
	} else {
		a.UserID = c.who.ID
	}
	return a, nil
}

func (c *call) write(w http.ResponseWriter, status int, v any) {
	var out []byte
	var err error
	if c.xml {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		out, err = xml.Marshal(v)
		out = append([]byte(xml.Header), out...)
	} else {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		out, err = json.Marshal(v)
	}
	if err != nil { // only a type that cannot be encoded, which any test finds
		panic(err)
	}
	w.Header().Set("X-Acs-Request-Id", c.id)
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	w.WriteHeader(status)
	w.Write(out) // a client that has gone is not our failure
}

type errorResponse struct {
	XMLName   xml.Name `json:"-" xml:"Error"`
	RequestID string   `json:"RequestId" xml:"RequestId"`
	HostID    string   `json:"HostId" xml:"HostId"`
	Code      string
	Message   string
}

func (c *call) fail(w http.ResponseWriter, err error) {
	e := fault.As(err)
	code, status, message := wire(e)
	if errors.Is(err, context.Canceled) {
		status = 499
	}
	c.write(w, status, &errorResponse{RequestID: c.id, HostID: c.host, Code: code, Message: message})
}
