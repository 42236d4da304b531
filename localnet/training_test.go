package localnet_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/localnet"
)

// direct is a node as a peer sees it, without HTTP.
type direct struct{ *localnet.Network }

func (d direct) Task(ctx context.Context, id ledger.ID) (*peer.Task, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	t, err := d.Nodes[0].Coordinator.Task(ctx, id)
	if err != nil || t == nil {
		return nil, err
	}
	return &peer.Task{Job: t.Job, Round: t.Round, Attempt: t.Attempt, Proof: t.Proof}, nil
}

func (d direct) Model(ctx context.Context, digest ledger.Digest) (io.ReadCloser, error) {
	for _, n := range d.Nodes {
		if file, err := n.Blobs.Get(ctx, digest); err == nil {
			return struct {
				io.Reader
				io.Closer
			}{io.NewSectionReader(file, 0, file.Size()), file}, nil
		}
	}
	return nil, context.DeadlineExceeded
}

func (d direct) Upload(ctx context.Context, id ledger.ID, t *peer.Task, update []byte, digest ledger.Digest) ([][]byte, error) {
	if _, err := d.Nodes[0].Blobs.PutDigest(ctx, digest, bytes.NewReader(update), int64(len(update))); err != nil {
		return nil, err
	}
	return d.Nodes[0].Coordinator.Receipts(ctx, id, t.Job, t.Round, digest, uint64(len(update)))
}

func (d direct) Wanted(context.Context, ledger.ID, *peer.Task) (bool, error) { return true, nil }

func (d direct) MaxTTL(context.Context) (time.Duration, error) {
	return time.Duration(d.Genesis.Limits.MaxTTL) * time.Millisecond, nil
}

func (d direct) Submit(ctx context.Context, signed []byte) (ledger.Code, string, error) {
	out, err := d.Nodes[0].Submit(ctx, [][]byte{signed})
	if err != nil {
		return "", "", err
	}
	return out[0].Code, out[0].Detail, nil
}

func (d direct) Groups(ctx context.Context, from uint64) ([]byte, error) {
	trail, err := d.Nodes[0].GroupTrail(ctx, from)
	if err != nil {
		return nil, err
	}
	return ledger.Encode(&trail)
}

func TestJobTrainsAndFinishes(t *testing.T) {
	t.Parallel()
	const peers, rounds = 3, 2
	dir := localnet.Dir(t.TempDir())
	secrets := localnet.SecretsFromSeed(3)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 4, Peers: peers, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	network, stop := start(t, dir)
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	runPeers(ctx, t, &running, network, secrets, peers)

	spec := job.Defaults()
	spec.NumRounds, spec.MinTrainPeers, spec.MinAvailablePeers = rounds, peers, peers
	spec.Model.Layers = []int64{64, 16, 10}
	id := createJob(t, network, secrets, "test", spec)
	if j := awaitEnd(t, network, id); j.State != job.StateFinished || j.Finals != rounds {
		t.Fatalf("job ended as %+v", j)
	}
	card, err := network.Nodes[0].Coordinator.Card(t.Context(), id)
	if err != nil || !bytes.Contains(card, []byte(`"participants"`)) {
		t.Errorf("card %s, error %v", card, err)
	}
}

// runPeers trains with peers that share the digits, until ctx ends.
func runPeers(ctx context.Context, t *testing.T, running *sync.WaitGroup, network *localnet.Network, secrets localnet.Secrets, peers int) {
	t.Helper()
	pool, _, err := data.Digits()
	if err != nil {
		t.Fatal(err)
	}
	splits, err := data.Dirichlet(pool, 0.5, peers, 8, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, rows := range splits {
		part, err := pool.Subset(rows)
		if err != nil {
			t.Fatal(err)
		}
		p := peer.New(peer.Config{
			ID: secrets.ID(localnet.KindPeer, i), Key: secrets.Key(localnet.KindPeer, i),
			Chain: network.Chain, Group: network.Genesis.Group, Data: part, Server: direct{network},
			Now: time.Now, Random: rand.Reader, Logger: slog.New(slog.DiscardHandler),
		})
		running.Go(func() { _ = p.Run(ctx) }) // it only ends with the context
	}
}

// awaitEnd waits until a job has ended.
func awaitEnd(t *testing.T, network *localnet.Network, id ledger.Digest) *fl.Job {
	t.Helper()
	for {
		changed := network.Nodes[0].Changed()
		var j *fl.Job
		err := network.Nodes[0].View(t.Context(), func(state contract.Range, _ int64) (err error) {
			j, _, err = fl.LoadJob(state, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if j != nil && j.State.Terminal() {
			return j
		}
		select {
		case <-changed:
		case <-time.After(3 * time.Minute):
			t.Fatalf("nothing happens; job %+v", j)
		}
	}
}

func createJob(t *testing.T, network *localnet.Network, secrets localnet.Secrets, name string, spec job.Spec) ledger.Digest {
	t.Helper()
	args, err := ledger.Encode(&fl.CreateJob{Key: []byte(name), Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	key, member := secrets.Key(localnet.KindMember, 0), secrets.ID(localnet.KindMember, 0)
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: network.Chain, Sender: member, Contract: fl.Name, Method: fl.MethodCreateJob,
		Args: args, Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	e, err := tx.Sign(key.ID(), key.Sign)
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := network.Nodes[0].Submit(t.Context(), [][]byte{e.Bytes()})
	if err != nil || outcomes[0].Code != ledger.CodeOK {
		t.Fatalf("create job: %+v, error %v", outcomes, err)
	}
	return fl.JobID(member, []byte(name))
}
