package testnet

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/localnet"
)

// Participant is whoever takes part as a peer. Step does one thing, if there is
// any to do; what failed is tried again.
type Participant interface {
	Step(ctx context.Context) error
}

// Seat is what a participant needs to take a peer's place.
type Seat struct {
	ID     ledger.ID
	Chain  ledger.Digest
	Group  *ledger.Group
	Server peer.Server
	Rows   data.Dataset

	net   *Net
	index int
}

// groups returns the groups that proofs are checked by.
func (s Seat) groups() *ledger.Groups {
	return ledger.NewGroups(s.Chain, s.net.genesis.Shard, *s.Group)
}

// Sign returns a signed call of the contract fl in the peer's name.
func (s Seat) Sign(method string, args any) ([]byte, error) {
	return s.net.sign(s.ID, s.net.secrets.Key(localnet.KindPeer, s.index), method, args)
}

// Replace puts another participant in a peer's place.
func (n *Net) Replace(i int, with func(Seat) Participant) {
	n.peers[i] = with(Seat{
		ID: n.PeerID(i), Chain: n.chain, Group: &n.genesis.Group, Server: simServer{n, i}, Rows: n.rows[i], net: n, index: i,
	})
}

// Honest returns a peer that trains, with a server of the caller's.
func (s Seat) Honest(server peer.Server) Participant {
	return peer.New(peer.Config{
		ID: s.ID, Key: s.net.secrets.Key(localnet.KindPeer, s.index), Chain: s.Chain, Shard: s.net.genesis.Shard,
		Group: *s.Group, Data: s.Rows, Server: server, Now: s.net.clock, Random: randomReader{s.net}, Logger: quiet(),
	})
}

// jobName is the idempotency key of the simulation's job.
const jobName = "simulated"

// addPeers gives each peer its part of the digits.
func (n *Net) addPeers(peers int) error {
	pool, _, err := data.Digits()
	if err != nil {
		return err
	}
	splits, err := data.Dirichlet(pool, 0.5, peers, 8, 1)
	if err != nil {
		return err
	}
	for i, rows := range splits {
		part, err := pool.Subset(rows)
		if err != nil {
			return err
		}
		n.rows = append(n.rows, part)
		n.peers = append(n.peers, nil)
		n.Replace(i, func(seat Seat) Participant { return seat.Honest(seat.Server) })
	}
	return nil
}

// randomReader yields the simulation's randomness.
type randomReader struct{ net *Net }

func (r randomReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.net.random.Uint32())
	}
	return len(p), nil
}

// transactionLife is how far ahead calls expire, ms.
const transactionLife = 300_000

// caller signs calls as sender.
func (n *Net) caller(sender ledger.ID, key *identity.Key) identity.Caller {
	return identity.Caller{Chain: n.chain, Shard: n.genesis.Shard, Sender: sender, Key: key, Random: randomReader{n}}
}

// sign returns a signed call of the contract fl.
func (n *Net) sign(sender ledger.ID, key *identity.Key, method string, args any) ([]byte, error) {
	caller := n.caller(sender, key)
	return caller.Call(fl.Name, method, args, n.now+transactionLife)
}

// simServer is the network as a peer sees it: the peer's own node, or the next
// one that is up.
type simServer struct {
	net   *Net
	index int
}

func (s simServer) node() *simNode {
	for i := range s.net.nodes {
		if node := s.net.nodes[(s.index+i)%len(s.net.nodes)]; !node.down && !node.outside() {
			return node
		}
	}
	return s.net.nodes[0]
}

// Task implements peer.Server: there is a task now, or none.
func (s simServer) Task(ctx context.Context, id ledger.ID) (*peer.Task, error) {
	if err := s.node().catchUp(ctx); err != nil {
		return nil, err
	}
	t, err := s.node().service.TaskNow(ctx, id)
	if err != nil || t == nil {
		return nil, err
	}
	return &peer.Task{Job: t.Job, Round: t.Round, Attempt: t.Attempt, Proof: t.Proof}, nil
}

// Model implements peer.Server.
func (s simServer) Model(ctx context.Context, digest ledger.Digest) (io.ReadCloser, error) {
	file, err := s.node().blobs.Get(ctx, digest)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(file, 0, file.Size()), file}, nil
}

// Upload implements peer.Server.
func (s simServer) Upload(ctx context.Context, id ledger.ID, t *peer.Task, update []byte, digest ledger.Digest) ([][]byte, error) {
	node := s.node()
	if _, err := node.blobs.PutDigest(ctx, digest, bytes.NewReader(update), int64(len(update))); err != nil {
		return nil, err
	}
	if err := s.net.catchUp(ctx); err != nil { // those that vouch must know of the round
		return nil, err
	}
	return node.service.Receipts(ctx, id, t.Job, t.Round, digest, uint64(len(update)))
}

// Wanted implements peer.Server; a simulated peer works in no time.
func (s simServer) Wanted(context.Context, ledger.ID, *peer.Task) (bool, error) { return true, nil }

// Groups implements peer.Server.
func (s simServer) Groups(ctx context.Context, from uint64) ([]byte, error) {
	node, trail := s.node(), ledger.GroupTrail{}
	for number := from + 1; ; number++ {
		next, ok, err := governance.LoadEpoch(node.core.State(ctx), number)
		if err != nil {
			return nil, err
		}
		if !ok || next.First > node.core.Machine.Stats().Final {
			return ledger.Encode(&trail)
		}
		h := ledger.Handover{Next: next.Group}
		if h.Header, err = node.store.Header(ctx, next.First-1); err != nil {
			return nil, err
		}
		if h.Signatures, err = node.store.Signatures(ctx, next.First-1); err != nil {
			return nil, err
		}
		trail.Handovers = append(trail.Handovers, h)
	}
}

// MaxTTL implements peer.Server.
func (s simServer) MaxTTL(context.Context) (time.Duration, error) {
	limits, err := governance.Limits(s.node().core)
	return time.Duration(limits.MaxTTL) * time.Millisecond, err
}

// Submit implements peer.Server.
func (s simServer) Submit(ctx context.Context, signed []byte) (ledger.Code, string, error) {
	result, detail, err := s.node().send(ctx, signed)
	return result.Code, detail, err
}
