package runner

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func TestStopRun(t *testing.T) {
	w := newWorld(t)
	fn := w.fn("nodejs20", "index.handler", "index.js", `exports.handler = async (e) => { if (String(e) === 'hang') { for (;;); } return 'ok' }`)
	w.ok(fn, "")
	stop, started := make(chan struct{}), make(chan string, 1)
	req := request(fn, "hang")
	req.Stop = stop
	req.OnStart = func(s Start) { started <- s.InstanceID }
	began := time.Now()
	var instance string
	go func() {
		instance = <-started
		close(stop)
	}()
	_, err := w.Invoke(w.Context(), req)
	if !fault.Is(err, RunStopped) || !errors.Is(err, context.Canceled) || time.Since(began) > 20*time.Second {
		t.Fatalf("%v after %v", err, time.Since(began))
	}
	if res := w.call(fn, ""); string(res.Payload) != "ok" || res.InstanceID == instance {
		t.Errorf("after it: %s on %s, the stopped one was %s", res.Payload, res.InstanceID, instance)
	}
}
