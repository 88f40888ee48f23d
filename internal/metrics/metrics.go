// Package metrics counts what the server does, for Prometheus.
//
// It stands around the rooms' own seams (the deliveries' journal, the recorder of runs,
// the HTTP handlers), so that no room knows of it. Counting costs an atomic addition:
// every label is looked up before it is needed, and the number of series is bounded.
package metrics

import (
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// MaxFunctions is how many functions have series of their own; the others share those of
// the name "(other)".
const MaxFunctions = 200

const other = "(other)"

// Sources are asked when metrics are read. Those that are nil are left out.
type Sources struct {
	Version string
	Queue   func() ([]delivery.Stats, error) // of every function that has deliveries
	Handed  func() (succeeded, errors int64) // results sent to destinations
	Runner  func() runner.Stats
	Paused  func() uint64 // triggers that the guard paused
	Dropped func() uint64 // runs that the history left out
	Storage func() bool   // writes are taken
}

// Metrics is one registry with everything in it.
type Metrics struct {
	registry   *prometheus.Registry
	events     *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	loops      *prometheus.CounterVec
	runs       *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	requests   *prometheus.CounterVec

	ofEvent sync.Map // event.Type → func(uint64)

	mu        sync.Mutex
	functions map[string]bool
}

// New returns metrics that read s.
func New(s Sources) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), functions: map[string]bool{}}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "alcedo_" + name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	m.events = counter("events_total", "Events committed with the changes that they tell of.", "type")
	m.deliveries = counter("deliveries_total", "Deliveries that are over, by how they ended.", "outcome")
	m.loops = counter("loops_stopped_total", "Chains of runs that were ended because they were too long, by the function that was to run next.", "function")
	m.runs = counter("runs_total", "Runs of functions, by outcome: ok, an error type, or why it could not be run.", "function", "kind", "outcome")
	m.requests = counter("requests_total", "HTTP requests, by protocol, method and class of status.", "protocol", "method", "status")
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "alcedo_run_duration_seconds", Help: "How long handlers took.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 10), // 1 ms to 262 s
	}, []string{"start"})
	m.registry.MustRegister(m.duration, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	gauge := func(name, help string, labels prometheus.Labels, read func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "alcedo_" + name, Help: help, ConstLabels: labels}, read))
	}
	count := func(name, help string, read func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "alcedo_" + name, Help: help}, read))
	}
	gauge("build_info", "The version that runs.", prometheus.Labels{"version": s.Version}, func() float64 { return 1 })
	if s.Queue != nil {
		desc := func(name, help string) *prometheus.Desc {
			return prometheus.NewDesc("alcedo_"+name, help, []string{"function"}, nil)
		}
		m.registry.MustRegister(queue{
			m: m, read: s.Queue, waiting: desc("deliveries_waiting", "Deliveries that are accepted and not over, without those that run."),
			running: desc("deliveries_running", "Deliveries whose run is under way."), dead: desc("dead_letters", "Deliveries that were given up and are kept."),
			held: desc("queues_held", "Queues that stand still because their function takes nothing."),
		})
	}
	if s.Handed != nil {
		count("destinations_sent_total", "Results handed on to a destination.", func() float64 { n, _ := s.Handed(); return float64(n) })
		count("destination_errors_total", "Failed tries to hand a result on.", func() float64 { _, n := s.Handed(); return float64(n) })
	}
	if s.Runner != nil {
		for state, read := range map[string]func(runner.Stats) int{
			"busy": func(s runner.Stats) int { return s.Busy }, "idle": func(s runner.Stats) int { return s.Idle },
			"starting": func(s runner.Stats) int { return s.Starting }, "spare": func(s runner.Stats) int { return s.Spares },
		} {
			gauge("instances", "Processes that run functions, or wait to.", prometheus.Labels{"state": state}, func() float64 { return float64(read(s.Runner())) })
		}
		gauge("runs_waiting", "Runs that wait for an instance.", nil, func() float64 { return float64(s.Runner().Waiting) })
		count("cold_starts_total", "Instances started for a function.", func() float64 { return float64(s.Runner().Cold) })
	}
	if s.Paused != nil {
		count("triggers_paused_total", "Triggers that the guard against loops paused.", func() float64 { return float64(s.Paused()) })
	}
	if s.Dropped != nil {
		count("history_dropped_total", "Runs that the history left out because it could not keep up.", func() float64 { return float64(s.Dropped()) })
	}
	if s.Storage != nil {
		gauge("storage_writable", "1 while changes are taken, 0 while the disk refuses them.", nil, func() float64 {
			if s.Storage() {
				return 1
			}
			return 0
		})
	}
	return m
}

// queue shows how the deliveries stand.
type queue struct {
	m                            *Metrics
	read                         func() ([]delivery.Stats, error)
	waiting, running, dead, held *prometheus.Desc
}

func (q queue) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{q.waiting, q.running, q.dead, q.held} {
		ch <- d
	}
}

func (q queue) Collect(ch chan<- prometheus.Metric) {
	all, err := q.read()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(q.waiting, err)
		return
	}
	sums := map[string]*[4]int{}
	for _, s := range all {
		name := q.m.function(s.Function)
		if sums[name] == nil {
			sums[name] = new([4]int)
		}
		for i, n := range [4]int{s.Waiting, s.Running, s.Dead, len(s.Holds)} {
			sums[name][i] += n
		}
	}
	for name, sum := range sums {
		for i, d := range []*prometheus.Desc{q.waiting, q.running, q.dead, q.held} {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(sum[i]), name)
		}
	}
}

// Handler answers with everything, in Prometheus's text format. Who may ask is the
// caller's to decide.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, ErrorHandling: promhttp.ContinueOnError})
}

// function returns the label of a function's series.
func (m *Metrics) function(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.functions[name] {
		if len(m.functions) >= MaxFunctions {
			return other
		}
		m.functions[name] = true
	}
	return name
}

// Journal counts what goes to a journal, once it is committed.
func (m *Metrics) Journal(next delivery.Journal) delivery.Journal { return journal{next, m} }

type journal struct {
	delivery.Journal
	m *Metrics
}

func (j journal) Event(tx kv.Txn, rec *event.Record, suffix []byte, owed []delivery.Owed) {
	j.Journal.Event(tx, rec, suffix, owed)
	inc, ok := j.m.ofEvent.Load(rec.Type)
	if !ok {
		c := j.m.events.WithLabelValues(string(rec.Type))
		inc, _ = j.m.ofEvent.LoadOrStore(rec.Type, func(uint64) { c.Inc() })
	}
	tx.OnCommit(inc.(func(uint64)))
}

func (j journal) Outcome(tx kv.Txn, o *delivery.Outcome) {
	j.Journal.Outcome(tx, o)
	function, state, reason := o.Function, o.State, o.Reason
	tx.OnCommit(func(uint64) {
		j.m.deliveries.WithLabelValues(state).Inc()
		if reason == run.Recursive {
			j.m.loops.WithLabelValues(j.m.function(function)).Inc()
		}
	})
}

// Recorder counts what goes to a recorder.
func (m *Metrics) Recorder(next run.Recorder) run.Recorder { return recorder{next, m} }

type recorder struct {
	run.Recorder
	m *Metrics
}

func (r recorder) Record(rec *run.Record) {
	outcome := "ok"
	switch {
	case rec.Fault != "":
		outcome = rec.Fault // one of the rooms' reasons
	case rec.ErrorType != "":
		outcome = rec.ErrorType
	}
	r.m.runs.WithLabelValues(r.m.function(rec.Function), rec.Kind, outcome).Inc()
	if rec.Fault == "" {
		start := "warm"
		if rec.Cold {
			start = "cold"
		}
		r.m.duration.WithLabelValues(start).Observe(rec.Duration.Seconds())
	}
	r.Recorder.Record(rec)
}

var methods = [...]string{"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", other}

// Requests counts the requests to a handler of a protocol.
func (m *Metrics) Requests(protocol string, next http.Handler) http.Handler {
	var counters [len(methods)][6]prometheus.Counter
	for i, method := range methods {
		for class := 1; class < 6; class++ {
			counters[i][class] = m.requests.WithLabelValues(protocol, method, strconv.Itoa(class)+"xx")
		}
	}
	pool := sync.Pool{New: func() any { return new(writer) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := pool.Get().(*writer)
		c.ResponseWriter, c.status = w, 0
		defer func() {
			status := c.status
			if status == 0 {
				status = http.StatusOK // net/http's own answer to a handler that says nothing
			}
			method := len(methods) - 1
			for i, name := range methods {
				if r.Method == name {
					method = i
				}
			}
			counters[method][min(max(status/100, 1), 5)].Inc()
			c.ResponseWriter = nil
			pool.Put(c)
		}()
		next.ServeHTTP(c, r)
	})
}

// writer remembers the status. It passes on what net/http's own can do.
type writer struct {
	http.ResponseWriter
	status int
}

func (w *writer) WriteHeader(status int) {
	if w.status < 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// ReadFrom lets net/http use sendfile.
func (w *writer) ReadFrom(r io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, r) }

func (w *writer) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is http.ResponseController's.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
