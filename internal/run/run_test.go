package run

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

type world struct {
	resolved *function.Resolved
	issueErr error
	result   *runner.Result
	err      error

	issued   []*lineage.Lineage
	requests []*runner.Request
	records  []*Record
}

func (w *world) Resolve(_ context.Context, name, qualifier string, _ float64) (*function.Resolved, function.Key, error) {
	if w.resolved == nil {
		return nil, function.Key{}, fault.New(fault.NotFound, "FunctionNotFound", "function '%s' does not exist.", name)
	}
	return w.resolved, function.Key{ID: w.resolved.ID, Version: w.resolved.Version}, nil
}

func (w *world) IssueForRun(role, service, session string, ttl time.Duration, l *lineage.Lineage) (identity.Credentials, error) {
	w.issued = append(w.issued, l)
	return identity.Credentials{AccessKeyID: "STS." + role, AccessKeySecret: service, SecurityToken: session}, w.issueErr
}

func (w *world) Invoke(_ context.Context, r *runner.Request) (*runner.Result, error) {
	w.requests = append(w.requests, r)
	return w.result, w.err
}

func (w *world) Record(r *Record) { w.records = append(w.records, r) }

func (w *world) invoker() *Invoker {
	return &Invoker{Functions: w, Identity: w, Runner: w, Recorder: w, Region: "cn-hangzhou", Account: "1234", MaxDepth: 3}
}

func newWorld() *world {
	return &world{
		resolved: &function.Resolved{Name: "f", ID: "id", Qualifier: "live", Version: "2", Config: &function.Config{Role: "acs:ram::1234:role/r", Code: function.Code{Checksum: "77"}}},
		result:   &runner.Result{Start: runner.Start{InstanceID: "c-1", Cold: true, Queued: 1, Init: 2}, Payload: []byte("ok"), Duration: 3, MemoryMB: 4, Log: []byte("log")},
	}
}

func TestInvoke(t *testing.T) {
	w := newWorld()
	by := &lineage.Lineage{Run: "r0", Root: "e0", Depth: 1}
	res, rec, err := w.invoker().Invoke(context.Background(), Call{Function: "f", Qualifier: "live", RequestID: "r1", Event: []byte("e"), Attempt: 2, Kind: Trigger, Trigger: "t", EventID: "e1",
		Lineage: lineage.Next(by, "r1", "f", "t", "e1")})
	if err != nil || string(res.Payload) != "ok" {
		t.Fatal(res, err)
	}
	q := w.requests[0]
	if q.AccessKeyID != "STS.acs:ram::1234:role/r" || q.SecurityToken != "f" || q.RetryCount != 2 || q.PoolKey.Version != "2" || q.Region != "cn-hangzhou" || q.Account != "1234" {
		t.Errorf("request %+v", q)
	}
	if l := w.issued[0]; l.Run != "r1" || l.Depth != 2 || l.Root != "e0" {
		t.Errorf("lineage of the credentials: %+v", l)
	}
	if len(w.records) != 1 || w.records[0] != rec || !rec.Succeeded() || rec.Version != "2" || rec.Qualifier != "live" || rec.Trigger != "t" ||
		rec.Attempt != 2 || !rec.Cold || rec.InstanceID != "c-1" || string(rec.Log) != "log" || rec.Checksum != "77" || rec.Lineage != w.issued[0] {
		t.Errorf("record %+v", rec)
	}
}

func TestInvokeWithoutRole(t *testing.T) {
	w := newWorld()
	w.resolved.Config.Role = ""
	_, rec, err := w.invoker().Invoke(context.Background(), Call{Function: "f", RequestID: "r1", Kind: Sync})
	if err != nil || len(w.issued) != 0 || w.requests[0].AccessKeyID != "" {
		t.Fatalf("a function without a role got credentials: %v %+v", err, w.requests)
	}
	if l := rec.Lineage; l == nil || l.Run != "r1" || l.Depth != 0 {
		t.Errorf("lineage %+v", l)
	}
}

func TestInvokeRefused(t *testing.T) {
	zero := 0
	deep := &lineage.Lineage{Run: "r9", Depth: 4, Chain: []string{"r5"}}
	for name, c := range map[string]struct {
		change  func(*world, *Call)
		reason  fault.Reason
		records int
	}{
		"unknown":   {func(w *world, _ *Call) { w.resolved = nil }, "FunctionNotFound", 0},
		"disabled":  {func(w *world, _ *Call) { w.resolved.Disabled = "why" }, "FunctionDisabled", 0},
		"reserved":  {func(w *world, _ *Call) { w.resolved.Reserved = &zero }, "ResourceExhausted", 0},
		"recursive": {func(_ *world, c *Call) { c.Lineage = deep }, "RecursiveInvocation", 0},
		"role":      {func(w *world, _ *Call) { w.issueErr = fault.New(fault.Denied, "AccessDenied", "no") }, "AccessDenied", 1},
		"runner":    {func(w *world, _ *Call) { w.err = fault.New(fault.Throttled, "ResourceExhausted", "no") }, "ResourceExhausted", 1},
		"bug":       {func(w *world, _ *Call) { w.err = errors.New("boom") }, "InternalError", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, call := newWorld(), Call{Function: "f", RequestID: "r1"}
			c.change(w, &call)
			_, rec, err := w.invoker().Invoke(context.Background(), call)
			if err == nil || fault.As(err).Reason != c.reason {
				t.Fatalf("error %v, want %s", err, c.reason)
			}
			if len(w.records) != c.records || (rec != nil) != (c.records == 1) {
				t.Fatalf("%d records, want %d; returned %+v", len(w.records), c.records, rec)
			}
			if rec != nil && (rec.Succeeded() || rec.Fault != string(c.reason)) {
				t.Errorf("record %+v", rec)
			}
		})
	}
}

func TestDirect(t *testing.T) {
	l := Direct(&lineage.Lineage{Run: "r0", Depth: 0}, "r1", "f")
	if l.Depth != 1 || len(l.Chain) != 1 || l.Chain[0] != "r0" {
		t.Errorf("%+v", l)
	}
}

func TestLoopLimit(t *testing.T) {
	for _, c := range []struct {
		server, function, depth int
		refused                 bool
	}{
		{16, function.LoopDefault, 16, false},
		{16, function.LoopDefault, 17, true},
		{0, function.LoopDefault, 5000, false},
		{16, 3, 3, false},
		{16, 3, 4, true},
		{16, 20, 20, false},
		{16, 20, 21, true},
		{0, 3, 4, true},
		{16, function.LoopOff, 5000, false},
	} {
		w := newWorld()
		w.resolved.LoopLimit = c.function
		i := w.invoker()
		i.MaxDepth = c.server
		l := &lineage.Lineage{Run: "r", Depth: c.depth}
		_, _, err := i.Invoke(context.Background(), Call{Function: "f", RequestID: "r", Lineage: l})
		if fault.Is(err, Recursive) != c.refused || err != nil != c.refused {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil && w.requests[0].Lineage != l {
			t.Errorf("%+v: the runner was not told of the lineage", c)
		}
	}
}

func TestHooks(t *testing.T) {
	w := newWorld()
	w.resolved.Config.Role = ""
	var told []string
	tell := func(who string) *Hooks {
		return &Hooks{
			Begun: func(id, version string) { told = append(told, who+" begun "+id+" "+version) },
			Start: func(runner.Start) { told = append(told, who+" start") },
			Log:   func(b []byte) { told = append(told, who+" "+string(b)) },
		}
	}
	own := tell("own")
	ctx := WithHooks(context.Background(), tell("above"))
	if _, _, err := w.invoker().Invoke(ctx, Call{Function: "f", RequestID: "r1", OnStart: own.Start, OnLog: own.Log}); err != nil {
		t.Fatal(err)
	}
	w.requests[0].OnStart(runner.Start{})
	w.requests[0].OnLog([]byte("a line"))
	if want := []string{"above begun r1 2", "above start", "own start", "above a line", "own a line"}; !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}
