package function

import (
	"context"
	"errors"
	"maps"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Version is a published, unchangeable configuration. Its ID is a number from 1 that
// grows with every publication and is never used again.
type Version struct {
	ID          string    `cbor:"1,keyasint"`
	Description string    `cbor:"2,keyasint,omitempty"`
	Created     time.Time `cbor:"3,keyasint"`
	Config      Config    `cbor:"4,keyasint"`
}

// Alias is a name for a version that can be pointed at another. A share of the
// invocations given in Weights (0–1 each, 1 together at most) goes to other versions.
type Alias struct {
	Name        string             `cbor:"1,keyasint"`
	Version     string             `cbor:"2,keyasint"` // a version id, or LATEST
	Description string             `cbor:"3,keyasint,omitempty"`
	Weights     map[string]float64 `cbor:"4,keyasint,omitempty"` // version id → share
	Created     time.Time          `cbor:"5,keyasint"`
	Modified    time.Time          `cbor:"6,keyasint"`
}

const (
	maxDescription = 256 // characters of a description

	// Bounds of one function, so that it can be deleted with all it has in one
	// transaction.
	maxVersions = 5000
	maxAliases  = 1000
)

// isVersion reports whether a qualifier is a version id rather than an alias name;
// alias names cannot start with a digit.
func isVersion(q string) bool { return q != "" && q[0] >= '0' && q[0] <= '9' }

// versionKey is the key of a version's row, false when id is not a canonical number.
func versionKey(name, id string) ([]byte, bool) {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != id {
		return nil, false
	}
	return append(prefix(tableVersion, name), row.U64(n)...), true
}

func getVersion(r kv.Reader, name, id string) (*Version, error) {
	if key, ok := versionKey(name, id); ok {
		v, err := get[Version](r, key)
		if !errors.Is(err, kv.ErrNotFound) {
			return v, err
		}
	}
	return nil, fault.New(fault.NotFound, "VersionNotFound", "version '%s' of function '%s' does not exist.", shown(id), shown(name))
}

func getAlias(r kv.Reader, name, alias string) (*Alias, error) {
	a, err := get[Alias](r, row.Key(tableAlias, name, alias))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "AliasNotFound", "alias '%s' of function '%s' does not exist.", shown(alias), shown(name))
	}
	return a, err
}

// PublishVersion makes LATEST, as it is, the next version. When LATEST has not changed
// since the last version and description is empty or that version's, the last version
// is returned and nothing changes, so that publishing is idempotent.
func (s *Store) PublishVersion(ctx context.Context, name, ifMatch, description string) (*Version, error) {
	if err := checkDescription(description); err != nil {
		return nil, err
	}
	var out *Version
	now := s.now()
	_, err := s.mutate(ctx, name, func(t kv.Txn, f *Function) error {
		if err := matchETag(f, ifMatch); err != nil {
			return err
		}
		if f.LastVersion > 0 {
			last, err := getVersion(t, name, strconv.FormatUint(f.LastVersion, 10))
			if err == nil && (description == "" || description == last.Description) && reflect.DeepEqual(last.Config, f.Config) {
				out = last
				return nil
			} else if err != nil && !fault.Is(err, "VersionNotFound") {
				return err
			}
		}
		if err := checkCount(t, tableVersion, name, "versions", maxVersions); err != nil {
			return err
		}
		f.LastVersion++
		v := &Version{ID: strconv.FormatUint(f.LastVersion, 10), Description: description, Created: now, Config: f.Config}
		out = v
		if err := s.addRef(t, f.Config.Code, name, v.ID); err != nil {
			return err
		}
		key, _ := versionKey(name, v.ID)
		return put(t, key, v)
	})
	return out, err
}

// ListVersions returns versions and the token that continues the list: newest first,
// or oldest first if forward.
func (s *Store) ListVersions(ctx context.Context, name, token string, limit int, forward bool) ([]*Version, string, error) {
	if _, err := s.Get(ctx, name); err != nil {
		return nil, "", err
	}
	return list(ctx, s.kv, page[Version]{
		table: prefix(tableVersion, name), token: token, limit: limit, reverse: !forward,
		name: func(v *Version) string {
			n, _ := strconv.ParseUint(v.ID, 10, 64)
			return string(row.U64(n))
		},
	})
}

// DeleteVersion removes a version that no alias points at, if check (which may be nil)
// lets it, together with its asynchronous settings.
func (s *Store) DeleteVersion(ctx context.Context, name, id string, check Check) error {
	now := s.now()
	return s.update(ctx, name, func(t kv.Txn) error {
		if _, err := getFunction(t, name); err != nil {
			return err
		}
		if id == Latest {
			return fault.New(fault.Invalid, "InvalidArgument", "Version LATEST cannot be deleted.").WithHint("Delete the function instead.")
		}
		v, err := getVersion(t, name, id)
		if err != nil {
			return err
		}
		aliases, err := rows[Alias](t, prefix(tableAlias, name))
		if err != nil {
			return err
		}
		for _, a := range aliases {
			if _, extra := a.Weights[id]; extra || a.Version == id {
				return fault.New(fault.Conflict, "VersionInUse", "version '%s' of function '%s' is used by alias '%s'.", id, name, a.Name).
					WithHint("Point the alias at another version, or delete it, first.")
			}
		}
		if check != nil {
			if err := check(t, name, id); err != nil {
				return err
			}
		}
		key, _ := versionKey(name, id)
		t.Delete(key)
		t.Delete(row.Key(tableAsync, name, id))
		return s.dropRef(t, v.Config.Code, name, id, now)
	})
}

// CreateAlias adds an alias. Reason AliasAlreadyExists: the name is taken.
func (s *Store) CreateAlias(ctx context.Context, function string, a Alias) (*Alias, error) {
	if err := checkName("aliasName", a.Name, 128); err != nil {
		return nil, err
	}
	if a.Name == Latest {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "aliasName 'LATEST' is reserved.")
	}
	a.Created = s.now()
	a.Modified = a.Created
	a.Weights = maps.Clone(a.Weights)
	err := s.update(ctx, function, func(t kv.Txn) error {
		if _, err := getFunction(t, function); err != nil {
			return err
		}
		if _, err := getAlias(t, function, a.Name); err == nil {
			return fault.New(fault.Exists, "AliasAlreadyExists", "alias '%s' of function '%s' already exists.", a.Name, function).
				WithHint("Update it, or choose another name.")
		} else if !fault.Is(err, "AliasNotFound") {
			return err
		}
		if err := checkAlias(t, function, &a); err != nil {
			return err
		}
		if err := checkCount(t, tableAlias, function, "aliases", maxAliases); err != nil {
			return err
		}
		return put(t, row.Key(tableAlias, function, a.Name), &a)
	})
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// GetAlias returns an alias. Reasons FunctionNotFound, AliasNotFound.
func (s *Store) GetAlias(ctx context.Context, function, alias string) (a *Alias, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		if _, err := getFunction(r, function); err != nil {
			return err
		}
		a, err = getAlias(r, function, alias)
		return err
	})
	return a, err
}

// AliasChange tells UpdateAlias what to change; nil fields stay as they are.
type AliasChange struct {
	Version     *string
	Description *string
	Weights     *map[string]float64
}

// UpdateAlias changes an alias in place.
func (s *Store) UpdateAlias(ctx context.Context, function, alias string, c AliasChange) (*Alias, error) {
	var out *Alias
	now := s.now()
	err := s.update(ctx, function, func(t kv.Txn) error {
		if _, err := getFunction(t, function); err != nil {
			return err
		}
		a, err := getAlias(t, function, alias)
		if err != nil {
			return err
		}
		if c.Version != nil {
			a.Version = *c.Version
		}
		if c.Description != nil {
			a.Description = *c.Description
		}
		if c.Weights != nil {
			a.Weights = maps.Clone(*c.Weights)
		}
		a.Modified = now
		if err := checkAlias(t, function, a); err != nil {
			return err
		}
		out = a
		return put(t, row.Key(tableAlias, function, alias), a)
	})
	return out, err
}

// DeleteAlias removes an alias and its asynchronous settings, if check (which may be
// nil) lets it.
func (s *Store) DeleteAlias(ctx context.Context, function, alias string, check Check) error {
	return s.update(ctx, function, func(t kv.Txn) error {
		if _, err := getFunction(t, function); err != nil {
			return err
		}
		if _, err := getAlias(t, function, alias); err != nil {
			return err
		}
		if check != nil {
			if err := check(t, function, alias); err != nil {
				return err
			}
		}
		t.Delete(row.Key(tableAlias, function, alias))
		t.Delete(row.Key(tableAsync, function, alias))
		return nil
	})
}

// ListAliases returns aliases in the order of their names, and the continuing token.
func (s *Store) ListAliases(ctx context.Context, function, prefixOfName, token string, limit int) ([]*Alias, string, error) {
	if _, err := s.Get(ctx, function); err != nil {
		return nil, "", err
	}
	return list(ctx, s.kv, page[Alias]{
		table: prefix(tableAlias, function), prefix: prefixOfName, token: token, limit: limit,
		name: func(a *Alias) string { return a.Name },
	})
}

// checkAlias says whether an alias points at versions that exist, in shares that add up.
func checkAlias(r kv.Reader, function string, a *Alias) error {
	if err := checkDescription(a.Description); err != nil {
		return err
	}
	if a.Version == "" {
		return fault.New(fault.Invalid, "InvalidArgument", "versionId is required.")
	}
	if a.Version != Latest {
		if _, err := getVersion(r, function, a.Version); err != nil {
			return err
		}
	}
	if len(a.Weights) > 10 {
		return fault.New(fault.Invalid, "InvalidArgument", "additionalVersionWeight names %d versions; at most 10 are allowed.", len(a.Weights))
	}
	sum := 0.0
	for id, w := range a.Weights {
		if id == a.Version {
			return fault.New(fault.Invalid, "AdditionalVersionContainsMajorVersion", "additionalVersionWeight must not name version '%s', the alias's own versionId.", id)
		}
		if math.IsNaN(w) || w < 0 || w > 1 {
			return fault.New(fault.Invalid, "InvalidArgument", "additionalVersionWeight of version '%s' is %v: it must be 0 to 1.", shown(id), w)
		}
		if id != Latest {
			if _, err := getVersion(r, function, id); err != nil {
				return err
			}
		}
		sum += w
	}
	if sum > 1+1e-9 {
		return fault.New(fault.Invalid, "InvalidArgument", "additionalVersionWeight adds up to %v: at most 1 is allowed.", sum)
	}
	return nil
}

// checkCount refuses one more row of a function than there may be.
func checkCount(r kv.Reader, table, name, what string, most int) error {
	n := 0
	err := r.Scan(kv.Prefix(prefix(table, name)), func(_, _ []byte) error { n++; return nil })
	if err == nil && n >= most {
		err = fault.New(fault.Conflict, "LimitExceeded", "function '%s' has %d %s, as many as a function may have.", name, n, fault.Word(what)).
			WithHint("Delete some of them first.")
	}
	return err
}

func checkDescription(d string) error {
	if len([]rune(d)) > maxDescription {
		return fault.New(fault.Invalid, "InvalidArgument", "description has %d characters: at most %d are allowed.", len([]rune(d)), maxDescription)
	}
	return nil
}
