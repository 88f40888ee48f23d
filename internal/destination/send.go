package destination

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/lineage"
)

// Write is an object that a result becomes.
type Write struct {
	Function    string // whose result it is, and whose role must allow oss:PutObject
	Qualifier   string
	Bucket, Key string
	Body        []byte
	ContentType string
	RequestID   string           // of the run
	Lineage     *lineage.Lineage // of the run that had the result, so that what the object sets off is of its chain
}

// Objects writes results as objects. A fault of the kinds Throttled, Unavailable and
// Internal is worth another try.
type Objects interface {
	PutObject(ctx context.Context, w Write) error
}

// Message is one result on its way.
type Message struct {
	Function  string // whose result it is
	Qualifier string
	RequestID string // of the run that had it
	Condition string // as in [Result]
	Body      []byte // made by [AppendPayload]
	Lineage   *lineage.Lineage
}

// Sender sends results to what is not a function.
type Sender struct {
	Region, Account string
	Objects         Objects // nil: there is no object storage
	client          *http.Client
}

// Bounds of one request to an HTTP endpoint.
const (
	connectTimeout = 5 * time.Second
	requestTimeout = 15 * time.Second
	maxAnswer      = 64 << 10 // bytes read, and thrown away, so that a connection can be used again
	maxRedirects   = 3
)

// NewSender returns a Sender for destinations in a region and an account.
func NewSender(region, account string, objects Objects) *Sender {
	dialer := &net.Dialer{Timeout: connectTimeout, ControlContext: control}
	return &Sender{Region: region, Account: account, Objects: objects, client: &http.Client{
		Timeout: requestTimeout,
		// No proxy: what it connects to could not be judged.
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: connectTimeout, ForceAttemptHTTP2: true,
			MaxIdleConns: 64, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
		},
		// Only redirects that keep the method and the scheme are followed.
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if req.Method != http.MethodPost || req.URL.Scheme != via[0].URL.Scheme || len(via) > maxRedirects {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

// control looks at the address that a name turned out to have, just before the
// connection: a name that was harmless when it was checked may be another one now.
func control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if why := forbidden(ap.Addr()); why != "" {
		return failed(fault.Invalid, "Results cannot be sent to %s: %s.", ap.Addr(), why)
	}
	return nil
}

func failed(k fault.Kind, format string, args ...any) *fault.Error {
	return fault.New(k, "DestinationDeliveryFailed", format, args...)
}

// Parse is [Parse] with the sender's region and account.
func (s *Sender) Parse(arn string) (Target, error) { return Parse(arn, s.Region, s.Account) }

// FunctionARN names a function at a qualifier as FC does: LATEST is left out.
func (s *Sender) FunctionARN(function, qualifier string) string {
	arn := "acs:fc:" + s.Region + ":" + s.Account + ":functions/" + function
	if qualifier != "" && qualifier != "LATEST" {
		arn += "/" + qualifier
	}
	return arn
}

// Send makes one attempt. Every error is a fault of reason DestinationDeliveryFailed, or
// what the object's storage said; the kinds Throttled, Unavailable, Internal and Denied (of
// a role that can be given the permission) are worth another try. A result may arrive
// more than once.
func (s *Sender) Send(ctx context.Context, t *Target, m *Message) error {
	switch t.Kind {
	case Object:
		return s.put(ctx, t, m)
	case HTTP:
		return s.post(ctx, t, m)
	}
	return failed(fault.Invalid, "'%s' is not sent to.", t.Shown())
}

// put writes <prefix><request id>.json. The same result again, also that of a dead
// letter tried again, replaces it.
func (s *Sender) put(ctx context.Context, t *Target, m *Message) error {
	if s.Objects == nil {
		return failed(fault.Invalid, "There is no object storage to write results to.")
	}
	return s.Objects.PutObject(ctx, Write{
		Function: m.Function, Qualifier: m.Qualifier, Bucket: t.Bucket, Key: t.Prefix + m.RequestID + ".json",
		Body: m.Body, ContentType: "application/json", RequestID: m.RequestID, Lineage: m.Lineage,
	})
}

func (s *Sender) post(ctx context.Context, t *Target, m *Message) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(m.Body))
	if err != nil {
		return failed(fault.Invalid, "The destination is not a well-formed URL.")
	}
	condition := m.Condition
	if condition == "" {
		condition = "Success"
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "alcedo-destination")
	req.Header.Set("X-Fc-Request-Id", m.RequestID)
	req.Header.Set("X-Fc-Function-Name", m.Function)
	req.Header.Set("X-Fc-Destination-Condition", condition)
	res, err := s.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// Its own text repeats the URL.
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		var f *fault.Error
		if errors.As(err, &f) {
			return f
		}
		return failed(fault.Unavailable, "%s cannot be reached or does not answer.", t.Shown()).Because(err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // the status has decided
	switch code := res.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code/100 == 5:
		return failed(fault.Unavailable, "%s answered %d.", t.Shown(), code)
	case code/100 == 3:
		return failed(fault.Invalid, "%s answered with a redirect (%d) that is not followed.", t.Shown(), code).
			WithHint("Name the URL that it leads to.")
	default:
		return failed(fault.Invalid, "%s refused the result (%d).", t.Shown(), code)
	}
}
