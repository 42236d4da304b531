package testnet

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/localnet"
)

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
		n.peers = append(n.peers, peer.New(peer.Config{
			ID: n.secrets.ID(localnet.KindPeer, i), Key: n.secrets.Key(localnet.KindPeer, i),
			Chain: n.chain, Shard: n.genesis.Shard, Group: n.genesis.Group, Data: part,
			Server: simServer{n.nodes[i%len(n.nodes)]}, Now: n.clock, Random: randomReader{n}, Logger: quiet(),
		}))
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

// sign returns a signed call of the contract fl.
func (n *Net) sign(sender ledger.ID, key *identity.Key, method string, args any) ([]byte, error) {
	b, err := ledger.Encode(args)
	if err != nil {
		return nil, err
	}
	t := ledger.Transaction{
		Version: ledger.Version, Chain: n.chain, Shard: n.genesis.Shard, Sender: sender,
		Contract: fl.Name, Method: method, Args: b, Expiry: n.now + 300_000,
	}
	if _, err := io.ReadFull(randomReader{n}, t.Nonce[:]); err != nil {
		return nil, err
	}
	e, err := t.Sign(key.ID(), key.Sign)
	if err != nil {
		return nil, err
	}
	return e.Bytes(), nil
}

// createJob puts the job on the ledger.
func (n *Net) createJob(ctx context.Context, spec job.Spec) (ledger.Digest, error) {
	member := n.secrets.ID(localnet.KindMember, 0)
	signed, err := n.sign(member, n.secrets.Key(localnet.KindMember, 0), fl.MethodCreateJob, &fl.CreateJob{Key: []byte(jobName), Spec: spec})
	if err != nil {
		return ledger.Digest{}, err
	}
	result, detail, err := n.nodes[0].send(ctx, signed)
	if err != nil {
		return ledger.Digest{}, err
	}
	if result.Code != ledger.CodeOK {
		return ledger.Digest{}, fmt.Errorf("create the job: %s: %s", result.Code, detail)
	}
	return fl.JobID(member, []byte(jobName)), nil
}

// simServer is a node as a peer sees it.
type simServer struct{ node *simNode }

// Task implements peer.Server: there is a task now, or none.
func (s simServer) Task(ctx context.Context, id ledger.ID) (*peer.Task, error) {
	if err := s.node.catchUp(ctx); err != nil {
		return nil, err
	}
	t, err := s.node.service.TaskNow(ctx, id)
	if err != nil || t == nil {
		return nil, err
	}
	return &peer.Task{Job: t.Job, Round: t.Round, Proof: t.Proof}, nil
}

// Model implements peer.Server.
func (s simServer) Model(ctx context.Context, digest ledger.Digest) (io.ReadCloser, error) {
	for _, n := range s.node.net.nodes {
		if file, err := n.blobs.Get(ctx, digest); err == nil {
			return struct {
				io.Reader
				io.Closer
			}{io.NewSectionReader(file, 0, file.Size()), file}, nil
		}
	}
	return nil, fmt.Errorf("no node has %s", digest)
}

// Upload implements peer.Server.
func (s simServer) Upload(ctx context.Context, id ledger.ID, t *peer.Task, update []byte, digest ledger.Digest) ([][]byte, error) {
	if _, err := s.node.blobs.PutDigest(ctx, digest, bytes.NewReader(update), int64(len(update))); err != nil {
		return nil, err
	}
	for _, n := range s.node.net.nodes { // those that vouch must know of the round
		if err := n.catchUp(ctx); err != nil {
			return nil, err
		}
	}
	return s.node.service.Receipts(ctx, id, t.Job, t.Round, digest, uint64(len(update)))
}

// Submit implements peer.Server.
func (s simServer) Submit(ctx context.Context, signed []byte) (ledger.Code, string, error) {
	result, detail, err := s.node.send(ctx, signed)
	return result.Code, detail, err
}
