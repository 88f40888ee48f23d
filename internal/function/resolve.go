package function

import (
	"context"
	"slices"

	"github.com/alcedo-storage/alcedo/internal/kv"
)

// resolution is what a qualifier of a function means until the next change: choices in
// order, each with the upper bound of its share; the last one's is 1.
type resolution struct{ choices []choice }

type choice struct {
	below    float64
	resolved *Resolved
	key      Key
}

// cached bounds how many qualifiers the cache holds; past it, it starts again.
const cached = 20_000

// Resolve tells which configuration runs for a qualifier ("" is LATEST) of a function.
// Where an alias splits its invocations between versions, rnd, which the caller draws
// uniformly from [0,1), chooses. The Resolved is shared and must not be changed.
//
// It answers from memory: no I/O and no allocation once a qualifier has been asked for,
// until the function changes. An answer never predates a change that was acknowledged
// before the call.
//
// Reasons FunctionNotFound, VersionNotFound, AliasNotFound.
func (s *Store) Resolve(ctx context.Context, name, qualifier string, rnd float64) (*Resolved, Key, error) {
	if qualifier == "" {
		qualifier = Latest
	}
	s.mu.RLock()
	r := s.cache[name][qualifier]
	s.mu.RUnlock()
	if r == nil {
		var err error
		if r, err = s.load(ctx, name, qualifier); err != nil {
			return nil, Key{}, err
		}
	}
	for i := range r.choices {
		if c := &r.choices[i]; rnd < c.below {
			return c.resolved, c.key, nil
		}
	}
	c := &r.choices[len(r.choices)-1]
	return c.resolved, c.key, nil
}

func (s *Store) load(ctx context.Context, name, qualifier string) (*resolution, error) {
	gen := s.gen.Load()
	var out *resolution
	err := s.kv.View(ctx, func(r kv.Reader) error {
		out = &resolution{}
		f, err := getFunction(r, name)
		if err != nil {
			return err
		}
		limit, err := loopLimitIn(r, name)
		if err != nil {
			return err
		}
		add := func(version string, below float64) error {
			res := &Resolved{Name: f.Name, ID: f.ID, Qualifier: qualifier, Version: version,
				Config: &f.Config, Disabled: f.Disabled, Reserved: f.Reserved, LoopLimit: limit}
			key := Key{ID: f.ID, Version: version, ETag: f.ETag}
			if version != Latest {
				v, err := getVersion(r, name, version)
				if err != nil {
					return err
				}
				res.Config, key.ETag = &v.Config, ""
			}
			out.choices = append(out.choices, choice{below, res, key})
			return nil
		}
		if qualifier == Latest || isVersion(qualifier) {
			return add(qualifier, 1)
		}
		a, err := getAlias(r, name, qualifier)
		if err != nil {
			return err
		}
		var others []string
		for id := range a.Weights {
			others = append(others, id)
		}
		slices.Sort(others)
		sum := 0.0
		for _, id := range others {
			if sum += a.Weights[id]; a.Weights[id] > 0 {
				if err := add(id, sum); err != nil {
					return err
				}
			}
		}
		return add(a.Version, 1)
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen.Load() == gen {
		if s.size >= cached {
			s.cache, s.size = map[string]map[string]*resolution{}, 0
		}
		m := s.cache[name]
		if m == nil {
			m = map[string]*resolution{}
			s.cache[name] = m
		}
		if m[qualifier] == nil {
			s.size++
		}
		m[qualifier] = out
	}
	return out, nil
}

// forget drops what is cached of a function, and makes loads under way keep nothing.
func (s *Store) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen.Add(1)
	s.size -= len(s.cache[name])
	delete(s.cache, name)
}
