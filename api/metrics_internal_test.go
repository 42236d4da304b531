package api

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/librum/librum/fl/aggregation"
)

// TestAggregationsAreLookedAtOnce: a scrape takes one look at all aggregations,
// however many metrics show what it finds.
func TestAggregationsAreLookedAtOnce(t *testing.T) {
	t.Parallel()
	looks := 0
	registry := prometheus.NewRegistry()
	registry.MustRegister(newAggregations(func() aggregation.Stats {
		looks++
		return aggregation.Stats{States: map[aggregation.State]int{aggregation.Open: 2, aggregation.Done: 1}, Bytes: 5, Runs: 3}
	}))
	found, err := registry.Gather()
	if err != nil || looks != 1 || len(found) != 3 {
		t.Fatalf("%d looks, %d metrics, %v", looks, len(found), err)
	}
	values := map[string]float64{}
	for _, family := range found {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"librum_aggregations open": 2, "librum_aggregations done": 1, "librum_aggregation_bytes": 5, "librum_aggregation_runs_total": 3,
	} {
		if values[name] != want {
			t.Errorf("%s is %v, want %v", name, values[name], want)
		}
	}
}
