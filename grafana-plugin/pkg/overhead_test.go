package main

import (
	"slices"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
)

// BenchmarkOverhead asks a node the same thing in turn by its raw interface and
// through the plug-in, and reports the median of each and what lies between.
func BenchmarkOverhead(b *testing.B) {
	n, p := startNetwork(b), startPlugin(b)
	n.train(b, "asked", 2)
	at := settings(n.url, n.token, `{}`)
	var raw, through []time.Duration
	for b.Loop() {
		begun := time.Now()
		if _, err := n.client.Search(b.Context(), &v1.SearchRequest{Query: "(kind:event) AND time:*", Sort: "time", Limit: new(100)}); err != nil {
			b.Fatal(err)
		}
		raw = append(raw, time.Since(begun))
		begun = time.Now()
		r := p.ask(b, at, "search", `{"query":"kind:event"}`)
		through = append(through, time.Since(begun))
		frames(b, r)
	}
	slices.Sort(raw)
	slices.Sort(through)
	median := func(list []time.Duration) float64 { return float64(list[len(list)/2].Microseconds()) / 1000 }
	b.ReportMetric(median(raw), "raw-p50-ms")
	b.ReportMetric(median(through), "plugin-p50-ms")
	b.ReportMetric(median(through)-median(raw), "overhead-p50-ms")
}
