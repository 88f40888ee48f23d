// Package trigger keeps triggers of every kind: it checks them, says why one cannot be,
// indexes them by bucket, and turns an event into the deliveries that it owes.
package trigger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// Limits of FC.
const (
	MaxPerBucket   = 10 // native OSS triggers
	MaxPerFunction = 50
	MaxRules       = 50 // EventBridge triggers on the default event bus
)

// TypeOSS is the type of native OSS triggers.
const TypeOSS = "oss"

// Tables of this room in kv.
const (
	tTrigger = "t/t/" // function 0 name → Trigger
	tBucket  = "t/b/" // bucket 0 trigger id → function 0 name
	tVersion = "t/v/" // bucket → nothing; written with every change of its triggers
	tRule    = "t/r/" // trigger id → function 0 name, of the rules on the bus
	tBus     = "t/w"  // one row → nothing; written with every change of a rule
)

// Trigger binds a function (at a qualifier) to a source of events. Config is the JSON
// text exactly as it was received: tools compare it byte by byte.
type Trigger struct {
	Name           string    `cbor:"1,keyasint"`
	Type           string    `cbor:"2,keyasint"`
	Config         string    `cbor:"3,keyasint"`
	Qualifier      string    `cbor:"4,keyasint"`
	SourceARN      string    `cbor:"5,keyasint,omitempty"`
	InvocationRole string    `cbor:"6,keyasint,omitempty"`
	Description    string    `cbor:"7,keyasint,omitempty"`
	ID             string    `cbor:"8,keyasint"` // uuid
	Status         string    `cbor:"9,keyasint,omitempty"`
	Created        time.Time `cbor:"10,keyasint"`
	Modified       time.Time `cbor:"11,keyasint"`
	Function       string    `cbor:"12,keyasint"`

	Bucket string       `cbor:"13,keyasint,omitempty"`
	Filter event.Filter `cbor:"14,keyasint,omitempty"`
	RuleID string       `cbor:"15,keyasint,omitempty"` // 40 hex digits, told in every event

	Rule   *Rule  `cbor:"16,keyasint,omitempty"` // of an EventBridge trigger; nil for a native one
	Paused *Pause `cbor:"17,keyasint,omitempty"` // nil: it works
}

// Pause says why and since when a trigger does not start runs: a person's order, or the
// guard against loops. Events that it matches meanwhile are dead letters at once (reason
// TriggerPaused), so that none is lost and nothing runs.
type Pause struct {
	Reason string    `cbor:"1,keyasint"` // LoopSuspected or Manual
	Detail string    `cbor:"2,keyasint,omitempty"`
	Since  time.Time `cbor:"3,keyasint"`

	Why *reason.Why `cbor:"4,keyasint,omitempty"` // what Detail says, if that is not somebody's own text
}

// Change tells what of a trigger to change; nil fields stay as they are.
type Change struct {
	Config, Qualifier, InvocationRole, Description *string
}

// Options of Open. Roles may be nil: roles are then not checked. Of the functions, only
// Bucket is needed.
type Options struct {
	Region  string
	Account string
	// Roles reports whether a role exists and the service may assume it.
	Roles interface {
		CheckTrust(roleARN, service string) error
	}
	// Bucket reports the region of a bucket, within the transaction; NoSuchBucket if
	// there is none.
	Bucket func(r kv.Reader, name string) (region string, err error)
	// CheckDestination reports why an ARN cannot take what was given up; it is not
	// called with an empty one. nil: only the ARN's form is checked.
	CheckDestination func(arn string) error
	// Writes returns events that a function's latest runs caused, at most limit of
	// them, to tell a trigger that would start itself. nil: none is told.
	Writes func(ctx context.Context, function string, limit int) ([]event.Record, error)
	Now    func() time.Time
	Rand   io.Reader
}

// Store is the trigger room. All methods may be called concurrently; changes are atomic
// and durable when they return nil, and every object change that is acknowledged later
// is judged by them.
type Store struct {
	kv    kv.Store
	o     Options
	cache sync.Map // bucket → *bucketTriggers
	bus   atomic.Pointer[bus]
}

// Open returns the room over kvs.
func Open(kvs kv.Store, o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Store{kv: kvs, o: o}
}

func notFound(function, name string) error {
	return fault.New(fault.NotFound, "TriggerNotFound", "trigger '%s' does not exist in function '%s'.", name, function)
}

// Create makes a trigger; of t it takes what CreateTriggerInput has. Reasons:
// FunctionNotFound, VersionNotFound or AliasNotFound, TriggerAlreadyExists, OSSInvalidRequest
// for an overlap or an eleventh native trigger, NotImplemented for types and options that
// are known but not served, InvalidArgument for the rest.
func (s *Store) Create(ctx context.Context, functionName string, t Trigger) (Trigger, error) {
	if t.Qualifier == "" {
		t.Qualifier = function.Latest
	}
	t.Function = functionName
	if err := checkName(t.Name); err != nil {
		return t, err
	}
	if err := s.parse(&t); err != nil {
		return t, err
	}
	id, rule, err := s.ids()
	if err != nil {
		return t, err
	}
	t.ID, t.RuleID, t.Status = id, rule, "OK"
	t.Created = s.o.Now().UTC().Truncate(time.Second)
	t.Modified = t.Created
	err = s.kv.Update(ctx, func(tx kv.Txn) error {
		if err := function.Exists(tx, functionName, t.Qualifier); err != nil {
			return err
		}
		if _, err := get(tx, functionName, t.Name); err == nil {
			return fault.New(fault.Exists, "TriggerAlreadyExists", "trigger '%s' already exists in function '%s'.", t.Name, functionName)
		} else if !fault.Is(err, "TriggerNotFound") {
			return err
		}
		n := 0
		err := tx.Scan(ofFunction(functionName), func(_, _ []byte) error { n++; return nil })
		if err != nil {
			return err
		}
		if n >= MaxPerFunction {
			return fault.New(fault.Conflict, "InvalidArgument", "function '%s' has %d triggers, as many as a function may have.", functionName, n)
		}
		if err := s.admit(tx, &t, true); err != nil {
			return err
		}
		s.put(tx, &t)
		return nil
	})
	return t, err
}

// Get returns a trigger, or TriggerNotFound (FunctionNotFound if that is why).
func (s *Store) Get(ctx context.Context, functionName, name string) (Trigger, error) {
	var t *Trigger
	err := s.kv.View(ctx, func(r kv.Reader) (err error) {
		if err := function.Exists(r, functionName, function.Latest); err != nil {
			return err
		}
		t, err = get(r, functionName, name)
		return err
	})
	if err != nil {
		return Trigger{}, err
	}
	return *t, nil
}

// ofFunction is the range of a function's triggers.
func ofFunction(name string) kv.Range { return kv.Prefix(append(row.Key(tTrigger, name), 0)) }

func get(r kv.Reader, functionName, name string) (*Trigger, error) {
	v, err := r.Get(row.Key(tTrigger, functionName, name))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, notFound(functionName, name)
	}
	if err != nil {
		return nil, err
	}
	t := new(Trigger)
	return t, row.Decode(v, t)
}

// Update changes a trigger in place; it keeps its id and its rule's id.
func (s *Store) Update(ctx context.Context, functionName, name string, c Change) (Trigger, error) {
	var t *Trigger
	err := s.kv.Update(ctx, func(tx kv.Txn) (err error) {
		if err := function.Exists(tx, functionName, function.Latest); err != nil {
			return err
		}
		if t, err = get(tx, functionName, name); err != nil {
			return err
		}
		for _, f := range []struct{ to, from *string }{
			{&t.Config, c.Config}, {&t.Qualifier, c.Qualifier}, {&t.InvocationRole, c.InvocationRole}, {&t.Description, c.Description},
		} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		if err := s.parse(t); err != nil {
			return err
		}
		if err := function.Exists(tx, functionName, t.Qualifier); err != nil {
			return err
		}
		if err := s.admit(tx, t, false); err != nil {
			return err
		}
		t.Modified = s.o.Now().UTC().Truncate(time.Second)
		s.put(tx, t)
		return nil
	})
	if err != nil {
		return Trigger{}, err
	}
	return *t, nil
}

// Delete removes a trigger. Deliveries that it owes already are still made.
func (s *Store) Delete(ctx context.Context, functionName, name string) error {
	return s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
		if err := function.Exists(tx, functionName, function.Latest); err != nil {
			return err
		}
		t, err := get(tx, functionName, name)
		if err != nil {
			return err
		}
		tx.Delete(row.Key(tTrigger, functionName, name))
		if t.Bucket != "" {
			tx.Delete(row.Key(tBucket, t.Bucket, t.ID))
		}
		if t.Rule != nil {
			tx.Delete(row.Key(tRule, t.ID))
		}
		touch(tx, t)
		return nil
	})
}

// List returns at most limit triggers of a function, by name, after the name after (""
// from the start), whose names begin with prefix; more says whether there are others.
func (s *Store) List(ctx context.Context, functionName, prefix, after string, limit int) (ts []Trigger, more bool, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		if err := function.Exists(r, functionName, function.Latest); err != nil {
			return err
		}
		rg := kv.Prefix(row.Key(tTrigger, functionName, prefix))
		if after >= prefix && after != "" {
			rg.Start = append(row.Key(tTrigger, functionName, after), 0)
		}
		return r.Scan(rg, func(_, v []byte) error {
			if len(ts) == limit {
				more = true
				return kv.Stop
			}
			ts = append(ts, Trigger{})
			return row.Decode(v, &ts[len(ts)-1])
		})
	})
	return ts, more, err
}

// CheckNone is a function.Check: it refuses (FunctionNotEmpty) while triggers are bound to
// the qualifier of the function, "" for any.
func (s *Store) CheckNone(r kv.Reader, functionName, qualifier string) error {
	var in string
	err := r.Scan(ofFunction(functionName), func(_, v []byte) error {
		var t Trigger
		if err := row.Decode(v, &t); err != nil {
			return err
		}
		if qualifier == "" || t.Qualifier == qualifier {
			in = t.Name
			return kv.Stop
		}
		return nil
	})
	if err != nil || in == "" {
		return err
	}
	what := fault.Say("function '%s'", functionName)
	if qualifier != "" {
		what = fault.Say("function '%s' at '%s'", functionName, qualifier)
	}
	return fault.New(fault.Conflict, "FunctionNotEmpty", "%s has active triggers.", what).
		WithHint("Delete trigger '%s' first.", in)
}

// CheckBucketFree is an object.BucketGuard: it refuses while triggers listen to the
// bucket, which would silently stop working.
func (s *Store) CheckBucketFree(r kv.Reader, bucket string) error {
	ts, err := ofBucket(r, bucket)
	if err != nil || len(ts) == 0 {
		return err
	}
	return fault.New(fault.Conflict, "BucketHasTriggers", "The bucket you tried to delete still has triggers.").
		WithHint("Delete trigger '%s' of function '%s' first.", ts[0].Name, ts[0].Function).With("BucketName", bucket)
}

func (s *Store) put(tx kv.Txn, t *Trigger) {
	tx.Set(row.Key(tTrigger, t.Function, t.Name), row.Encode(t))
	if t.Bucket != "" {
		tx.Set(row.Key(tBucket, t.Bucket, t.ID), row.Key("", t.Function, t.Name))
	}
	if t.Rule != nil {
		tx.Set(row.Key(tRule, t.ID), row.Key("", t.Function, t.Name))
	}
	touch(tx, t)
}

// touch tells transactions that have a trigger in memory that it changed.
func touch(tx kv.Txn, t *Trigger) {
	if t.Bucket != "" {
		tx.Set(row.Key(tVersion, t.Bucket), nil)
	}
	if t.Rule != nil {
		tx.Set([]byte(tBus), nil)
	}
}

func (s *Store) ids() (id, rule string, err error) {
	var b [36]byte
	if _, err := io.ReadFull(s.o.Rand, b[:]); err != nil {
		return "", "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], hex.EncodeToString(b[16:]), nil
}
