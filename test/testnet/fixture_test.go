package testnet_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/verify"
	"github.com/librum/librum/test/testnet"
)

// small is a job that is quick to train: peers of them at least, rounds.
func small(rounds, peers int64) job.Spec {
	spec := job.Defaults()
	spec.NumRounds, spec.MinTrainPeers, spec.MinAvailablePeers = rounds, peers, peers
	spec.Model.Layers = []int64{64, 8, 10}
	return spec
}

func network(t *testing.T, seed uint64, nodes, peers int) *testnet.Net {
	t.Helper()
	net, err := testnet.New(t.Context(), seed, nodes, peers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	})
	return net
}

func begin(t *testing.T, net *testnet.Net, spec job.Spec) {
	t.Helper()
	if err := net.Begin(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
}

// end runs the simulation to its end and checks how the job ended.
func end(t *testing.T, net *testnet.Net, state job.State, reason job.Reason, finals uint64) testnet.Outcome {
	t.Helper()
	out, err := net.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range net.PeerErrors() {
		if !errors.Is(err, blob.ErrCorrupt) && !errors.Is(err, testnet.ErrNotFinal) {
			t.Errorf("a peer met an error: %v", err)
		}
	}
	if out.Job.State != state || out.Job.Reason != reason || out.Job.Finals != finals {
		t.Fatalf("the job ended as %s (%q) after %d rounds, want %s (%q) after %d",
			out.Job.State, out.Job.Reason, out.Job.Finals, state, reason, finals)
	}
	return out
}

// until runs the simulation until the job is as wanted.
func until(t *testing.T, net *testnet.Net, want func(*fl.Job) bool) {
	t.Helper()
	err := net.Until(t.Context(), func() (bool, error) {
		j, err := net.Job()
		return err == nil && want(j), err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// round returns a round of the job and its commit, nil where there is none.
func round(t *testing.T, net *testnet.Net, number uint64) (*fl.Round, *fl.Commit) {
	t.Helper()
	r, ok, err := fl.LoadRound(net.State(), net.JobID(), number)
	if err != nil || !ok {
		t.Fatalf("read round %d: found %t, error %v", number, ok, err)
	}
	c, ok, err := fl.LoadCommit(net.State(), net.JobID(), number, r.CommitTerm)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return r, nil
	}
	return r, c
}

func update(t *testing.T, net *testnet.Net, number uint64, peer ledger.ID) *fl.Update {
	t.Helper()
	u, ok, err := fl.LoadUpdate(net.State(), net.JobID(), number, peer)
	if err != nil || !ok {
		t.Fatalf("read the update of peer %s in round %d: found %t, error %v", peer.Short(), number, ok, err)
	}
	return u
}

func content(t *testing.T, store blob.Store, digest ledger.Digest) []byte {
	t.Helper()
	file, err := store.Get(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	b, err := io.ReadAll(io.NewSectionReader(file, 0, file.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// report verifies the job over the blobs of all nodes.
func report(t *testing.T, net *testnet.Net, stores ...blob.Store) verify.Report {
	t.Helper()
	if stores == nil {
		stores = net.AllBlobs()
	}
	files := make([]verify.Files, len(stores))
	for i, s := range stores {
		files[i] = s
	}
	r, err := verify.Job(context.WithoutCancel(t.Context()), verify.Input{State: net.State(), Job: net.JobID(), Files: files, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// verified demands that verify finds nothing wrong and nothing gone.
func verified(t *testing.T, net *testnet.Net, rounds uint64) {
	t.Helper()
	r := report(t, net)
	if r.First != nil || r.Incomplete || r.Rounds != rounds || r.Averages != rounds {
		t.Errorf("verify: first %v, incomplete %t, %d rounds and %d averages, want %d", r.First, r.Incomplete, r.Rounds, r.Averages, rounds)
	}
}

// values reads all tensors of a float32 file, by name.
func values(t *testing.T, file []byte) map[string][]float32 {
	t.Helper()
	r := readerAt(file)
	layout, err := tensor.ReadLayout(r, int64(len(file)), tensor.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for i, s := range layout.Tensors() {
		raw := make([]byte, s.Bytes())
		if err := layout.ReadAt(r, i, raw, 0); err != nil {
			t.Fatal(err)
		}
		all[s.Name] = make([]float32, s.Elements())
		tensor.Float32(all[s.Name], raw)
	}
	return all
}

type readerAt []byte

func (b readerAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// averages checks that a round's model is the mean of the given peers' updates
// weighted by examples, as a loop over float64 comes to it.
func averages(t *testing.T, net *testnet.Net, number uint64, peers []ledger.ID) {
	t.Helper()
	_, c := round(t, net, number)
	if c == nil {
		t.Fatalf("round %d has no commit", number)
	}
	sums, total := map[string][]float64{}, 0.0
	for _, peer := range peers {
		u := update(t, net, number, peer)
		total += float64(u.NumExamples)
		for name, xs := range values(t, content(t, net.Blobs(0), u.Digest)) {
			if sums[name] == nil {
				sums[name] = make([]float64, len(xs))
			}
			for i, x := range xs {
				sums[name][i] += float64(float64(x) * float64(u.NumExamples))
			}
		}
	}
	model := values(t, content(t, net.Blobs(net.NodeIndex(c.Node)), c.Model))
	if len(model) != len(sums) {
		t.Fatalf("round %d: the model has %d tensors, the updates have %d", number, len(model), len(sums))
	}
	for name, xs := range model {
		for i, got := range xs {
			// The fold goes in the order of ids, which peers are in too.
			if want := float32(sums[name][i] / total); got != want {
				t.Fatalf("round %d: %s[%d] is %g, the naive mean is %g", number, name, i, got, want)
			}
		}
	}
}
