package testnet

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/data"
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

	now        int64 // ms
	log        []order.Entry
	nodes      []*simNode
	peers      []Participant
	rows       []data.Dataset // of each peer
	post       []letter       // header signatures on their way
	meeting    *coordinator.LocalMesh
	peerErrors []error
	job        ledger.Digest // zero before Begin
	quiet      int           // steps in a row in which nothing happened
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
		now: start, meeting: coordinator.NewLocalMesh(),
	}
	for i := range nodes {
		if err := n.addNode(ctx, i); err != nil {
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
	errs := make([]error, 0, len(n.nodes))
	for _, node := range n.nodes {
		errs = append(errs, node.close())
	}
	return errors.Join(errs...)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
