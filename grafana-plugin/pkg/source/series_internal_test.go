package source

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	v1 "github.com/librum/librum/api/v1"
)

// BenchmarkSeries reads a node's answer with 10,000 intervals and makes the frame
// of it as it goes to Grafana; the node's own time is not in it.
func BenchmarkSeries(b *testing.B) {
	const points = 10_000
	a := &asked{backend.DataQuery{TimeRange: backend.TimeRange{From: at(begin), To: at(begin + points*1000 - 1)}, MaxDataPoints: points}}
	var answer v1.SearchAnswer
	buckets := make([]v1.SearchBucket, points)
	for i := range buckets {
		buckets[i] = bucket(float64(begin+i*1000), 7, number64(float64(i)))
	}
	answer.Aggregations = []v1.SearchAggregate{{Buckets: buckets}}
	raw, err := json.Marshal(answer)
	if err != nil {
		b.Fatal(err)
	}
	plan := &aggregation{metrics: []metric{{Op: "sum", Field: "size"}}, step: time.Second, series: true}
	for b.Loop() {
		var read v1.SearchAnswer
		if err := json.Unmarshal(raw, &read); err != nil {
			b.Fatal(err)
		}
		frame := plan.overTime(read.Aggregations, a)
		if frame.Rows() != points {
			b.Fatalf("%d points", frame.Rows())
		}
		if _, err := frame.MarshalArrow(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/series")
}
