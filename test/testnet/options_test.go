package testnet_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/card"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
	"github.com/librum/librum/test/testnet"
)

// TestInitialModel begins a job with the model of another, which one node holds.
func TestInitialModel(t *testing.T) {
	t.Parallel()
	spec := small(1, 2)
	warm := spec
	warm.Seed = 99
	file, err := train.InitialFile(train.FromJob(&warm))
	if err != nil {
		t.Fatal(err)
	}
	spec.InitialModel = ledger.Hash(file).String()
	net := network(t, 21, 4, 2)
	if _, _, err := net.Blobs(2).Put(t.Context(), bytes.NewReader(file), int64(len(file))); err != nil {
		t.Fatal(err)
	}
	begin(t, net, spec)
	end(t, net, job.StateFinished, "", 1)
	r, _ := round(t, net, 1)
	if r.Model.String() != spec.InitialModel {
		t.Errorf("round 1 began with %s, the spec names %s", r.Model, spec.InitialModel)
	}
	verified(t, net, 1)
}

// TestInitialModelOfAnotherShape: the job does not wait for ever.
func TestInitialModelOfAnotherShape(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]bool{"another shape": true, "nowhere": false} {
		spec := small(1, 2)
		spec.WaitForPeersS = 120
		other := spec
		other.Model.Layers = []int64{64, 9, 10}
		file, err := train.InitialFile(train.FromJob(&other))
		if err != nil {
			t.Fatal(err)
		}
		spec.InitialModel = ledger.Hash(file).String()
		net := network(t, 22, 4, 2)
		if put {
			for i := range 4 {
				if _, _, err := net.Blobs(i).Put(t.Context(), bytes.NewReader(file), int64(len(file))); err != nil {
					t.Fatal(err)
				}
			}
		}
		begin(t, net, spec)
		out := end(t, net, job.StateFailed, job.ReasonNoModel, 0)
		if waited := out.Job.Ended - out.Job.Created; waited < 120_000 {
			t.Errorf("%s: the job failed after %d ms", name, waited)
		}
		if r := report(t, net); r.First != nil {
			t.Errorf("%s: verify found %v", name, r.First)
		}
	}
}

// TestEarlyStop ends a job whose loss no longer falls: the learning rate is such
// that it does not fall for long. Card and verify name the best round.
func TestEarlyStop(t *testing.T) {
	t.Parallel()
	spec := small(40, 2)
	spec.Train.LearningRate = 2
	spec.EarlyStop = job.EarlyStop{Metric: "loss", Patience: 2, Mode: job.ModeMin}
	net := network(t, 23, 4, 2)
	begin(t, net, spec)
	out, err := net.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	j := out.Job
	if j.State != job.StateFinished || j.Finals >= 40 || j.Finals != j.Best+2 {
		t.Fatalf("the job is %s after %d rounds, the best being %d", j.State, j.Finals, j.Best)
	}
	best, least := uint64(0), 0.0
	for number := uint64(1); number <= j.Finals; number++ {
		_, c := round(t, net, number)
		if loss := c.Metrics["loss"]; best == 0 || loss < least {
			best, least = number, loss
		}
	}
	_, c := round(t, net, best)
	b, err := card.Bytes(net.State(), net.JobID())
	if err != nil {
		t.Fatal(err)
	}
	var shown card.Card
	if err := json.Unmarshal(b, &shown); err != nil {
		t.Fatal(err)
	}
	if want := (card.Best{Round: best, Metric: "loss", Value: least, Model: c.Model}); j.Best != best || shown.Best == nil || *shown.Best != want {
		t.Errorf("best is round %d, the card has %+v, want %+v", j.Best, shown.Best, want)
	}
	verified(t, net, j.Finals)
}

// TestKeepLocal shares the first layer alone: no file holds the last one, and
// what two runs come to is the same.
func TestKeepLocal(t *testing.T) {
	t.Parallel()
	spec := small(3, 2)
	spec.Parameters = job.Parameters{KeepLocal: []string{"layer1.*"}}
	run := func() *testnet.Net {
		net := network(t, 24, 4, 2)
		begin(t, net, spec)
		end(t, net, job.StateFinished, "", 3)
		return net
	}
	net := run()
	for number := uint64(1); number <= 3; number++ {
		r, c := round(t, net, number)
		for what, digest := range map[string]ledger.Digest{
			"input": r.Model, "update": update(t, net, number, net.PeerID(1)).Digest, "result": c.Model,
		} {
			file := values(t, content(t, net.Blobs(net.NodeIndex(c.Node)), digest))
			if names := slices.Sorted(maps.Keys(file)); !slices.Equal(names, []string{"layer0.bias", "layer0.weight"}) {
				t.Errorf("round %d: the %s holds %v", number, what, names)
			}
		}
		averages(t, net, number, []ledger.ID{net.PeerID(0), net.PeerID(1)})
	}
	verified(t, net, 3)
	again := run()
	first, _ := net.Job()
	second, _ := again.Job()
	if first == nil || second == nil || first.Model != second.Model {
		t.Errorf("the same job gave %v, then %v", first, second)
	}
}
