package runner

import (
	"net/http"
	"sync"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/lineage"
)

// What a handler leaves running after it has returned is still caused by its run.
func TestRequestsAfterTheRunKeepItsLineage(t *testing.T) {
	var mu sync.Mutex
	by := map[string]*lineage.Lineage{}
	got := make(chan struct{}, 8)
	w := newWorld(t, func(o *Options) {
		o.Endpoints = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if in, ok := InstanceFrom(r.Context()); ok {
				mu.Lock()
				by[r.URL.Path] = in.Lineage
				if r.URL.Path == "/later" && len(in.RequestIDs) != 0 {
					t.Error("the run had not ended")
				}
				mu.Unlock()
			}
			got <- struct{}{}
		})
	})
	f := w.fn("nodejs20", "index.handler", "index.js", `
exports.handler = async () => {
  await fetch('http://oss-cn-hangzhou-internal.aliyuncs.com/now');
  setTimeout(() => fetch('http://oss-cn-hangzhou-internal.aliyuncs.com/later'), 300);
  return 'done';
};`)
	for _, run := range []string{"r1", "r2"} {
		req := request(f, "")
		req.Lineage = &lineage.Lineage{Run: run, Depth: 7}
		res, err := w.Invoke(t.Context(), req)
		if err != nil || string(res.Payload) != "done" {
			t.Fatal(err, res)
		}
		<-got
		<-got
		mu.Lock()
		for _, path := range []string{"/now", "/later"} {
			if l := by[path]; l != req.Lineage {
				t.Errorf("%s of %s: %+v", path, run, l)
			}
		}
		mu.Unlock()
	}
}
