package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/fl/aggregation"
)

// metrics counts what goes through the door and shows where the node stands.
type metrics struct {
	registry     *prometheus.Registry
	requests     *prometheus.CounterVec
	took         *prometheus.HistogramVec
	transactions *prometheus.CounterVec
}

func newMetrics(s *server) (*metrics, error) {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "librum_http_requests_total", Help: "Requests by route and status; 499: the client gave up before the answer.",
		}, []string{"route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "librum_http_request_seconds", Help: "Time from request to end of answer, by route.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30, 100},
		}, []string{"route"}),
		transactions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "librum_transactions_submitted_total", Help: "Transactions submitted here, by code of their outcome.",
		}, []string{"code"}),
	}
	for _, c := range append([]prometheus.Collector{m.requests, m.took, m.transactions}, s.gauges()...) {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("register a metric: %w", err)
		}
	}
	return m, nil
}

// gauges shows where the node and its door stand.
func (s *server) gauges() []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	counter := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
	}
	status := s.Node.Status
	return []prometheus.Collector{
		counter("librum_records_executed_total", "Records of the log executed, since its beginning.",
			func() float64 { return float64(status().Next) }),
		counter("librum_records_skipped_total", "Records of strangers skipped, since the start.",
			func() float64 { return float64(status().Skipped) }),
		gauge("librum_log_needed_offset", "Offset of the lowest record that this node needs when it starts again; what is below may be trimmed where no node needs it.",
			func() float64 { return float64(status().Needed) }),
		gauge("librum_log_time_seconds", "Log time since 1970.",
			func() float64 { return float64(status().LogTime) / 1000 }),
		gauge("librum_block_height", "Blocks stored.",
			func() float64 { return float64(status().Height) }),
		gauge("librum_block_final_height", "Newest height that a quorum signed.",
			func() float64 { return float64(status().Final) }),
		gauge("librum_blocks_not_final", "Blocks stored and not final.",
			func() float64 { return float64(status().NotFinal) }),
		gauge("librum_transactions_in_flight", "Transactions let in and not executed yet.",
			func() float64 { return float64(s.Node.InFlight()) }),
		gauge("librum_search_indexed_height", "Newest height that can be searched; 0 without an index.",
			func() float64 { return float64(s.indexed().Height) }),
		gauge("librum_search_lag_blocks", "Final blocks that cannot be searched yet; 0 without an index.",
			func() float64 { return s.indexLag(status().Final) }),
		gauge("librum_search_failing", "1 while the index cannot be opened, read or written, and what waits for it does; else 0.",
			func() float64 {
				if s.indexed().Err != nil {
					return 1
				}
				return 0
			}),
		counter("librum_search_documents_total", "Documents written to the index, since the start.",
			func() float64 { return float64(s.indexed().Documents) }),
		counter("librum_search_rebuilds_total", "How often the index was built from the store, since the start.",
			func() float64 { return float64(s.indexed().Rebuilds) }),
		queues{s.Node.Queues},
		counter("librum_stage_validating_seconds_total", "Time spent validating, of all requests together.",
			func() float64 { return s.Node.StageTimes().Validating.Seconds() }),
		counter("librum_stage_executing_seconds_total", "Time spent executing.",
			func() float64 { return s.Node.StageTimes().Executing.Seconds() }),
		counter("librum_stage_storing_seconds_total", "Time spent storing.",
			func() float64 { return s.Node.StageTimes().Storing.Seconds() }),
		counter("librum_state_rows_ahead_total", "Rows read of the store before the record that needs them was executed.",
			func() float64 { return float64(s.Node.Reads().Ahead) }),
		counter("librum_state_rows_missed_total", "Rows that execution waited for one by one.",
			func() float64 { return float64(s.Node.Reads().Missed) }),
		counter("librum_state_rows_held_total", "Rows that were in memory when they were to be read ahead.",
			func() float64 { return float64(s.Node.Reads().Held) }),
		gauge("librum_store_wait_seconds", "How long the node has been waiting for its store by now; more than moments: it is away.",
			func() float64 { return s.Node.StoreWait().Seconds() }),
		gauge("librum_log_wait_seconds", "How long the node has been waiting by now for the log to take a record; more than moments: it is away.",
			func() float64 { return s.Node.LogWait().Seconds() }),
		gauge("librum_node_name_taken", "1 while another holds this node's name in the registry, so that the other nodes do not find it; else 0.",
			func() float64 {
				if s.NameTaken != nil && s.NameTaken() {
					return 1
				}
				return 0
			}),
		gauge("librum_http_waits", "Event streams and waits for tasks that are open.",
			func() float64 { return float64(s.streams.open() + s.tasks.open()) }),
		gauge("librum_http_connections", "Connections to the door that are open.",
			func() float64 { return float64(s.connections.Count().Open) }),
		gauge("librum_http_connections_bound", "How many connections to the door may be open.",
			func() float64 { return float64(s.connections.Count().Bound) }),
		counter("librum_http_connections_refused_total", "Connections to the door that were closed at once, since their address had too many.",
			func() float64 { return float64(s.connections.Count().Refused) }),
		gauge("librum_uploads_open", "Uploads that are not complete.",
			func() float64 { return float64(s.sessions.count()) }),
		newAggregations(func() aggregation.Stats { return s.Aggregations.Stats() }),
	}
}

// aggregations shows those without a job, by one look at them all.
type aggregations struct {
	stats               func() aggregation.Stats
	states, bytes, runs *prometheus.Desc
}

func newAggregations(stats func() aggregation.Stats) *aggregations {
	desc := prometheus.NewDesc
	return &aggregations{
		stats:  stats,
		states: desc("librum_aggregations", "Aggregations without a job, by state.", []string{"state"}, nil),
		bytes:  desc("librum_aggregation_bytes", "Bytes of aggregations without a job, announced and written.", nil, nil),
		runs:   desc("librum_aggregation_runs_total", "Aggregations without a job that were run to an end, since the start.", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (a *aggregations) Describe(to chan<- *prometheus.Desc) {
	to <- a.states
	to <- a.bytes
	to <- a.runs
}

// Collect implements [prometheus.Collector].
func (a *aggregations) Collect(to chan<- prometheus.Metric) {
	stats := a.stats()
	for state, n := range stats.States {
		to <- prometheus.MustNewConstMetric(a.states, prometheus.GaugeValue, float64(n), string(state))
	}
	to <- prometheus.MustNewConstMetric(a.bytes, prometheus.GaugeValue, float64(stats.Bytes))
	to <- prometheus.MustNewConstMetric(a.runs, prometheus.CounterValue, float64(stats.Runs))
}

// queues shows how full each queue of the node is: where they fill up, the stage
// behind them is the slow one.
type queues struct{ of func() []node.Queue }

func (q queues) length() *prometheus.Desc {
	return prometheus.NewDesc("librum_queue_length", "What waits in a queue of the node.", []string{"queue"}, nil)
}

func (q queues) bound() *prometheus.Desc {
	return prometheus.NewDesc("librum_queue_bound", "How much a queue of the node holds.", []string{"queue"}, nil)
}

// Describe implements [prometheus.Collector].
func (q queues) Describe(to chan<- *prometheus.Desc) {
	to <- q.length()
	to <- q.bound()
}

// Collect implements [prometheus.Collector].
func (q queues) Collect(to chan<- prometheus.Metric) {
	for _, each := range q.of() {
		to <- prometheus.MustNewConstMetric(q.length(), prometheus.GaugeValue, float64(each.Length), each.Name)
		to <- prometheus.MustNewConstMetric(q.bound(), prometheus.GaugeValue, float64(each.Bound), each.Name)
	}
}

func (m *metrics) observe(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.took.WithLabelValues(route).Observe(took.Seconds())
}

// submitted counts outcomes. Codes come from contracts, so they are few.
func (m *metrics) submitted(code ledger.Code) { m.transactions.WithLabelValues(string(code)).Inc() }

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
