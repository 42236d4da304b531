package testnet

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/localnet"
)

// Net is a simulated network.
type Net struct {
	secrets  localnet.Secrets
	random   *rand.Rand
	genesis  *ledger.Genesis
	chain    ledger.Digest
	topic    ledger.ID
	verifier *identity.Verifier

	now     int64 // ms
	log     []order.Entry
	nodes   []*simNode
	peers   []*peer.Peer
	post    []letter // header signatures on their way
	meeting *coordinator.Mesh
}

// letter is a header signature that arrives at a time.
type letter struct {
	at int64
	to int
	s  ledger.HeaderSignature
}

// start is when every simulation begins, ms.
const start = 1_700_000_000_000

// New returns a network of that seed.
func New(ctx context.Context, seed uint64, nodes, peers int) (*Net, error) {
	secrets := localnet.SecretsFromSeed(seed)
	g, err := localnet.NewGenesis(secrets, localnet.Spec{Nodes: nodes, Peers: peers, Time: time.UnixMilli(start)})
	if err != nil {
		return nil, err
	}
	b, err := ledger.Encode(g)
	if err != nil {
		return nil, err
	}
	n := &Net{
		secrets: secrets, random: rand.New(rand.NewChaCha8(secrets.Bytes("simulation", 0))), //nolint:gosec // repeatable on purpose
		genesis: g, chain: ledger.Hash(b), topic: secrets.ID("topic", 0), verifier: identity.NewVerifier(256),
		now: start, meeting: coordinator.NewMesh(),
	}
	for i := range nodes {
		blobs, err := file.Open(ctx, vfs.NewMem(), fmt.Sprintf("blobs-%d", i), file.Options{})
		if err != nil {
			return nil, err
		}
		if err := n.addNode(ctx, i, blobs); err != nil {
			return nil, err
		}
	}
	return n, n.addPeers(peers)
}

// clock is the time that everybody reads.
func (n *Net) clock() time.Time { return time.UnixMilli(n.now) }

// tick lets time pass: a little, of a length drawn by chance.
func (n *Net) tick() { n.now += 1 + n.random.Int64N(40) }

// Close closes what is open.
func (n *Net) Close() error {
	for _, node := range n.nodes {
		if err := node.close(); err != nil {
			return err
		}
	}
	return nil
}

// Outcome is where a simulation ended.
type Outcome struct {
	Job       *fl.Job
	ChainHash ledger.Digest // of the newest header that is final at every node
	Height    uint64
	LogTime   int64
}

// maxTicks bounds a simulation.
const maxTicks = 200_000

// Train runs a job to its end and until its last transaction is final at every
// node.
func (n *Net) Train(ctx context.Context, spec job.Spec) (Outcome, error) {
	id, err := n.createJob(ctx, spec)
	if err != nil {
		return Outcome{}, err
	}
	steppers := make([]*coordinator.Stepper, len(n.nodes))
	for i, node := range n.nodes {
		steppers[i] = node.service.Stepper(id)
	}
	for range maxTicks {
		if err := n.step(ctx, steppers); err != nil {
			return Outcome{}, err
		}
		j, ok, err := fl.LoadJob(n.nodes[0].core, id)
		if err != nil || !ok {
			return Outcome{}, fmt.Errorf("read job %s: found %t: %w", id, ok, err)
		}
		if j.State.Terminal() && n.settled() {
			first := n.nodes[0]
			return Outcome{Job: j, ChainHash: first.finalHash, Height: first.final, LogTime: first.core.Clock().Now}, nil
		}
	}
	return Outcome{}, fmt.Errorf("the job has not ended after %d ticks", maxTicks)
}

// step lets everybody act once, in an order drawn by chance.
func (n *Net) step(ctx context.Context, steppers []*coordinator.Stepper) error {
	n.tick()
	for _, i := range n.random.Perm(len(n.nodes)) {
		if err := n.nodes[i].turn(ctx); err != nil {
			return err
		}
		_, wake, err := steppers[i].Step(ctx)
		if err != nil {
			return err
		}
		if wake != 0 && n.now >= wake {
			if err := n.nodes[i].Wake(ctx, wake); err != nil {
				return err
			}
		}
	}
	if len(n.peers) == 0 {
		return nil
	}
	return n.peers[n.random.IntN(len(n.peers))].Step(ctx)
}

// settled reports whether every node has made the same height final and holds
// nothing that is in no block.
func (n *Net) settled() bool {
	for _, node := range n.nodes {
		stats := node.core.Group.Stats()
		if node.final != n.nodes[0].final || stats.Final != stats.Height || stats.OpenTransactions != 0 || node.next != uint64(len(n.log)) {
			return false
		}
	}
	return true
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
