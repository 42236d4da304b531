package testnet_test

import (
	"runtime"
	"testing"

	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/test/testnet"
)

// eventful is a simulation with all sorts of trouble: a liar among the peers, a
// dead holder that comes back, a damaged file.
func eventful(t *testing.T, seed uint64) testnet.Outcome {
	t.Helper()
	net := network(t, seed, 4, 4)
	net.Replace(1, func(seat testnet.Seat) testnet.Participant {
		return testnet.NewHostile(seat, func(_ *fl.RoundOpened, model []byte) testnet.Forgery {
			return testnet.Forgery{File: model[:len(model)-1], NumExamples: 5}
		})
	})
	spec := small(3, 3)
	spec.MinAvailablePeers = 4
	begin(t, net, spec)
	submitted(t, net, 1, 2)
	for i := range 4 {
		if u := update(t, net, 1, net.PeerID(i)); u.State == fl.UpdateSubmitted {
			if err := net.Damage(net.NodeIndex(u.Holders[0]), u.Digest); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	submitted(t, net, 2, 1)
	dead, term := holder(t, net)
	net.Stop(dead)
	until(t, net, func(*fl.Job) bool {
		_, now := holder(t, net)
		return now.Term > term.Term
	})
	if err := net.Start(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	return end(t, net, job.StateFinished, "", 3)
}

// TestSameSeedSameTrouble repeats a simulation with faults, once on all
// processors and once on one: chain and model must be equal to the bit. It is
// not parallel, since GOMAXPROCS concerns all tests that run beside it.
func TestSameSeedSameTrouble(t *testing.T) { //nolint:paralleltest // see above
	before := runtime.GOMAXPROCS(4)
	first := eventful(t, 31)
	runtime.GOMAXPROCS(1)
	second := eventful(t, 31)
	runtime.GOMAXPROCS(before)
	if first.ChainHash != second.ChainHash || first.Height != second.Height || first.LogTime != second.LogTime {
		t.Errorf("seed 31 gave chain %s at height %d, log time %d; with GOMAXPROCS=1 %s at %d, %d",
			first.ChainHash, first.Height, first.LogTime, second.ChainHash, second.Height, second.LogTime)
	}
	if first.Job.Model != second.Job.Model || first.Job.Card != second.Job.Card {
		t.Errorf("seed 31 gave model %s and card %s; with GOMAXPROCS=1 %s and %s",
			first.Job.Model, first.Job.Card, second.Job.Model, second.Job.Card)
	}
	if other := eventful(t, 32); other.ChainHash == first.ChainHash {
		t.Error("another seed gave the same chain")
	}
}
