package runner

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Many callers of few instances: slots are passed on from call to call, one call at a
// time per instance, and each caller gets its own result and its own output.
func TestPassedOnCallsStayApart(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ runtime, handler, file, code string }{
		{"nodejs20", "index.handler", "index.js", `
let running = 0;
exports.handler = async (event) => {
  if (++running > 1) throw new Error('two calls at once');
  console.log('in ' + event);
  await new Promise((r) => setImmediate(r));
  running--;
  if (event.toString().endsWith('3')) throw new Error('wanted ' + event);
  return event.toString();
};`},
		{"python3.10", "index.handler", "index.py", `
def handler(event, context):
    print('in ' + event.decode())
    if event.endswith(b'3'):
        raise Exception('wanted ' + event.decode())
    return event
`},
	} {
		t.Run(tt.runtime, func(t *testing.T) {
			w := w.in(t)
			f := w.fn(tt.runtime, tt.handler, tt.file, tt.code)
			var wg sync.WaitGroup
			for c := range 12 {
				wg.Go(func() {
					for i := range 40 {
						event := fmt.Sprintf("%d-%d", c, i)
						res, err := w.Invoke(context.Background(), request(f, event))
						if err != nil {
							t.Errorf("%s: %v", event, err)
							return
						}
						want, failed := event, i%10 == 3
						if failed {
							want = "wanted " + event
						}
						if got := string(res.Payload); failed != (res.ErrorType != "") || !strings.Contains(got, want) || !failed && got != want {
							t.Errorf("%s: got %s %s", event, got, res.ErrorType)
						}
						if log := string(res.Log); strings.Count(log, "in ") != 1 || !strings.Contains(log, "in "+event+"\n") {
							t.Errorf("%s: log %q", event, log)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
