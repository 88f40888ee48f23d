package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

const kept = 4096 // objects that GETs read

var data4k = bytes.Repeat([]byte("kingfish"), 512)

func µs(d time.Duration) float64     { return float64(d) / 1e3 }
func millis(d time.Duration) float64 { return float64(d) / 1e6 }

func (b *bench) bucket(name string) error {
	status, body, err := once(b.srv.oss, v1(nil, "PUT", b.srv.oss, name, "", "", nil))
	if err != nil {
		return err
	}
	return ok(status, body)
}

func (b *bench) storage(fl *floorServer) error {
	if err := b.bucket("bench"); err != nil {
		return err
	}
	key := func(client, n int) string { return "k/" + strconv.Itoa(client) + "/" + strconv.Itoa(n) }

	for _, clients := range []int{1, 64} {
		progress("floor, %d clients", clients)
		f, err := load(fl.addr, clients, b.load, func(_, _ int, buf []byte) []byte {
			return v1(buf, "GET", fl.addr, "bench", "k", "", nil)
		}, okLen(4096))
		if err != nil {
			return fmt.Errorf("floor: %w", err)
		}
		progress("PUT 4 KiB, %d clients", clients)
		put, err := load(b.srv.oss, clients, b.load, func(client, n int, buf []byte) []byte {
			return v1(buf, "PUT", b.srv.oss, "bench", key(client, n), "", data4k)
		}, ok)
		if err != nil {
			return fmt.Errorf("PUT: %w", err)
		}
		if err := b.fill(); err != nil {
			return err
		}
		progress("GET 4 KiB, %d clients", clients)
		get, err := load(b.srv.oss, clients, b.load, func(client, n int, buf []byte) []byte {
			return v1(buf, "GET", b.srv.oss, "bench", "kept/"+strconv.Itoa((client*67+n)%kept), "", nil)
		}, okLen(len(data4k)))
		if err != nil {
			return fmt.Errorf("GET: %w", err)
		}
		p := row{Name: fmt.Sprintf("PUT 4 KiB, signed, synced, %d clients", clients), Value: put.perSecond, Unit: "/s", Floor: f.perSecond, Note: tails(put)}
		g := row{Name: fmt.Sprintf("GET 4 KiB, signed, %d clients", clients), Value: get.perSecond, Unit: "/s", Floor: f.perSecond, Note: tails(get)}
		if clients == 64 {
			p.Target, g.Target = 8000, 15000
		}
		b.add(p)
		b.add(g)
	}
	return nil
}

func tails(r result) string {
	return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms", millis(r.percentile(50)), millis(r.percentile(99)))
}

// fill puts the objects that GETs read, once.
func (b *bench) fill() error {
	c, err := dial(b.srv.oss)
	if err != nil {
		return err
	}
	defer c.Close()
	if status, _, err := c.do(v1(nil, "GET", b.srv.oss, "bench", "kept/"+strconv.Itoa(kept-1), "", nil)); err != nil || status == 200 {
		return err
	}
	errs := make(chan error, 32)
	for w := range 32 {
		go func() {
			errs <- func() error {
				c, err := dial(b.srv.oss)
				if err != nil {
					return err
				}
				defer c.Close()
				var buf []byte
				for i := w; i < kept; i += 32 {
					buf = v1(buf[:0], "PUT", b.srv.oss, "bench", "kept/"+strconv.Itoa(i), "", data4k)
					status, body, err := c.do(buf)
					if err == nil {
						err = ok(status, body)
					}
					if err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	var all []error
	for range 32 {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// deploy makes a Node.js function of one file.
func (b *bench) deploy(name, code string, concurrency int) error {
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	f, err := w.Create("index.js")
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(code)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return b.api("POST", "CreateFunction", "/2023-03-30/functions", map[string]any{
		"functionName": name, "runtime": "nodejs20", "handler": "index.handler", "timeout": 30, "memorySize": 1024, "cpu": 1, "diskSize": 512,
		"instanceConcurrency": concurrency, "role": "acs:ram::" + account + ":role/aliyunfcdefaultrole",
		"code": map[string]any{"zipFile": base64.StdEncoding.EncodeToString(z.Bytes())},
	})
}

func (b *bench) api(method, action, path string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	status, answer, err := once(b.srv.fc, acs3(nil, method, b.srv.fc, action, path, "application/json", body))
	if err != nil {
		return err
	}
	if status >= 300 {
		return fmt.Errorf("%s: %w", action, ok(status, answer))
	}
	return nil
}

func (b *bench) call(buf []byte, function, event string) []byte {
	return acs3(buf, "POST", b.srv.fc, "InvokeFunction", "/2023-03-30/functions/"+function+"/invocations", "application/octet-stream", []byte(event))
}

func (b *bench) invoke(fl *floorServer) error {
	const noop = `exports.handler = async () => 'ok';`
	says := func(status int, body []byte) error {
		if status == 200 && string(body) != "ok" {
			return fmt.Errorf("answered %.200q", body)
		}
		return ok(status, body)
	}
	for _, concurrency := range []int{1, 16} {
		name := "noop-" + strconv.Itoa(concurrency)
		if err := b.deploy(name, noop, concurrency); err != nil {
			return err
		}
		begun := time.Now()
		status, body, err := once(b.srv.fc, b.call(nil, name, ""))
		if err == nil {
			err = says(status, body)
		}
		if err != nil {
			return err
		}
		first := time.Since(begun)
		for _, clients := range []int{1, 16} {
			next := func(_, _ int, buf []byte) []byte { return b.call(buf, name, "") }
			progress("invoke, instanceConcurrency %d, %d clients", concurrency, clients)
			if _, err := load(b.srv.fc, clients, min(b.load, 2*time.Second), next, says); err != nil { // warm-up
				return err
			}
			r, err := load(b.srv.fc, clients, b.load, next, says)
			if err != nil {
				return err
			}
			f, err := load(fl.addr, clients, b.load, func(_, _ int, buf []byte) []byte {
				return v1(buf, "GET", fl.addr, "bench", "k", "", nil)
			}, okLen(4096))
			if err != nil {
				return err
			}
			label := fmt.Sprintf("invoke no-op Node.js, concurrency %d, ", concurrency)
			if clients == 1 {
				b.add(row{Name: label + "1 client, p50", Value: µs(r.percentile(50)), Unit: "µs", Target: 400, AtMost: true, Floor: µs(f.percentile(50)), Note: fmt.Sprintf("p99 %.0f µs", µs(r.percentile(99)))})
				continue
			}
			b.add(row{Name: label + "16 clients", Value: r.perSecond, Unit: "/s", Target: 8000, Floor: f.perSecond, Note: tails(r)})
		}
		b.add(row{Name: fmt.Sprintf("invoke, first call ever, concurrency %d", concurrency), Value: millis(first), Unit: "ms"})
	}
	return nil
}

// The handler notes the moment of its first line for each key; a plain invocation hands
// the notes over. Node's clock is aligned with the machine's at load, to microseconds.
const noter = `
let t = Date.now(); while (Date.now() === t);
const offset = Date.now() - performance.now();
let seen = [];
exports.handler = async (event) => {
  const now = performance.now() + offset;
  const e = JSON.parse(event);
  if (e.dump) { const out = seen; seen = []; return JSON.stringify(out); }
  seen.push([e.events[0].oss.object.key, now]);
};`

func (b *bench) trigger(*floorServer) error {
	const rate, bucket = 100, "bench-events"
	if err := b.bucket(bucket); err != nil {
		return err
	}
	if err := b.deploy("noter", noter, 16); err != nil {
		return err
	}
	config, _ := json.Marshal(map[string]any{"events": []string{"oss:ObjectCreated:PutObject"}, "filter": map[string]any{"key": map[string]string{"prefix": "e/", "suffix": ""}}})
	if err := b.api("POST", "CreateTrigger", "/2023-03-30/functions/noter/triggers", map[string]any{
		"triggerName": "t", "triggerType": "oss", "triggerConfig": string(config), "qualifier": "LATEST",
		"sourceArn": "acs:oss:" + region + ":" + account + ":" + bucket, "invocationRole": "acs:ram::" + account + ":role/aliyunosseventnotificationrole",
	}); err != nil {
		return err
	}
	seen := map[string]float64{}
	collect := func(want int) error {
		deadline := time.Now().Add(30 * time.Second)
		for len(seen) < want {
			status, body, err := once(b.srv.fc, b.call(nil, "noter", `{"dump":true}`))
			if err != nil {
				return err
			}
			var notes [][2]any
			if err := json.Unmarshal(body, &notes); err != nil {
				return fmt.Errorf("status %d: %.300s", status, body)
			}
			for _, n := range notes {
				seen[n[0].(string)] = n[1].(float64)
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%d of %d events had a run after 30 s", len(seen), want)
			}
			if len(seen) < want {
				time.Sleep(20 * time.Millisecond) // the runs are another process's
			}
		}
		return nil
	}
	c, err := dial(b.srv.oss)
	if err != nil {
		return err
	}
	defer c.Close()
	send := func(key string) (float64, error) {
		status, body, err := c.do(v1(nil, "PUT", b.srv.oss, bucket, key, "", data4k[:64]))
		at := float64(time.Now().UnixNano()) / 1e6
		if err == nil {
			err = ok(status, body)
		}
		return at, err
	}
	progress("PUT → first line of a warm handler, %d events/s", rate)
	for i := range 50 {
		if _, err := send("e/warm" + strconv.Itoa(i)); err != nil {
			return err
		}
	}
	if err := collect(50); err != nil {
		return err
	}
	clear(seen)
	answered := map[string]float64{}
	n := int(max(b.load, 4*time.Second).Seconds() * rate)
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		key := "e/" + strconv.Itoa(i)
		if answered[key], err = send(key); err != nil {
			return err
		}
	}
	if err := collect(n); err != nil {
		return err
	}
	var delays []float64
	for key, at := range answered {
		delays = append(delays, seen[key]-at)
	}
	slices.Sort(delays)
	at := func(p float64) float64 { return max(0, delays[min(len(delays)-1, int(p/100*float64(len(delays))))]) }
	note := fmt.Sprintf("%d events; 0 means that the handler ran before the answer arrived", n)
	b.add(row{Name: "PUT's answer → first line of a warm handler, p50", Value: at(50), Unit: "ms", Target: 2, AtMost: true, Note: note})
	b.add(row{Name: "PUT's answer → first line of a warm handler, p99", Value: at(99), Unit: "ms", Target: 10, AtMost: true, Note: fmt.Sprintf("the last one %.2f ms", delays[len(delays)-1])})
	return nil
}

func (b *bench) process(*floorServer) error {
	progress("restart on existing data, idle memory")
	var readies []float64
	for range 3 {
		if err := b.srv.stop(); err != nil {
			return err
		}
		d, err := b.srv.launch()
		if err != nil {
			return err
		}
		readies = append(readies, millis(d))
	}
	slices.Sort(readies)
	b.add(row{Name: "start to ready, existing data (median of 3)", Value: readies[1], Unit: "ms", Target: 1000, AtMost: true})
	time.Sleep(3 * time.Second) // idle is what is left when nothing happens
	b.add(row{Name: "resident memory, idle, all rooms open", Value: b.srv.rss(), Unit: "MB", Target: 80, AtMost: true, Note: "without worker processes"})
	return nil
}
