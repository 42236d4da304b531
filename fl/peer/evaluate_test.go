package peer_test

import (
	"bytes"
	"testing"

	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/fl/policy"
	"github.com/librum/librum/fl/train"
)

// evaluating opens a round with change made to its spec.
func evaluating(t *testing.T, change func(*job.Spec)) (*opening, *server) {
	t.Helper()
	o, err := open(change, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.ask()
	if err != nil {
		t.Fatal(err)
	}
	return o, s
}

// step has a peer with held-out rows do what is asked.
func step(t *testing.T, o *opening, s *server, held data.Dataset, rules string) {
	t.Helper()
	p := o.newPeerWith(0, s, rows(9, 4, 3), func(c *peer.Config) {
		c.HeldOut = held
		if rules == "" {
			return
		}
		var err error
		if c.Consent.Policy, err = policy.Parse([]byte("creators: [any]\nmodels: [any]\nreveal: " + rules)); err != nil {
			t.Fatal(err)
		}
	})
	if err := p.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestEvaluation measures the model that the round begins with, not the one that
// the peer trains, on other rows, and tells no more than the policy lets go.
func TestEvaluation(t *testing.T) {
	t.Parallel()
	held := rows(60, 4, 3)
	for name, c := range map[string]struct {
		asked float64
		held  data.Dataset
		rules string
		told  int
		rows  float64
	}{
		"asked":          {1, held, "", 5, 60},
		"not asked":      {0, held, "", 2, 0},
		"no rows":        {1, data.Dataset{}, "", 2, 0},
		"rounded rows":   {1, held, "{multiple_of: 7}", 5, 56},
		"too few rows":   {1, rows(5, 4, 3), "{min_examples: 6}", 2, 0},
		"hidden metrics": {1, held, "{metrics: false}", 0, 0},
	} {
		o, s := evaluating(t, func(spec *job.Spec) { spec.FractionEvaluate = c.asked })
		step(t, o, s, c.held, c.rules)
		sent, err := last[fl.SubmitUpdate](s, fl.MethodSubmitUpdate)
		if err != nil {
			t.Fatal(err)
		}
		if len(sent.Metrics) != c.told || sent.Metrics[fl.EvalExamples] != c.rows {
			t.Errorf("%s: told %v", name, sent.Metrics)
		}
		if c.told < 5 {
			continue
		}
		trainer, err := train.New(train.FromJob(&o.spec))
		if err != nil {
			t.Fatal(err)
		}
		params, err := train.DecodeFile(bytes.NewReader(o.model), int64(len(o.model)), trainer.Spec())
		if err != nil {
			t.Fatal(err)
		}
		want, err := trainer.Evaluate(t.Context(), params, held)
		if err != nil || sent.Metrics["eval_loss"] != want.Loss || sent.Metrics["eval_accuracy"] != want.Accuracy || sent.Metrics["loss"] == want.Loss {
			t.Errorf("%s: told %v, measured %+v, %v", name, sent.Metrics, want, err)
		}
	}
}

// TestRoundThatOnlyEvaluates sends the model back as it came.
func TestRoundThatOnlyEvaluates(t *testing.T) {
	t.Parallel()
	only := func(spec *job.Spec) { spec.FractionEvaluate, spec.Train.LocalEpochs = 1, 0 }
	o, s := evaluating(t, only)
	step(t, o, s, rows(60, 4, 3), "")
	sent, err := last[fl.SubmitUpdate](s, fl.MethodSubmitUpdate)
	if err != nil || sent.NumExamples != 60 || len(sent.Metrics) != 3 || !bytes.Equal(s.update, o.model) {
		t.Errorf("submitted %+v, %v", sent, err)
	}
	for name, c := range map[string]struct {
		held  data.Dataset
		rules string
	}{"no rows": {}, "hidden": {rows(60, 4, 3), "{metrics: false}"}, "other columns": {rows(60, 3, 3), ""}} {
		o, s := evaluating(t, only)
		step(t, o, s, c.held, c.rules)
		if sent, err := last[fl.DeclineUpdate](s, fl.MethodDeclineUpdate); err != nil || sent.Reason != fl.DeclinedData {
			t.Errorf("%s: %+v, %v", name, sent, err)
		}
	}
}
