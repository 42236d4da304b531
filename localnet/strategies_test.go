package localnet_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/verify"
	"github.com/librum/librum/localnet"
)

// federated is a network of four nodes with four peers that train.
func federated(t *testing.T, seed uint64, cheat localnet.Cheat) (*localnet.Network, localnet.Secrets) {
	t.Helper()
	const peers = 4
	dir, secrets := localnet.Dir(t.TempDir()), localnet.SecretsFromSeed(seed)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 4, Peers: peers, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	network, stop := startWith(t, dir, localnet.Options{Cheat: cheat})
	t.Cleanup(stop)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	runPeers(ctx, t, &running, network, secrets, peers)
	t.Cleanup(func() { // before stop
		cancel()
		running.Wait()
	})
	return network, secrets
}

// small is a job of two rounds of four peers.
func small(s job.Strategy) job.Spec {
	spec := job.Defaults()
	spec.NumRounds, spec.MinTrainPeers, spec.MinAvailablePeers = 2, 4, 4
	spec.Model.Layers = []int64{64, 10}
	spec.Strategy = s
	return spec
}

// verifyJob computes a job again from what node 3 has.
func verifyJob(t *testing.T, network *localnet.Network, id ledger.Digest) verify.Report {
	t.Helper()
	at := network.Nodes[3]
	for { // the other nodes may be ahead
		changed := at.Changed()
		ended := false
		err := at.View(t.Context(), func(state contract.Range, _ int64) error {
			j, ok, err := fl.LoadJob(state, id)
			ended = ok && j.State.Terminal()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if ended {
			break
		}
		select {
		case <-changed:
		case <-time.After(3 * time.Minute):
			t.Fatal("the node does not see the job's end")
		}
	}
	var files []verify.Files
	for _, n := range network.Nodes {
		files = append(files, n.Blobs)
	}
	report, err := verify.Job(t.Context(), verify.Input{State: at.State(t.Context()), Job: id, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestEveryStrategy trains a job by every strategy, and some that nest, with
// four nodes that attest: all finish, and each is computed again bit by bit.
func TestEveryStrategy(t *testing.T) {
	t.Parallel()
	network, secrets := federated(t, 21, localnet.Cheat{})
	root := secrets.ID(localnet.KindPeer, 1).String()
	none := map[string]float64{"num_malicious": 0}
	jobs := map[string]job.Strategy{
		"krum":      {Name: "krum", Params: none},
		"multikrum": {Name: "multikrum", Params: map[string]float64{"num_malicious": 0, "num_to_keep": 3}},
		"trimmed mean clipped": {
			Name: "trimmed_mean", Params: map[string]float64{"beta": 0.25}, Clip: job.Part{Name: "fixed", Params: map[string]float64{"norm": 0.3}},
		},
		"bulyan":  {Name: "bulyan", Params: none},
		"fltrust": {Name: "fltrust", Root: root},
		"adam of clipped Krum": {
			Name: "fedadam", Clip: job.Part{Name: "adaptive"}, Mean: job.Part{Name: "krum", Params: none},
		},
		"median clipped": {Name: "median", Clip: job.Part{Name: "fixed", Params: map[string]float64{"norm": 0.5}}},
		"fedprox":        {Name: "fedprox"},
		"scaffold":       {Name: "scaffold"},
	}
	for _, name := range []string{
		"fedavg", "fedavgm", "fedadagrad", "fedadam", "fedyogi", "fednova", "median", "geometric_median",
	} {
		jobs[name] = job.Strategy{Name: name}
	}
	ids := map[string]ledger.Digest{}
	for name, s := range jobs {
		spec := small(s)
		switch s.Name {
		case "fedprox":
			spec.Train.ProximalMu = 0.01
		case "scaffold":
			spec.Train.Momentum = 0
		}
		if err := spec.Validate(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ids[name] = createJob(t, network, secrets, name, spec)
	}
	models := map[ledger.Digest]string{}
	for name, id := range ids {
		j := awaitEnd(t, network, id)
		if j.State != job.StateFinished || j.Finals != 2 {
			t.Errorf("%s ended as %s (%s) after %d rounds", name, j.State, j.Reason, j.Finals)
			continue
		}
		report := verifyJob(t, network, id)
		if report.First != nil || report.Incomplete || report.Rounds != 2 || report.Averages != 2 {
			t.Errorf("%s: %+v, first %v", name, report, report.First)
		}
		if other, twice := models[j.Model]; twice {
			t.Errorf("%s and %s gave the same model", name, other)
		}
		models[j.Model] = name
		rule, err := j.Spec.Rule()
		if err != nil {
			t.Fatal(err)
		}
		kept, _, err := fl.LoadStateAfter(network.Nodes[0].State(t.Context()), id, 2)
		if err != nil || kept.Digest.IsZero() == rule.Needs().State {
			t.Errorf("%s: state %s, %v", name, kept.Digest, err)
		}
	}
}

// lyingLedger commits another state than the updates give, once.
type lyingLedger struct {
	coordinator.Ledger

	lied *atomic.Bool
}

func (l lyingLedger) Submit(ctx context.Context, method string, args any) (ledger.Code, string, error) {
	if commit, ok := args.(*fl.CommitRound); ok && commit.Round == 2 && l.lied.CompareAndSwap(false, true) {
		lie := *commit
		lie.State[0] ^= 1
		args = &lie
	}
	return l.Ledger.Submit(ctx, method, args)
}

// TestWrongStateIsOutvoted has a coordinator commit the right model with another
// state: the others dissent, the term passes on, and the right one stands.
func TestWrongStateIsOutvoted(t *testing.T) {
	t.Parallel()
	lied := &atomic.Bool{}
	network, secrets := federated(t, 22, localnet.Cheat{
		Ledger: func(_ int, honest coordinator.Ledger, _ blob.Store) coordinator.Ledger {
			return lyingLedger{honest, lied}
		},
	})
	id := createJob(t, network, secrets, "liar", small(job.Strategy{Name: "fedavgm"}))
	j := awaitEnd(t, network, id)
	if j.State != job.StateFinished || !lied.Load() {
		t.Fatalf("job ended as %s (%s), lied %v", j.State, j.Reason, lied.Load())
	}
	r, ok, err := fl.LoadRound(network.Nodes[0].State(t.Context()), id, 2)
	if err != nil || !ok || len(r.Lost) != 1 || r.Lost[0].Loss != fl.LossOutvoted {
		t.Fatalf("round 2 is %+v, %v", r, err)
	}
	dissents := 0
	for _, n := range network.Genesis.Group.Nodes {
		a, ok, err := fl.LoadAttestation(network.Nodes[0].State(t.Context()), id, 2, r.Lost[0].Term, n.Node)
		if err != nil {
			t.Fatal(err)
		}
		if ok && a.Dissent == fl.DissentState {
			dissents++
		}
	}
	if dissents < 2 {
		t.Errorf("%d nodes dissent because of the state", dissents)
	}
	if report := verifyJob(t, network, id); report.First != nil || report.Averages != 2 {
		t.Errorf("%+v, first %v", report, report.First)
	}
}
