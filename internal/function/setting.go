package function

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Bounds and defaults of asynchronous invocation (FC PutAsyncInvokeConfig).
const (
	DefaultAsyncRetries = 3
	MaxAsyncRetries     = 8
	DefaultAsyncMaxAge  = 24 * time.Hour
	MaxAsyncMaxAge      = 7 * 24 * time.Hour
)

// AsyncConfig says how asynchronous invocations of one qualifier of a function behave.
type AsyncConfig struct {
	Function      string    `cbor:"1,keyasint"`
	Qualifier     string    `cbor:"2,keyasint"`
	Retries       *int      `cbor:"3,keyasint,omitempty"` // attempts after the first; nil: DefaultAsyncRetries
	MaxAgeSeconds *int      `cbor:"4,keyasint,omitempty"` // nil: DefaultAsyncMaxAge
	Task          bool      `cbor:"5,keyasint,omitempty"` // asyncTask: each invocation is a task that can be shown and stopped
	Created       time.Time `cbor:"6,keyasint"`
	Modified      time.Time `cbor:"7,keyasint"`

	// Destinations of results, as package destination has them; empty: none.
	OnSuccess string `cbor:"8,keyasint,omitempty"`
	OnFailure string `cbor:"9,keyasint,omitempty"`
}

// MaxRetries is how often a failed invocation is tried again.
func (c *AsyncConfig) MaxRetries() int {
	if c.Retries == nil {
		return DefaultAsyncRetries
	}
	return *c.Retries
}

// MaxAge is how long after it was accepted an invocation may still be started.
func (c *AsyncConfig) MaxAge() time.Duration {
	if c.MaxAgeSeconds == nil {
		return DefaultAsyncMaxAge
	}
	return time.Duration(*c.MaxAgeSeconds) * time.Second
}

// PutAsyncConfig sets the asynchronous settings of one qualifier ("" is LATEST), whole,
// if every check lets it: they see the state that the settings are put into, and may run
// more than once. What destinations say is for them to judge.
func (s *Store) PutAsyncConfig(ctx context.Context, c AsyncConfig, checks ...func(kv.Reader) error) (*AsyncConfig, error) {
	if c.Qualifier == "" {
		c.Qualifier = Latest
	}
	if n := c.Retries; n != nil && (*n < 0 || *n > MaxAsyncRetries) {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "maxAsyncRetryAttempts %d is out of range: it must be 0 to %d.", *n, MaxAsyncRetries)
	}
	if n := c.MaxAgeSeconds; n != nil && (*n < 1 || *n > int(MaxAsyncMaxAge/time.Second)) {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "maxAsyncEventAgeInSeconds %d is out of range: it must be 1 to %d.", *n, int(MaxAsyncMaxAge/time.Second))
	}
	now := s.now()
	err := s.kv.Update(ctx, func(t kv.Txn) error {
		if err := Exists(t, c.Function, c.Qualifier); err != nil {
			return err
		}
		for _, check := range checks {
			if err := check(t); err != nil {
				return err
			}
		}
		key := row.Key(tableAsync, c.Function, c.Qualifier)
		c.Created, c.Modified = now, now
		if old, err := get[AsyncConfig](t, key); err == nil {
			c.Created = old.Created
		} else if !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		return put(t, key, &c)
	})
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// GetAsyncConfig returns what PutAsyncConfig set. Reason AsyncConfigNotExists: nothing.
func (s *Store) GetAsyncConfig(ctx context.Context, function, qualifier string) (*AsyncConfig, error) {
	return s.asyncConfig(ctx, function, qualifier, false)
}

// AsyncConfigFor returns the settings that hold for a qualifier of a function: its own,
// or the defaults. Reason FunctionNotFound and its like: there is nothing to invoke.
func (s *Store) AsyncConfigFor(ctx context.Context, function, qualifier string) (*AsyncConfig, error) {
	return s.asyncConfig(ctx, function, qualifier, true)
}

func (s *Store) asyncConfig(ctx context.Context, function, qualifier string, orDefault bool) (*AsyncConfig, error) {
	if qualifier == "" {
		qualifier = Latest
	}
	var out *AsyncConfig
	err := s.kv.View(ctx, func(r kv.Reader) error {
		if err := Exists(r, function, qualifier); err != nil {
			return err
		}
		c, err := get[AsyncConfig](r, row.Key(tableAsync, function, qualifier))
		if errors.Is(err, kv.ErrNotFound) {
			if !orDefault {
				return fault.New(fault.NotFound, "AsyncConfigNotExists", "function '%s' has no async invoke config for qualifier '%s'.", function, qualifier)
			}
			c, err = &AsyncConfig{Function: function, Qualifier: qualifier}, nil
		}
		out = c
		return err
	})
	return out, err
}

// asyncCache holds settings decoded, for AsyncConfigIn.
type asyncCache struct {
	mu sync.RWMutex
	m  map[asyncKey]asyncEntry
}

type asyncKey struct{ function, qualifier string }

type asyncEntry struct {
	mark   uint64 // of the settings' row; see kv.Txn
	config *AsyncConfig
}

// AsyncConfigIn returns the settings that hold for a qualifier of a function, its own or
// the defaults, as the transaction sees them; whether the function exists it does not
// look. It is on the path of every event: it reads nothing from the store unless the
// settings changed. The answer is shared and must not be changed.
func (s *Store) AsyncConfigIn(tx kv.Txn, function, qualifier string) (*AsyncConfig, error) {
	if qualifier == "" {
		qualifier = Latest
	}
	key := row.Key(tableAsync, function, qualifier)
	mark := tx.Mark(key)
	at := asyncKey{function, qualifier}
	s.async.mu.RLock()
	e := s.async.m[at]
	s.async.mu.RUnlock()
	if e.config != nil && mark != 0 && e.mark == mark {
		return e.config, nil
	}
	c, err := get[AsyncConfig](tx, key)
	if errors.Is(err, kv.ErrNotFound) {
		c, err = &AsyncConfig{Function: function, Qualifier: qualifier}, nil
	}
	if err != nil {
		return nil, err
	}
	s.async.mu.Lock()
	if s.async.m == nil || len(s.async.m) >= cached {
		s.async.m = map[asyncKey]asyncEntry{}
	}
	s.async.m[at] = asyncEntry{mark, c}
	s.async.mu.Unlock()
	return c, nil
}

// DeleteAsyncConfig goes back to the defaults. Reason AsyncConfigNotExists.
func (s *Store) DeleteAsyncConfig(ctx context.Context, function, qualifier string) error {
	if qualifier == "" {
		qualifier = Latest
	}
	return s.kv.Update(ctx, func(t kv.Txn) error {
		if _, err := getFunction(t, function); err != nil {
			return err
		}
		key := row.Key(tableAsync, function, qualifier)
		if _, err := t.Get(key); errors.Is(err, kv.ErrNotFound) {
			return fault.New(fault.NotFound, "AsyncConfigNotExists", "function '%s' has no async invoke config for qualifier '%s'.", function, shown(qualifier))
		} else if err != nil {
			return err
		}
		t.Delete(key)
		return nil
	})
}

// ListAsyncConfigs returns the asynchronous settings of one function, or of all if
// function is empty, in the order of function and qualifier.
func (s *Store) ListAsyncConfigs(ctx context.Context, function, token string, limit int) ([]*AsyncConfig, string, error) {
	p := page[AsyncConfig]{table: []byte(tableAsync), token: token, limit: limit,
		name: func(c *AsyncConfig) string { return c.Function + "\x00" + c.Qualifier }}
	if function != "" {
		if _, err := s.Get(ctx, function); err != nil {
			return nil, "", err
		}
		p.prefix = function + "\x00"
	}
	return list(ctx, s.kv, p)
}

// TestEvent is an event that a person keeps beside a function to try it with.
type TestEvent struct {
	Name string `cbor:"1,keyasint"`
	JSON string `cbor:"2,keyasint"`
}

// Bounds of test events.
const (
	maxTestEvents    = 64       // per function
	maxTestEventSize = 60 << 10 // bytes; a row holds 64 KiB
)

// PutTestEvent keeps an event under a name, replacing what was there.
func (s *Store) PutTestEvent(ctx context.Context, function string, e TestEvent) error {
	if err := checkName("event name", strings.ReplaceAll(e.Name, " ", "_"), 64); err != nil {
		return err
	}
	if len(e.JSON) > maxTestEventSize {
		return fault.New(fault.TooLarge, "EntityTooLarge", "Test event '%s' has %d bytes; at most %d fit.", e.Name, len(e.JSON), maxTestEventSize)
	}
	if !json.Valid([]byte(e.JSON)) {
		return fault.New(fault.Invalid, "InvalidArgument", "Test event '%s' is not valid JSON.", e.Name)
	}
	return s.kv.Update(ctx, func(t kv.Txn) error {
		if _, err := getFunction(t, function); err != nil {
			return err
		}
		n, isNew := 0, true
		err := t.Scan(kv.Prefix(prefix(tableEvent, function)), func(key, _ []byte) error {
			n++
			isNew = isNew && string(key) != string(row.Key(tableEvent, function, e.Name))
			return nil
		})
		if err != nil {
			return err
		}
		if isNew && n >= maxTestEvents {
			return fault.New(fault.Conflict, "TooManyTestEvents", "Function '%s' has %d test events, the most it may have.", function, n).
				WithHint("Delete one first.")
		}
		return put(t, row.Key(tableEvent, function, e.Name), &e)
	})
}

// ListTestEvents returns a function's test events in the order of their names.
func (s *Store) ListTestEvents(ctx context.Context, function string) (out []*TestEvent, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		if _, err := getFunction(r, function); err != nil {
			return err
		}
		out, err = rows[TestEvent](r, prefix(tableEvent, function))
		return err
	})
	return out, err
}

// DeleteTestEvent removes a test event; one that does not exist is no error.
func (s *Store) DeleteTestEvent(ctx context.Context, function, name string) error {
	return s.kv.Update(ctx, func(t kv.Txn) error {
		if _, err := getFunction(t, function); err != nil {
			return err
		}
		t.Delete(row.Key(tableEvent, function, name))
		return nil
	})
}
