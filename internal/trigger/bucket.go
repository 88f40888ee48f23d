package trigger

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/alcedo-storage/alcedo/internal/event/pattern"
	"github.com/alcedo-storage/alcedo/internal/kv"
)

// RulesFor returns the rules of the bus that events of a bucket may match, disabled ones
// too, in the order in which they were made. Left out are those whose pattern binds them
// to other buckets by data.oss.bucket.name, or by a subject that names buckets; what a
// pattern asks besides is not looked at. It reads all rules: at most [MaxRules].
func (s *Store) RulesFor(ctx context.Context, bucket string) (ts []*Trigger, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) (err error) {
		ts, err = onBus(r)
		return err
	})
	return slices.DeleteFunc(ts, func(t *Trigger) bool { return !concerns(t.Rule.Pattern, bucket) }), err
}

// concerns reports whether a pattern may match events of a bucket, judged by what it says
// of buckets. The pattern is one that pattern.Parse accepts.
func concerns(text, bucket string) bool {
	if named := namedBuckets(text); named != nil {
		return slices.Contains(named, bucket)
	}
	var names any = map[string]any{}
	if json.Unmarshal([]byte(text), &names) != nil {
		return true
	}
	for _, field := range []string{"data", "oss", "bucket", "name"} {
		o, _ := names.(map[string]any)
		if names = o[field]; names == nil {
			return true
		}
	}
	only, _ := json.Marshal(map[string]any{"name": names}) // it came from JSON
	p, err := pattern.Parse(only)
	if err != nil {
		return true
	}
	event, _ := json.Marshal(map[string]string{"name": bucket}) // a string always can
	e, err := pattern.ParseEvent(event)
	return err != nil || p.Match(e)
}
