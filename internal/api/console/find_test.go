package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/object"
)

func init() { moreReaches = append(moreReaches, findReaches) }

func findReaches() []reach {
	return []reach{{"GET /api/find", "/api/find?q=f", "", "x:y", "", "", 200}}
}

// shelf has buckets of the names it lists.
type shelf []string

func (s shelf) ListBuckets(_ context.Context, prefix, marker string, _ int) (out []*object.Bucket, next string, err error) {
	for _, n := range s {
		if n > marker && strings.HasPrefix(n, prefix) {
			if out = append(out, &object.Bucket{Name: n}); len(out) == 2 {
				return out, n, nil
			}
		}
	}
	return out, "", nil
}

func TestFind(t *testing.T) {
	w := newWorld(t)
	w.h.Buckets = shelf{"a-pictures", "invoices", "my-invoices", "pictures", "read-invoice-in", "z-invoice"}
	w.Handler = New(w.h.Options)
	at := time.Now()
	id := fmt.Sprintf("%08X0123456789ABCDEF", at.Unix())
	for _, bucket := range []string{"b", "other"} {
		if err := w.kv.Update(context.Background(), func(tx kv.Txn) error {
			w.history.Event(tx, &event.Record{Type: event.PutObject, Time: at.Add(3 * time.Second), Bucket: bucket, Key: "in/b.png", Origin: event.Origin{RequestID: id}}, nil, nil)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	allow := func(action, resource string) string {
		return `{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}`
	}
	lister := w.key("lister", allow("oss:ListBuckets", "*"))
	caller := w.key("caller", allow("fc:ListFunctions", "*"))
	reader := w.key("reader", allow("oss:ListObjects", "acs:oss:*:*:b"))
	for _, c := range []struct {
		who                        string
		word                       string
		functions, buckets, events []string
	}{
		{"root", "invoice", nil, []string{"invoices", "my-invoices", "read-invoice-in", "z-invoice"}, nil}, // what begins so comes first
		{"root", "PICT", nil, []string{"a-pictures", "pictures"}, nil},
		{"root", "", []string{"f", "g"}, []string{"a-pictures", "invoices", "my-invoices", "pictures", "read-invoice-in", "z-invoice"}, nil},
		{"root", "g", []string{"g"}, nil, nil},
		{"root", id, nil, nil, []string{"b", "other"}},
		{"root", strings.ToLower(id), nil, nil, []string{"b", "other"}},
		{"root", id[:23] + "E", nil, nil, nil},
		{"reader", id, nil, nil, []string{"b"}},
		{"reader", "", nil, nil, nil},
		{"lister", "z", nil, []string{"z-invoice"}, nil},
		{"lister", id, nil, nil, nil},
		{"caller", "g", []string{"g"}, nil, nil},
	} {
		cred := &root
		switch c.who {
		case "lister":
			cred = lister
		case "caller":
			cred = caller
		case "reader":
			cred = reader
		}
		var got Found
		w.do(cred, "GET", "/api/find?q="+c.word, "").into(&got)
		var events []string
		for _, e := range got.Events {
			events = append(events, e.Bucket)
		}
		if !slices.Equal(got.Functions, c.functions) || !slices.Equal(got.Buckets, c.buckets) || !slices.Equal(events, c.events) {
			t.Errorf("%s finds %+v by %q, want %v, %v, %v", c.who, got, c.word, c.functions, c.buckets, c.events)
		}
	}
	w.root("GET", "/api/find?q="+strings.Repeat("x", 200), "").refused(400, "InvalidArgument", "q has 200 bytes")
}
