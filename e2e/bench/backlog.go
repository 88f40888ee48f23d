package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// The handler counts its runs; a plain invocation takes the count, which starts again, so
// that the counts of several instances add up.
const counter = `
let n = 0;
exports.handler = async (event) => {
  if (event.length < 20 && event.toString() === 'take') { const out = n; n = 0; return String(out); }
  n++;
};`

const waiting = 1_000_000 // deliveries that a restart finds

func (b *bench) listen(function, name, bucket, prefix string) error {
	config, err := json.Marshal(map[string]any{"events": []string{"oss:ObjectCreated:PutObject"}, "filter": map[string]any{"key": map[string]string{"prefix": prefix, "suffix": ""}}})
	if err != nil {
		return err
	}
	return b.api("POST", "CreateTrigger", "/2023-03-30/functions/"+function+"/triggers", map[string]any{
		"triggerName": name, "triggerType": "oss", "triggerConfig": string(config), "qualifier": "LATEST",
		"sourceArn": "acs:oss:" + region + ":" + account + ":" + bucket, "invocationRole": "acs:ram::" + account + ":role/aliyunosseventnotificationrole",
	})
}

// rules makes n EventBridge triggers that all want the same events.
func (b *bench) rules(function string, n int, bucket, prefix string) error {
	pattern := fmt.Sprintf(`{"source":["acs.oss"],"type":["oss:ObjectCreated:PutObject"],"subject":[{"prefix":"acs:oss:%s:%s:%s/%s"}]}`, region, account, bucket, prefix)
	config, err := json.Marshal(map[string]any{
		"triggerEnable": true, "asyncInvocationType": true, "eventRuleFilterPattern": pattern, "eventSourceConfig": map[string]any{"eventSourceType": "Default"},
	})
	if err != nil {
		return err
	}
	for i := range n {
		if err := b.api("POST", "CreateTrigger", "/2023-03-30/functions/"+function+"/triggers", map[string]any{
			"triggerName": "rule" + strconv.Itoa(i), "triggerType": "eventbridge", "triggerConfig": string(config), "qualifier": "LATEST",
		}); err != nil {
			return err
		}
	}
	return nil
}

// halt stops a function as its owner would: nothing of it runs until resume.
func (b *bench) halt(function string) error {
	return b.api("PUT", "PutConcurrencyConfig", "/2023-03-30/functions/"+function+"/concurrency", map[string]any{"reservedConcurrency": 0})
}

func (b *bench) resume(function string) error {
	return b.api("DELETE", "DeleteConcurrencyConfig", "/2023-03-30/functions/"+function+"/concurrency", nil)
}

func (b *bench) taken(function string) (int, error) {
	status, body, err := once(b.srv.fc, b.call(nil, function, "take"))
	if err == nil {
		err = ok(status, body)
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(body))
}

// putMany puts n small objects, from 64 connections.
func (b *bench) putMany(bucket, prefix string, n int) error {
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for w := range 64 {
		wg.Go(func() {
			c, err := dial(b.srv.oss)
			if err != nil {
				errs <- err
				return
			}
			defer c.Close()
			var buf []byte
			for i := w; i < n; i += 64 {
				buf = v1(buf[:0], "PUT", b.srv.oss, bucket, prefix+strconv.Itoa(i), "", data4k[:64])
				status, body, err := c.do(buf)
				if err == nil {
					err = ok(status, body)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func (b *bench) backlog(*floorServer) error {
	const bucket = "bench-backlog"
	if err := b.bucket(bucket); err != nil {
		return err
	}
	for _, name := range []string{"drained", "written", "halted"} {
		if err := b.deploy(name, counter, 16); err != nil {
			return err
		}
	}
	if err := b.listen("drained", "t", bucket, "drain/"); err != nil {
		return err
	}
	if err := b.listen("written", "t", bucket, "with/"); err != nil {
		return err
	}
	if err := b.drain(bucket); err != nil {
		return err
	}
	if err := b.withTrigger(bucket); err != nil {
		return err
	}
	return b.million(bucket)
}

func (b *bench) drain(bucket string) error {
	const n = 10_000
	if _, err := b.taken("drained"); err != nil { // warm
		return err
	}
	if err := b.halt("drained"); err != nil {
		return err
	}
	progress("%d deliveries to a stopped function, then their draining", n)
	if err := b.putMany(bucket, "drain/", n); err != nil {
		return err
	}
	begun := time.Now()
	if err := b.resume("drained"); err != nil {
		return err
	}
	var first, last time.Duration
	for done := 0; done < n; {
		k, err := b.taken("drained")
		if err != nil {
			return err
		}
		if done += k; done > 0 && first == 0 {
			first = time.Since(begun)
		}
		if last = time.Since(begun); last > time.Minute {
			return fmt.Errorf("%d of %d deliveries had a run after %s", done, n, last)
		}
		time.Sleep(10 * time.Millisecond) // the runs are another process's
	}
	b.add(row{Name: "draining 10,000 deliveries, Node.js, concurrency 16", Value: n / last.Seconds(), Unit: "/s", Target: 2000, Note: "from the order to resume"})
	b.add(row{Name: "function's return → first run of its backlog", Value: millis(first), Unit: "ms", Target: 1000, AtMost: true})
	return nil
}

// withTrigger compares PUTs that owe a run with PUTs that owe none, in turns, so that
// both see the same machine.
func (b *bench) withTrigger(bucket string) error {
	const clients, turns = 64, 3
	var sum [3]float64
	var slow [3]float64
	names := [3]string{"none/", "with/", "with/"}
	for turn := range turns {
		for i, prefix := range names {
			if i == 1 {
				if err := b.halt("written"); err != nil {
					return err
				}
			}
			progress("PUT 4 KiB under %s, turn %d", prefix, turn+1)
			r, err := load(b.srv.oss, clients, b.load/2, func(client, n int, buf []byte) []byte {
				return v1(buf, "PUT", b.srv.oss, bucket, fmt.Sprintf("%s%d/%d/%d", prefix, turn, client, n), "", data4k)
			}, ok)
			if err != nil {
				return err
			}
			sum[i] += r.perSecond / turns
			slow[i] = max(slow[i], millis(r.percentile(99)))
			if i == 1 {
				if err := b.resume("written"); err != nil {
					return err
				}
				if err := b.idle("written"); err != nil {
					return err
				}
			}
		}
		if err := b.idle("written"); err != nil {
			return err
		}
	}
	note := func(i int) string { return fmt.Sprintf("%.0f/s against %.0f/s, p99 %.2f ms", sum[i], sum[0], slow[i]) }
	b.add(row{Name: "PUT with a matching trigger, of PUT without, 64 clients", Value: sum[1] / sum[0], Unit: "×", Target: 0.8, Note: note(1) + "; the function is stopped: what the write itself costs"})
	b.add(row{Name: "the same while the function runs on the same cores", Value: sum[2] / sum[0], Unit: "×", Note: note(2)})
	return nil
}

// idle waits until a function has nothing left to run.
func (b *bench) idle(function string) error {
	for quiet := 0; quiet < 20; {
		k, err := b.taken(function)
		if err != nil {
			return err
		}
		if quiet++; k > 0 {
			quiet = 0
		}
		time.Sleep(10 * time.Millisecond) // the runs are another process's
	}
	return nil
}

func (b *bench) million(bucket string) error {
	const rules = 50
	if err := b.halt("halted"); err != nil {
		return err
	}
	if err := b.rules("halted", rules, bucket, "many/"); err != nil {
		return err
	}
	put := func(label string) (float64, error) {
		progress("PUT 4 KiB %s", label)
		r, err := load(b.srv.oss, 16, b.load/2, func(client, n int, buf []byte) []byte {
			return v1(buf, "PUT", b.srv.oss, bucket, fmt.Sprintf("none/%d/%d/%d", len(label), client, n), "", data4k)
		}, ok)
		return millis(r.percentile(50)), err
	}
	before, err := put("before the backlog")
	if err != nil {
		return err
	}
	progress("%d deliveries to a stopped function (%d uploads, %d rules)", waiting, waiting/rules, rules)
	begun := time.Now()
	if err := b.putMany(bucket, "many/", waiting/rules); err != nil {
		return err
	}
	progress("%d deliveries enqueued in %s", waiting, time.Since(begun).Round(time.Millisecond))
	b.add(row{Name: "resident memory with 1,000,000 deliveries waiting", Value: b.srv.rss(), Unit: "MB", Note: "after the uploads"})
	if err := b.srv.stop(); err != nil {
		return err
	}
	ready, err := b.srv.launch()
	if err != nil {
		return err
	}
	b.add(row{Name: "restart with 1,000,000 deliveries waiting, to ready", Value: millis(ready), Unit: "ms", Target: 3000, AtMost: true})
	b.srv.settle()
	after, err := put("with the backlog")
	if err != nil {
		return err
	}
	b.add(row{Name: "PUT p50 with 1,000,000 deliveries waiting, of before", Value: after / before, Unit: "×", Target: 1.25, AtMost: true, Note: fmt.Sprintf("%.2f ms against %.2f ms, 16 clients, once the store has compacted what was just written", after, before)})
	progress("the backlog's first runs after the restart")
	begun = time.Now()
	if err := b.resume("halted"); err != nil {
		return err
	}
	for k := 0; k == 0; {
		if k, err = b.taken("halted"); err != nil {
			return err
		}
		if time.Since(begun) > 30*time.Second {
			return fmt.Errorf("no run of the backlog 30 s after its function's return")
		}
	}
	b.add(row{Name: "function's return → first run of 1,000,000", Value: millis(time.Since(begun)), Unit: "ms", Target: 1000, AtMost: true, Note: "cold start included"})
	if err := b.halt("halted"); err != nil {
		return err
	}
	b.add(row{Name: "resident memory while it drained", Value: b.srv.rss(), Unit: "MB"})
	return nil
}
