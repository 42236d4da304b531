package evidence_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	chainverify "github.com/librum/librum/chain/verify"
	"github.com/librum/librum/client"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/evidence"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/verify"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
)

// trained is the directory of a network that has trained a job.
type trained struct {
	dir     localnet.Dir
	chain   ledger.Digest
	genesis []byte
	job     ledger.Digest
	other   ledger.Digest // a second job, cancelled
}

// trainJob runs a whole network: the blocks are those of real nodes and peers.
func trainJob(t *testing.T) *trained {
	t.Helper()
	h := &trained{dir: localnet.Dir(t.TempDir())}
	if err := localnet.Create(h.dir, localnet.SecretsFromSeed(4), localnet.Spec{Nodes: 4, Peers: 2, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	n, err := localnet.Open(t.Context(), h.dir, localnet.Options{MarkerDelay: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	h.chain = n.Chain
	if h.genesis, err = os.ReadFile(h.dir.Genesis()); err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + listener.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 3)
	go func() { ended <- n.Run(ctx) }()
	go func() { ended <- n.Serve(ctx, listener, slog.New(slog.DiscardHandler)) }()
	go func() { ended <- n.RunPeers(ctx, base, 1, slog.New(slog.DiscardHandler)) }()
	h.drive(t, n, base)
	stop()
	for range 3 {
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	return h
}

// drive has a job trained, another cancelled meanwhile, and waits until both
// ends are final everywhere.
func (h *trained) drive(t *testing.T, n *localnet.Network, base string) {
	t.Helper()
	token, err := h.dir.ReadToken()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(base, token, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	spec := job.Defaults()
	spec.NumRounds, spec.MinTrainPeers, spec.MinAvailablePeers = 2, 2, 2
	spec.Model.Name, spec.Model.Layers = "logistic", []int64{64, 10}
	made, err := c.CreateJob(t.Context(), spec, "one")
	if err != nil {
		t.Fatal(err)
	}
	spec.NumRounds = 100
	second, err := c.CreateJob(t.Context(), spec, "two")
	if err != nil {
		t.Fatal(err)
	}
	h.job, h.other = made.ID, second.ID
	if _, err := c.CancelJob(t.Context(), h.other); err != nil {
		t.Fatal(err)
	}
	for _, member := range n.Nodes {
		_, err := member.Await(t.Context(), func(s node.Status) bool {
			j, ok, err := fl.LoadJob(member.State(t.Context()), h.job)
			return err == nil && ok && j.State == job.StateFinished && s.Height > 0 && s.Final == s.Height && !s.FinalLast.Less(s.Last)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// pack verifies the chain of node 0 and writes the evidence of a job.
func (h *trained) pack(t *testing.T, id ledger.Digest, withUpdates bool, change func(*evidence.Executed)) []byte {
	t.Helper()
	g, chain, err := h.dir.LoadGenesis()
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := localnet.OpenOffline(t.Context(), h.dir, g, chain)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, n := range nodes {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	}()
	r := evidence.NewRecorder(id, spool(t))
	report, state, err := chainverify.Chain(t.Context(), chainverify.Input{
		Store: nodes[0].Store, Genesis: h.genesis, Contracts: fullnode.Contracts(), Verify: identity.Verify,
		Observe: func(s *chainverify.Seen) error {
			b := evidence.Executed(*s)
			if change != nil {
				change(&b)
			}
			return r.Add(&b)
		},
	})
	if err != nil || report.First != nil {
		t.Fatal(report.First, err)
	}
	reads := &evidence.Reads{}
	for _, n := range nodes {
		reads.Files = append(reads.Files, n.Blobs)
	}
	j, ok, err := fl.LoadJob(state, id)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if !withUpdates {
		reads.Only = map[ledger.Digest]bool{j.Model: true, j.Card: true}
	}
	if _, err := verify.Job(t.Context(), verify.Input{State: state, Job: id, Files: []verify.Files{reads}, Withheld: true}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.Write(t.Context(), &out, h.genesis, reads); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func spool(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(t.TempDir() + "/spool")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}
