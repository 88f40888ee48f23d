package function

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Tables, all under "f/". Function, version and alias names cannot hold a zero byte.
const (
	tableFunction = "f/f/" // name → Function
	tableVersion  = "f/v/" // name, version (8 bytes) → Version
	tableAlias    = "f/a/" // name, alias → Alias
	tableAsync    = "f/q/" // name, qualifier → AsyncConfig
	tableEvent    = "f/e/" // name, event name → JSON text
	tableLoop     = "f/l/" // name → loopLimit
	tablePackage  = "f/p/" // Code.ID → codePackage
	tableRef      = "f/r/" // Code.ID, name, version → nothing: who uses a package
)

// Options are the outside things a Store needs; Dir must be set.
type Options struct {
	Dir  string           // code is unpacked to Dir/<Code.ID>; owned by this Store alone
	Now  func() time.Time // nil: time.Now
	Rand io.Reader        // ids and ETags; nil: crypto/rand

	MaxZip      int64         // bytes of a code package; 0: 500 MiB
	MaxUnpacked int64         // bytes of its files together; 0: 500 MiB
	MaxEntries  int           // files and directories in it; 0: 100,000
	Grace       time.Duration // how long an unused package is kept; 0: one hour
}

// Store keeps functions. All methods may be called from many goroutines; a change is
// durable when its method returns. Every write to the "f/" tables must go through one
// Store, because [Store.Resolve] answers from a cache that commits of this Store empty.
type Store struct {
	kv    kv.Store
	blobs blob.Store
	opt   Options

	// Resolve's cache: name → qualifier → what it means. gen grows with every change,
	// so that a reader that loaded before a commit does not store what it saw after it.
	mu    sync.RWMutex
	cache map[string]map[string]*resolution
	size  int
	gen   atomic.Uint64

	async asyncCache

	codeMu   sync.RWMutex // held for writing while the collector deletes a package
	unpacked singleflight.Group
}

// Open returns the Store whose rows are in store and whose packages are in blobs. It
// makes Options.Dir and removes what an earlier process left half unpacked there.
func Open(_ context.Context, store kv.Store, blobs blob.Store, opt Options) (*Store, error) {
	if opt.Dir == "" {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The function store needs a directory for unpacked code.")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Rand == nil {
		opt.Rand = rand.Reader
	}
	if opt.MaxZip == 0 {
		opt.MaxZip = 500 << 20
	}
	if opt.MaxUnpacked == 0 {
		opt.MaxUnpacked = 500 << 20
	}
	if opt.MaxEntries == 0 {
		opt.MaxEntries = 100_000
	}
	if opt.Grace == 0 {
		opt.Grace = time.Hour
	}
	if err := os.MkdirAll(opt.Dir, 0o755); err != nil {
		return nil, err
	}
	s := &Store{kv: store, blobs: blobs, opt: opt, cache: map[string]map[string]*resolution{}}
	if err := s.removeTemporary(); err != nil {
		return nil, err
	}
	return s, nil
}

// Check decides, inside the transaction that deletes something, whether it may go;
// an error from it aborts the deletion and is returned as it is. qualifier is empty
// when the whole function goes. It may run more than once.
type Check func(r kv.Reader, function, qualifier string) error

// Create adds a function with no versions. f.Name and f.Config are the caller's
// (validated) choice, f.Tags too; every other field is set here. The package f.Config
// names must come from [Store.AddCode]. Reason FunctionAlreadyExists: the name is taken.
func (s *Store) Create(ctx context.Context, f Function) (*Function, error) {
	if err := CheckName(f.Name); err != nil {
		return nil, err
	}
	now := s.now()
	f.ID, f.ETag = s.uuid(), s.token()
	f.Created, f.Modified = now, now
	f.LastVersion, f.Reserved, f.Disabled = 0, nil, ""
	f.Config = f.Config.clone()
	err := s.update(ctx, f.Name, func(t kv.Txn) error {
		key := row.Key(tableFunction, f.Name)
		if _, err := t.Get(key); err == nil {
			return fault.New(fault.Exists, "FunctionAlreadyExists", "function '%s' already exists.", f.Name).
				WithHint("Update it, or choose another name.")
		} else if !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		if err := s.addRef(t, f.Config.Code, f.Name, Latest); err != nil {
			return err
		}
		return put(t, key, &f)
	})
	if err != nil {
		return nil, err
	}
	return &f, nil
}

// Get returns a function with its LATEST configuration. Reason FunctionNotFound.
func (s *Store) Get(ctx context.Context, name string) (*Function, error) {
	var f *Function
	err := s.kv.View(ctx, func(r kv.Reader) (err error) {
		f, err = getFunction(r, name)
		return err
	})
	return f, err
}

// GetQualified returns a function as one of its versions or aliases sees it: Config is
// that version's (an alias's main one), Modified is when it was published. qualifier
// LATEST or "" gives what Get gives.
func (s *Store) GetQualified(ctx context.Context, name, qualifier string) (*Function, error) {
	var f *Function
	err := s.kv.View(ctx, func(r kv.Reader) (err error) {
		if f, err = getFunction(r, name); err != nil || qualifier == "" || qualifier == Latest {
			return err
		}
		id := qualifier
		if !isVersion(id) {
			a, err := getAlias(r, name, id)
			if err != nil {
				return err
			}
			if id = a.Version; id == Latest {
				return nil
			}
		}
		v, err := getVersion(r, name, id)
		if err != nil {
			return err
		}
		f.Config, f.Modified = v.Config, v.Created
		return nil
	})
	return f, err
}

// Update replaces a function's LATEST configuration. When ifMatch is not empty and is
// not the function's present ETag, nothing changes (reason PreconditionFailed).
func (s *Store) Update(ctx context.Context, name, ifMatch string, cfg Config) (*Function, error) {
	cfg = cfg.clone()
	etag, now := s.token(), s.now()
	return s.mutate(ctx, name, func(t kv.Txn, f *Function) error {
		if err := matchETag(f, ifMatch); err != nil {
			return err
		}
		if cfg.Code.ID != f.Config.Code.ID {
			if err := s.addRef(t, cfg.Code, name, Latest); err != nil {
				return err
			}
			if err := s.dropRef(t, f.Config.Code, name, Latest, now); err != nil {
				return err
			}
		}
		f.Config, f.ETag, f.Modified = cfg, etag, now
		return nil
	})
}

// Delete removes a function with its versions, aliases, settings and test events, if
// check (which may be nil) lets it. ifMatch is as in Update. It returns the function
// that was, so that its instances can be ended.
func (s *Store) Delete(ctx context.Context, name, ifMatch string, check Check) (*Function, error) {
	var was *Function
	now := s.now()
	err := s.update(kv.Reserve(ctx), name, func(t kv.Txn) error {
		f, err := getFunction(t, name)
		if err != nil {
			return err
		}
		if err := matchETag(f, ifMatch); err != nil {
			return err
		}
		if check != nil {
			if err := check(t, name, ""); err != nil {
				return err
			}
		}
		was = f
		if err := s.dropRef(t, f.Config.Code, name, Latest, now); err != nil {
			return err
		}
		versions, err := rows[Version](t, prefix(tableVersion, name))
		if err != nil {
			return err
		}
		for _, v := range versions {
			if err := s.dropRef(t, v.Config.Code, name, v.ID, now); err != nil {
				return err
			}
		}
		t.Delete(row.Key(tableFunction, name))
		t.Delete(row.Key(tableLoop, name))
		for _, table := range []string{tableVersion, tableAlias, tableAsync, tableEvent} {
			if err := clear(t, prefix(table, name)); err != nil {
				return err
			}
		}
		return nil
	})
	return was, err
}

// Query chooses functions for List.
type Query struct {
	Prefix string               // of the name
	Token  string               // from an earlier List with the same Prefix; empty: from the start
	Limit  int                  // 1–100; 0: 20
	Keep   func(*Function) bool // nil: all
}

// List returns functions in the order of their names, and the token that continues the
// list; an empty token means there are no more.
func (s *Store) List(ctx context.Context, q Query) ([]*Function, string, error) {
	return list(ctx, s.kv, page[Function]{
		table: []byte(tableFunction), prefix: q.Prefix, token: q.Token, limit: q.Limit, keep: q.Keep,
		name: func(f *Function) string { return f.Name },
	})
}

// SetTags replaces a function's tags with what change makes of them. change may run
// more than once and must not keep or change its argument.
func (s *Store) SetTags(ctx context.Context, name string, change func([]Tag) ([]Tag, error)) error {
	_, err := s.mutate(ctx, name, func(_ kv.Txn, f *Function) error {
		tags, err := change(slices.Clone(f.Tags))
		if err != nil {
			return err
		}
		f.Tags = tags
		return nil
	})
	return err
}

// SetDisabled stops (reason not empty) or allows (empty) invocations of a function.
// Doing so again is no error.
func (s *Store) SetDisabled(ctx context.Context, name, reason string) error {
	now := s.now()
	_, err := s.mutate(ctx, name, func(_ kv.Txn, f *Function) error {
		f.Disabled, f.DisabledAt = reason, now
		return nil
	})
	return err
}

// SetReserved sets how many instances of a function may run at once; nil removes the
// setting. 0 stops the function.
func (s *Store) SetReserved(ctx context.Context, name string, n *int) error {
	_, err := s.mutate(ctx, name, func(_ kv.Txn, f *Function) error {
		f.Reserved = n
		return nil
	})
	return err
}

// Exists checks, on the state r, that a function has the qualifier ("" is LATEST). It
// is for other rooms that bind something to a function in a transaction of their own:
// they conflict with its deletion, as they must.
func Exists(r kv.Reader, name, qualifier string) error {
	if _, err := getFunction(r, name); err != nil {
		return err
	}
	switch {
	case qualifier == "" || qualifier == Latest:
		return nil
	case isVersion(qualifier):
		_, err := getVersion(r, name, qualifier)
		return err
	default:
		_, err := getAlias(r, name, qualifier)
		return err
	}
}

// CheckName says whether a function may have this name: 1–64 letters, digits, "_" and
// "-", not starting with a digit or "-" (CreateFunctionInput.functionName).
func CheckName(name string) error { return checkName("functionName", name, 64) }

func checkName(field, name string, maxLen int) error {
	ok := len(name) >= 1 && len(name) <= maxLen && name[0] != '-' && (name[0] < '0' || name[0] > '9')
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	if ok {
		return nil
	}
	return fault.New(fault.Invalid, "InvalidArgument",
		"%s '%s' is invalid: it must be 1 to %d letters, digits, '_' or '-', and must not start with a digit or '-'.", field, shown(name), maxLen)
}

// shown cuts a value from a request to what fits in a message.
func shown(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

func matchETag(f *Function, ifMatch string) error {
	if m := strings.Trim(ifMatch, `"`); m != "" && m != "*" && m != f.ETag {
		return fault.New(fault.Precondition, "PreconditionFailed", "the resource being modified has been changed").
			WithHint("Get function '%s' again and repeat the change with its new ETag.", f.Name)
	}
	return nil
}

func (c Config) clone() Config {
	c.Env = cloneMap(c.Env)
	c.Extra = cloneMap(c.Extra)
	c.Layers = slices.Clone(c.Layers)
	return c
}

func cloneMap(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	c := make(map[string]string, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// update runs fn in a transaction and forgets what is cached of the function once it is
// durable.
func (s *Store) update(ctx context.Context, name string, fn func(kv.Txn) error) error {
	return s.kv.Update(ctx, func(t kv.Txn) error {
		if err := fn(t); err != nil {
			return err
		}
		t.OnCommit(func(uint64) { s.forget(name) })
		return nil
	})
}

// mutate changes a function's row and returns it as it is then.
func (s *Store) mutate(ctx context.Context, name string, change func(kv.Txn, *Function) error) (*Function, error) {
	var out *Function
	err := s.update(ctx, name, func(t kv.Txn) error {
		f, err := getFunction(t, name)
		if err != nil {
			return err
		}
		if err := change(t, f); err != nil {
			return err
		}
		out = f
		return put(t, row.Key(tableFunction, name), f)
	})
	return out, err
}

func getFunction(r kv.Reader, name string) (*Function, error) {
	f, err := get[Function](r, row.Key(tableFunction, name))
	if errors.Is(err, kv.ErrNotFound) || errors.Is(err, kv.ErrTooLarge) {
		return nil, fault.New(fault.NotFound, "FunctionNotFound", "function '%s' does not exist.", shown(name))
	}
	return f, err
}

// get decodes one row; kv.ErrNotFound when there is none.
func get[T any](r kv.Reader, key []byte) (*T, error) {
	if len(key) > kv.MaxKeySize {
		return nil, kv.ErrNotFound
	}
	b, err := r.Get(key)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := row.Decode(b, v); err != nil {
		return nil, err
	}
	return v, nil
}

func put(t kv.Txn, key []byte, v any) error {
	b := row.Encode(v)
	if len(b) > kv.MaxValueSize {
		return fault.New(fault.TooLarge, "InvalidArgument", "The settings together take %d bytes; at most %d fit.", len(b), kv.MaxValueSize).
			WithHint("Shorten the longest of them.")
	}
	t.Set(key, b)
	return nil
}

// rows decodes all rows that start with p.
func rows[T any](r kv.Reader, p []byte) ([]*T, error) {
	var out []*T
	err := r.Scan(kv.Prefix(p), func(_, value []byte) error {
		v := new(T)
		if err := row.Decode(value, v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	return out, err
}

// clear deletes all rows that start with p.
func clear(t kv.Txn, p []byte) error {
	var keys [][]byte
	err := t.Scan(kv.Prefix(p), func(key, _ []byte) error {
		keys = append(keys, slices.Clone(key))
		return nil
	})
	for _, k := range keys {
		t.Delete(k)
	}
	return err
}

// prefix is what the keys of a function's rows in a table begin with.
func prefix(table, name string) []byte { return append(row.Key(table, name), 0) }

func (s *Store) now() time.Time { return s.opt.Now().UTC().Truncate(time.Millisecond) }

func (s *Store) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.opt.Rand, b); err != nil {
		panic("function: no randomness: " + err.Error()) // crypto/rand never fails
	}
	return b
}

func (s *Store) token() string { return hex.EncodeToString(s.random(8)) }

func (s *Store) uuid() string {
	b := s.random(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
