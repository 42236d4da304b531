package strategy_test

import (
	"bytes"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
)

// TestGlobalModelLeftOut holds that a rule which does not ask for the global
// model comes to the same without it, and that the others ask for it.
func TestGlobalModelLeftOut(t *testing.T) {
	t.Parallel()
	without := 0
	for _, name := range strategy.Names() {
		rule, err := strategy.Resolve(strategy.Choice{Strategy: strategy.Part{Name: name}})
		if err != nil {
			t.Fatal(err)
		}
		if rule.Needs().Global {
			continue
		}
		without++
		in := strategy.Input{Model: exact(t, 3), Cohort: 7}
		for i := range 7 {
			x := float64(i)
			file := encode(t, x, x*x-3, 1/(x+1))
			in.Updates = append(in.Updates, aggregator.Update{Peer: []byte{byte(i)}, File: file.File, Size: file.Size, Weight: uint64(i + 1)})
		}
		var models [2]bytes.Buffer
		for i, global := range []aggregator.Source{{}, encode(t, 5, -7, 1e9)} {
			in.Global = global
			if _, err := rule.Aggregate(t.Context(), in, strategy.Output{Model: &models[i]}, aggregator.Options{}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if !bytes.Equal(models[0].Bytes(), models[1].Bytes()) {
			t.Errorf("%s: the global model matters, though the rule does not ask for it", name)
		}
	}
	if without < 7 {
		t.Errorf("%d strategies go without a global model", without)
	}
	for _, choice := range []strategy.Choice{
		{Strategy: strategy.Part{Name: "fedavg"}, Clip: strategy.Part{Name: "fixed", Params: strategy.Params{"norm": 1}}},
		{Strategy: strategy.Part{Name: "fedavg"}, Mean: strategy.Part{Name: "fednova"}},
		{Strategy: strategy.Part{Name: "fedadam"}, Mean: strategy.Part{Name: "median"}},
		{Strategy: strategy.Part{Name: "fltrust"}},
	} {
		rule, err := strategy.Resolve(choice)
		if err != nil || !rule.Needs().Global {
			t.Errorf("%+v does not ask for the global model, %v", choice, err)
		}
	}
}
