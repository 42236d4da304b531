package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

var rewrite = flag.Bool("rewrite", false, "write the golden frames anew")

const begin = 1_800_000_000_000 // ms

// golden compares frames with the file of that name, which must be there.
func golden(t *testing.T, name string, frames ...*data.Frame) {
	t.Helper()
	var got bytes.Buffer
	for _, f := range frames {
		b, err := data.FrameToJSON(f, data.IncludeAll)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Indent(&got, b, "", " "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
	}
	path := filepath.Join("testdata", "golden", name+".json")
	if *rewrite {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is missing: look at the frame and write it with -rewrite", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s: got\n%s", path, got.Bytes())
	}
}

// fields are some of the node's.
func fields() *fieldList {
	return newFieldList([]v1.SearchField{
		{Name: "kind", Type: "keyword", Doc: "what it is about"},
		{Name: "id", Type: "keyword"},
		{Name: "height", Type: "integer"},
		{Name: "time", Type: "time"},
		{Name: "type", Type: "keyword"},
		{Name: "code", Type: "keyword"},
		{Name: "text", Type: "text"},
		{Name: "amount", Type: "amount"},
		{Name: "public", Type: "flag"},
		{Name: "accuracy", Type: "number"},
		{Name: "cohort", Type: "keyword", Many: true},
	})
}

func link(f *data.Field) { (&Source{uid: "UID"}).proofLink(f) }

// panel is a query of a panel ten minutes wide.
func panel(form string) *asked {
	return &asked{backend.DataQuery{
		RefID: "A", MaxDataPoints: 100, Interval: 10 * time.Second, JSON: []byte(form),
		TimeRange: backend.TimeRange{From: at(begin), To: at(begin + 600_000)},
	}}
}

func documents() []v1.SearchHit {
	return []v1.SearchHit{
		{Kind: "event", ID: "7.0/0", Height: 3, Proof: "/v1/transactions/aa/proof", Fields: map[string]any{
			"time": float64(begin), "type": "token.transferred", "amount": "35000000000000000000000000001", "public": false,
			"text": "<b>not markup</b> \u202e and a\nnew line",
		}},
		{Kind: "round", ID: "ab/1", Height: 4, Proof: "/v1/blocks/4", Fields: map[string]any{
			"time": float64(begin + 1000), "accuracy": 0.5, "cohort": []any{"p1", "p2"}, "public": true, "state": "void",
		}},
		{Kind: "transaction", ID: "8.1", Height: 4, Proof: "/v1/transactions/bb/proof", Fields: map[string]any{
			"time": float64(begin + 2000), "code": "insufficient_balance",
		}},
		{Kind: "account", ID: "of the genesis", Proof: "/v1/genesis", Fields: map[string]any{}},
	}
}

func TestSearchFrames(t *testing.T) {
	t.Parallel()
	golden(t, "search_table", hitTable(documents(), fields(), nil, link))
	golden(t, "search_columns", hitTable(documents(), fields(), []string{"time", "amount"}, link))
	golden(t, "search_empty", hitTable(nil, fields(), nil, link))
	golden(t, "search_logs", hitLogs(documents()))
	golden(t, "search_logs_empty", hitLogs(nil))
}

// bucket is one of a histogram or of terms.
func bucket(key any, count int64, within ...v1.SearchAggregate) v1.SearchBucket {
	return v1.SearchBucket{Key: key, Count: count, Within: within}
}

func number64(x float64) v1.SearchAggregate { return v1.SearchAggregate{Value: &x} }

func TestAggregateFrames(t *testing.T) {
	t.Parallel()
	a := panel(`{"metrics":[{"op":"count"},{"op":"avg","field":"accuracy"}],"groupBy":["type"],"interval":"5m"}`)
	var q aggregateQuery
	if err := a.read(&q); err != nil {
		t.Fatal(err)
	}
	plan, err := q.plan(a)
	if err != nil {
		t.Fatal(err)
	}
	over := func(ms int64, n, avg float64) v1.SearchBucket {
		return bucket(float64(ms), int64(n), number64(n), number64(avg))
	}
	found := []v1.SearchAggregate{{Buckets: []v1.SearchBucket{
		bucket("round.final", 3, v1.SearchAggregate{Buckets: []v1.SearchBucket{over(begin, 2, 0.5), over(begin+600_000, 1, 0.75)}}),
		bucket("job.created", 1, v1.SearchAggregate{Buckets: []v1.SearchBucket{bucket(float64(begin), 1, number64(1), v1.SearchAggregate{})}}),
	}}}
	golden(t, "aggregate_series", plan.overTime(found, a))
	golden(t, "aggregate_series_empty", plan.overTime([]v1.SearchAggregate{{}}, a))

	q.Format, q.Interval = formatTable, ""
	q.GroupBy, q.Metrics = []string{"type", "height"}, []metric{{Op: "count"}, {Op: "percentiles", Field: "accuracy", Percent: 90}}
	if plan, err = q.plan(a); err != nil {
		t.Fatal(err)
	}
	found = []v1.SearchAggregate{{Buckets: []v1.SearchBucket{
		bucket("round.final", 3, v1.SearchAggregate{Buckets: []v1.SearchBucket{
			bucket(float64(7), 2, number64(2), v1.SearchAggregate{Percentiles: []v1.SearchPercentile{{Percent: 90, Value: 0.75}}}),
			bucket(float64(8), 1, number64(1), v1.SearchAggregate{}),
		}}),
	}}}
	golden(t, "aggregate_table", plan.rows(found, fields()))
	golden(t, "aggregate_table_empty", plan.rows([]v1.SearchAggregate{{}}, fields()))
}

func blockHits() []v1.SearchHit {
	block := func(height uint64, ms int64) v1.SearchHit {
		return v1.SearchHit{Kind: "block", ID: "1", Height: height, Proof: "/v1/blocks/1", Fields: map[string]any{
			"time": float64(ms), "num_transactions": 3.0, "size": 700.0, "epoch": 0.0, "num_records": 2.0, "num_skipped": 0.0, "hash": "ff",
		}}
	}
	return []v1.SearchHit{block(9, begin+5_500), block(8, begin+3_000), block(6, begin)}
}

func TestBlockFrames(t *testing.T) {
	t.Parallel()
	a := panel(`{}`)
	found := []v1.SearchAggregate{{Buckets: []v1.SearchBucket{
		bucket(float64(begin), 4, number64(9), number64(4), number64(12), number64(2800)),
		bucket(float64(begin+600_000), 1, number64(10), number64(1), number64(3), number64(700)),
	}}}
	plan := &aggregation{step: 5 * time.Minute}
	golden(t, "blocks_series", blockSeries(plan, found, a, nil))
	golden(t, "blocks_one", blockSeries(plan, found, a, []string{"transactions"}))
	golden(t, "blocks_series_empty", blockSeries(plan, []v1.SearchAggregate{{}}, a, nil))
	golden(t, "blocks_table", blockTable(blockHits(), link))
	golden(t, "blocks_table_empty", blockTable(nil, link))
	golden(t, "blocks_live", liveBlocks(blockHits()))
	golden(t, "blocks_marks", blockMarks(blockHits()))
}

func trained() []jobRounds {
	round := func(n uint64, state string, metrics map[string]float64) v1.Round {
		r := v1.Round{
			Round: n, Attempt: 1, State: state, Peers: 3, Submitted: 2, Declined: 1, Averaged: 2, Nodes: 4, Agreed: 3,
			Opened: begin + int64(n)*10_000, Metrics: metrics, Model: &v1.File{Digest: ledger.Digest{7}, Size: 9},
		}
		if state == "final" {
			r.Ended = r.Opened + 2_500
		}
		return r
	}
	return []jobRounds{
		{id: ledger.Digest{1}, rounds: []v1.Round{
			round(1, "final", map[string]float64{"accuracy": 0.5, "loss": 2}),
			round(2, "final", map[string]float64{"accuracy": 0.75}),
			round(3, "open", nil),
		}},
		{id: ledger.Digest{2}, rounds: []v1.Round{round(2, "final", map[string]float64{"accuracy": 0.25, "mse": 1})}, cut: true},
	}
}

func TestTrainingFrames(t *testing.T) {
	t.Parallel()
	golden(t, "training_jobs", roundsOverTime(trained(), nil)...)
	golden(t, "training_one", roundsOverTime(trained()[:1], []string{"loss", "submitted"})...)
	golden(t, "training_empty", roundsOverTime(nil, nil)...)
	golden(t, "training_compared", roundsCompared(trained(), []string{"accuracy"}))
	golden(t, "training_table", roundTable(trained()))
	golden(t, "training_table_empty", roundTable(nil))
	golden(t, "training_live", liveRounds(ledger.Digest{1}, final(trained()[0].rounds)))
	golden(t, "training_marks", roundMarks(trained()))

	peer := func(id byte, state string, metrics map[string]float64) v1.Update {
		return v1.Update{Peer: ledger.ID{id}, State: state, Time: begin + int64(id), NumExamples: 40, Metrics: metrics}
	}
	all := []peerAnswers{
		{ledger.Digest{1}, v1.Round{Round: 1}, []v1.Update{peer(5, "submitted", map[string]float64{"accuracy": 0.5}), peer(6, "declined", nil)}},
		{ledger.Digest{1}, v1.Round{Round: 2}, []v1.Update{peer(5, "submitted", map[string]float64{"accuracy": 0.75, "eval_loss": 1})}},
	}
	golden(t, "peers_time", peerSeries(all, nil, axisTime)...)
	golden(t, "peers_round", peerSeries(all, []string{"accuracy", "num_examples"}, axisRound)...)
	golden(t, "peers_table", peerTable(all))
	golden(t, "peers_empty", peerSeries(nil, nil, axisTime)...)
}

func TestHealthFrames(t *testing.T) {
	t.Parallel()
	status := &v1.Status{
		Chain: ledger.Digest{9}, Name: "test", Node: ledger.ID{3}, LogTime: begin, Height: 12, Final: 11, NotFinal: 1, Signs: true,
		FinalHash: ledger.Digest{4},
	}
	golden(t, "health_numbers", healthNumbers(status, new(uint64(9)), ""))
	golden(t, "health_numbers_without_index", healthNumbers(status, nil, "the log takes no records"))
	golden(t, "health_table", healthTable(status, nil, "the log takes no records"))
}

// TestSeriesAreWide holds what alerting needs: one time, numbers beside it, no
// two fields that look alike.
func TestSeriesAreWide(t *testing.T) {
	t.Parallel()
	for name, frame := range map[string]*data.Frame{
		"one job":         roundsOverTime(trained()[:1], nil)[0],
		"no job":          roundsOverTime(nil, nil)[0],
		"blocks":          blockSeries(&aggregation{step: time.Minute}, nil, panel(`{}`), nil),
		"blocks as found": liveBlocks(blockHits()),
		"rounds as found": liveRounds(ledger.Digest{1}, trained()[0].rounds),
	} {
		if kind := frame.TimeSeriesSchema().Type; kind != data.TimeSeriesTypeWide {
			t.Errorf("%s: %v, want a wide series", name, kind)
		}
	}
}
