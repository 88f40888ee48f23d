package console

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/object"
)

func (h *handler) findOperations() map[string]operation {
	return map[string]operation{"GET /api/find": h.find}
}

// Buckets lists buckets by name, as object.Store does.
type Buckets interface {
	ListBuckets(ctx context.Context, prefix, marker string, max int) (buckets []*object.Bucket, next string, err error)
}

// Found is what goes by a word: names that begin with it before those that hold it, eight
// of each kind at most. Part is set if there are more names than were looked through.
type Found struct {
	Functions []string       `json:"functions"`
	Buckets   []string       `json:"buckets"`
	Events    []history.Info `json:"events"` // what a request to OSS with this id caused
	Part      bool           `json:"part,omitempty"`
}

const (
	maxFound    = 8
	maxFindText = 128                    // bytes
	findTime    = 200 * time.Millisecond // for the names of each kind, and for events
)

// find looks up what somebody types who wants to go there: part of the name of a function
// or bucket, or the id of a request to OSS. It needs no permission of its own, and tells
// of nothing that the caller may not list.
func (h *handler) find(r *request) (any, error) {
	word := strings.TrimSpace(r.param("q"))
	if len(word) > maxFindText {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "q has %d bytes; %d are the most.", len(word), maxFindText)
	}
	out := Found{Functions: []string{}, Buckets: []string{}, Events: []history.Info{}}
	if h.may(r, "fc:ListFunctions", "*") == nil {
		names, part, err := findNames(r.Context(), word, func(ctx context.Context, prefix, after string) (names []string, next string, err error) {
			fns, next, err := h.Functions.List(ctx, function.Query{Prefix: prefix, Token: after, Limit: 100})
			for _, f := range fns {
				names = append(names, f.Name)
			}
			return names, next, err
		})
		if err != nil {
			return nil, err
		}
		out.Functions, out.Part = names, part
	}
	if h.Buckets != nil && h.authorize(r, "oss:ListBuckets", "acs:oss:*:"+h.Account+":*") == nil {
		names, part, err := findNames(r.Context(), word, func(ctx context.Context, prefix, after string) (names []string, next string, err error) {
			list, next, err := h.Buckets.ListBuckets(ctx, prefix, after, 1000)
			for _, b := range list {
				names = append(names, b.Name)
			}
			return names, next, err
		})
		if err != nil {
			return nil, err
		}
		out.Buckets, out.Part = names, out.Part || part
	}
	if at, ok := requestTime(word); ok {
		if err := h.eventsOf(r, strings.ToUpper(word), at, &out.Events); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// findNames returns up to maxFound names that begin with word, then those that hold it. part
// is set if time ran out before all were looked at.
func findNames(ctx context.Context, word string, list func(ctx context.Context, prefix, after string) ([]string, string, error)) (found []string, part bool, err error) {
	begin, low := time.Now(), strings.ToLower(word)
	found = []string{}
	for _, prefix := range []string{word, ""} {
		for after := ""; ; {
			names, next, err := list(ctx, prefix, after)
			if err != nil {
				return nil, false, err
			}
			for _, n := range names {
				if prefix == "" && word != "" && (strings.HasPrefix(n, word) || !strings.Contains(strings.ToLower(n), low)) {
					continue
				}
				if found = append(found, n); len(found) == maxFound {
					return found, false, nil
				}
			}
			if after = next; next == "" {
				break
			}
			if time.Since(begin) > findTime {
				return found, true, nil
			}
		}
		if word == "" {
			break
		}
	}
	return found, false, nil
}

// requestTime reads when a request to OSS began from its id: 24 hex digits, the first 8
// of which are the unix time.
func requestTime(id string) (time.Time, bool) {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 12 {
		return time.Time{}, false
	}
	return time.Unix(int64(b[0])<<24|int64(b[1])<<16|int64(b[2])<<8|int64(b[3]), 0), true
}

// longestUpload is how long after its request began an event may have happened: an upload's body
// takes its time.
const longestUpload = time.Hour

// eventsOf finds the events that the request with an id caused, which began at a time.
func (h *handler) eventsOf(r *request, id string, at time.Time, to *[]history.Info) error {
	begin := time.Now()
	q := history.EventQuery{
		RequestID: id, Since: at.Add(-2 * time.Second), Until: at.Add(longestUpload), Limit: maxFound,
	}
	may := h.mayRuns(r)
	for {
		p, err := h.History.Events(r.Context(), q)
		if err != nil {
			return err
		}
		for _, e := range p.Events {
			if h.maySee(r, e) == nil {
				*to = append(*to, show(e, nil, may).Info)
			}
		}
		if !p.More || len(*to) >= maxFound || time.Since(begin) > findTime {
			*to = (*to)[:min(len(*to), maxFound)]
			return nil
		}
		q.After = p.Next
	}
}
