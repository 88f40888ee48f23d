package destination

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/lineage"
)

func TestPost(t *testing.T) {
	var got *http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusPermanentRedirect)
		case "/get":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
		case "/away":
			http.Redirect(w, r, "https://"+r.Host+"/ok", http.StatusTemporaryRedirect)
		case "/metadata":
			http.Redirect(w, r, "http://100.100.100.200/latest", http.StatusTemporaryRedirect)
		case "/ok":
			w.WriteHeader(http.StatusNoContent)
		case "/endless":
			for range 64 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		default:
			var code int
			for _, c := range r.URL.Path[1:] {
				code = 10*code + int(c-'0')
			}
			w.WriteHeader(code)
		}
	}))
	defer s.Close()
	sender := NewSender(region, account, nil)
	send := func(url string) error {
		target, err := sender.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		return sender.Send(context.Background(), &target, &Message{Function: "f", RequestID: "1-2-3", Condition: "UnhandledInvocationError", Body: []byte(`{"x":1}`)})
	}
	for path, want := range map[string]string{
		"/ok": "", "/200": "", "/202": "", "/moved": "", "/endless": "",
		"/400": "invalid", "/403": "invalid", "/404": "invalid", "/410": "invalid", "/304": "invalid", "/get": "invalid", "/away": "invalid", "/loop": "invalid", "/metadata": "invalid",
		"/408": "unavailable", "/429": "unavailable", "/500": "unavailable", "/503": "unavailable",
	} {
		err := send(s.URL + path + "?token=hunter2")
		kind := ""
		if err != nil {
			kind = fault.KindOf(err).String()
		}
		if kind != want || err != nil && (!fault.Is(err, "DestinationDeliveryFailed") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if err := send(s.URL + "/ok"); err != nil {
		t.Fatal(err)
	}
	h := got.Header
	if got.Method != "POST" || string(body) != `{"x":1}` || h.Get("Content-Type") != "application/json" || h.Get("X-Fc-Request-Id") != "1-2-3" ||
		h.Get("X-Fc-Destination-Condition") != "UnhandledInvocationError" || h.Get("X-Fc-Function-Name") != "f" {
		t.Errorf("%s %q %v", got.Method, body, h)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if err := send(gone.URL + "/?token=hunter2"); fault.KindOf(err) != fault.Unavailable || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a closed port: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := sender.Send(ctx, &Target{Kind: HTTP, URL: s.URL}, &Message{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// The check is made of the address that is connected to, whatever name led there.
func TestControl(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "169.254.169.254:80": false, "100.100.100.200:80": false, "[fe80::1%lo]:80": false, "": false,
	} {
		if err := control(context.Background(), "tcp", address, nil); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
	s := NewSender(region, account, nil)
	err := s.Send(context.Background(), &Target{Kind: HTTP, URL: "http://169.254.169.254/"}, &Message{})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "credentials") {
		t.Errorf("metadata address: %v", err)
	}
}

type shelf struct{ writes []Write }

func (s *shelf) PutObject(_ context.Context, w Write) error {
	s.writes = append(s.writes, w)
	return nil
}

func TestPut(t *testing.T) {
	target, err := Parse(ossARN+"results/failed/", region, account)
	if err != nil {
		t.Fatal(err)
	}
	m := &Message{Function: "f", Qualifier: "prod", RequestID: "1-2-3", Body: []byte("{}"), Lineage: &lineage.Lineage{Run: "1-2-3", Depth: 2}}
	objects := &shelf{}
	if err := NewSender(region, account, objects).Send(context.Background(), &target, m); err != nil {
		t.Fatal(err)
	}
	if w := objects.writes[0]; w.Bucket != "results" || w.Key != "failed/1-2-3.json" || string(w.Body) != "{}" || w.ContentType != "application/json" || w.Lineage != m.Lineage || w.Function != "f" || w.Qualifier != "prod" {
		t.Errorf("%+v", w)
	}
	if err := NewSender(region, account, nil).Send(context.Background(), &target, m); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without storage: %v", err)
	}
}
