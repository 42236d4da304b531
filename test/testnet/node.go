package testnet

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
)

// simNode is a node whose shell is the simulation.
type simNode struct {
	net     *Net
	index   int
	config  node.Config
	disk    *vfs.MemFS // of the blobs
	store   store.Store
	blobs   *file.Store
	core    *node.Core
	service *coordinator.Service
	stepper *coordinator.Stepper // nil while there is no job, or the node is down
	twist   TwistFunc            // nil: it is honest
	down    bool

	next      uint64 // record to execute
	final     uint64
	finalHash ledger.Digest
	results   map[ledger.Digest]ledger.Result
	details   map[ledger.Digest]string
	lastClock int64
}

// blobsDir is where a node's blobs are on its disk.
const blobsDir = "blobs"

func (n *Net) addNode(ctx context.Context, index int) error {
	config := node.Config{
		Self: n.secrets.ID(localnet.KindNode, index), Key: n.secrets.Key(localnet.KindNode, index), Genesis: n.genesis, Chain: n.chain,
		Contracts: fullnode.Contracts(), Verify: n.verifier.Verify, Now: n.clock, Logger: quiet(),
	}.WithDefaults()
	s, err := pebble.Open(fmt.Sprintf("store-%d", index), pebble.Options{
		FS: vfs.NewMem(), Chain: n.chain, Shard: n.genesis.Shard, Node: config.Self,
	})
	if err != nil {
		return err
	}
	sim := &simNode{net: n, index: index, config: config, store: s, disk: vfs.NewMem()}
	n.nodes = append(n.nodes, sim)
	if sim.blobs, err = file.Open(ctx, sim.disk, blobsDir, file.Options{}); err != nil {
		return err
	}
	if err := node.InitStore(ctx, config, n.topic, s); err != nil {
		return err
	}
	return sim.restore(ctx)
}

// restore makes all that a process has in memory, from store and blobs.
func (s *simNode) restore(ctx context.Context) error {
	core, err := node.NewCore(ctx, s.config, s.net.topic, s.store)
	if err != nil {
		return err
	}
	applied, _, err := s.store.Applied(ctx)
	if err != nil {
		return err
	}
	s.core, s.next, s.final = core, applied.NextOffset, core.Machine.Stats().Final
	s.results, s.details, s.lastClock = map[ledger.Digest]ledger.Result{}, map[ledger.Digest]string{}, 0
	s.service = coordinator.New(coordinator.Config{
		Self: s.config.Self, Key: s.config.Key, Genesis: s.net.genesis, Chain: s.net.chain, Ledger: s, Blobs: s.blobs,
		Mesh: s.net.meeting, Now: s.net.clock, Logger: quiet(), Threads: 1,
	})
	if s.final == 0 {
		return nil
	}
	header, err := s.store.Header(ctx, s.final)
	s.finalHash = ledger.Hash(header)
	return err
}

func (s *simNode) close() error {
	if s.blobs == nil {
		return s.store.Close()
	}
	return errors.Join(s.store.Close(), s.blobs.Close())
}

// turn executes what is on the log, takes what the post brings, and lets the
// group's time pass.
func (s *simNode) turn(ctx context.Context) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	kept := s.net.post[:0]
	for _, l := range s.net.post {
		if l.to == s.index && l.at <= s.net.now {
			s.core.Machine.Receive(l.s)
		} else {
			kept = append(kept, l)
		}
	}
	s.net.post = kept
	s.core.Machine.Tick(s.net.now)
	return s.drain(ctx)
}

// catchUp has all nodes that are up execute the log up to its end.
func (n *Net) catchUp(ctx context.Context) error {
	for _, node := range n.nodes {
		if node.down {
			continue
		}
		if err := node.catchUp(ctx); err != nil {
			return err
		}
	}
	return nil
}

// catchUp executes the log up to its end.
func (s *simNode) catchUp(ctx context.Context) error {
	for s.next < uint64(len(s.net.log)) {
		step, err := s.core.Step(ctx, s.net.log[s.next])
		if err != nil {
			return err
		}
		s.next++
		for i, r := range step.Executed.Results {
			s.results[r.ID], s.details[r.ID] = r, step.Executed.Details[i]
		}
		if kind := step.Executed.Record.Kind; kind == ledger.RecordTransactions || kind == ledger.RecordWake {
			if err := s.putClock(); err != nil {
				return err
			}
		}
		if step.Commit == nil {
			continue
		}
		if err := s.store.Apply(ctx, step.Commit); err != nil {
			return err
		}
		s.core.Applied(step.Commit.Height)
		if err := s.core.Machine.Applied(step.Commit.Height); err != nil {
			return err
		}
		if err := s.drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *simNode) putClock() error {
	if s.net.now-max(s.core.ClockOf(s.config.Self), s.lastClock) <= 1000 {
		return nil
	}
	s.lastClock = s.net.now
	return s.append(ledger.Record{Kind: ledger.RecordClock})
}

// drain does what the group asks.
func (s *simNode) drain(ctx context.Context) error {
	for {
		ready := s.core.Machine.Ready()
		if ready.Empty() {
			return nil
		}
		if err := s.act(ctx, ready); err != nil {
			return err
		}
	}
}

func (s *simNode) act(ctx context.Context, r lokka.Ready) error {
	for _, request := range r.Sign {
		signed := ledger.SignHeader(request.Height, request.Header, s.config.Self, s.config.Key.ID(), s.config.Key.Sign)
		if err := s.store.PutSignature(ctx, signed); err != nil {
			return err
		}
		if err := s.core.Machine.Signed(signed); err != nil {
			return err
		}
	}
	for _, kept := range r.Keep {
		if err := s.store.PutSignature(ctx, kept); err != nil {
			return err
		}
	}
	for _, sent := range r.Send {
		for to, other := range s.net.nodes {
			if to != s.index && !other.down {
				s.net.post = append(s.net.post, letter{at: s.net.now + 1 + s.net.random.Int64N(60), to: to, s: sent})
			}
		}
	}
	for _, p := range r.Pull {
		for _, other := range s.net.nodes {
			if other.config.Self == p.Node && !other.down {
				s.core.Machine.ReceiveAnswer(other.core.Machine.Answer(p.Height))
			}
		}
	}
	if r.Marker != 0 {
		if err := s.append(ledger.Record{Kind: ledger.RecordMarker, Height: r.Marker}); err != nil {
			return err
		}
	}
	if r.Final != 0 {
		s.final, s.finalHash = r.Final, ledger.Hash(r.FinalHeader)
	}
	if r.Divergence != nil || len(r.Equivocations) > 0 {
		return fmt.Errorf("node %d: the group does not agree at height %d", s.index, s.core.Machine.Stats().Height)
	}
	return nil
}

// outside reports whether the node is not in the group, as of what it executed.
func (s *simNode) outside() bool {
	group := s.core.Group()
	return group.Index(s.config.Self) < 0
}

// append puts a record on the log, for the epoch that this node knows of.
// Outside the group it would be skipped, so that nothing is appended.
func (s *simNode) append(r ledger.Record) error {
	if s.outside() {
		return nil
	}
	r.Version, r.Chain, r.Shard, r.Node, r.Time = ledger.Version, s.net.chain, s.net.genesis.Shard, s.config.Self, s.net.now
	r.Epoch = s.core.Group().Epoch
	e, err := r.Sign(s.config.Key.ID(), s.config.Key.Sign)
	if err != nil {
		return err
	}
	s.net.log = append(s.net.log, order.Entry{Offset: uint64(len(s.net.log)), Bytes: e.Bytes()})
	return nil
}

// send puts a signed transaction on the log and returns its result.
func (s *simNode) send(ctx context.Context, signed []byte) (ledger.Result, string, error) {
	s.net.tick()
	if s.net.now-s.core.Clock().Now > 1000 {
		if err := s.Wake(ctx, s.net.now-1000); err != nil {
			return ledger.Result{}, "", err
		}
	}
	_, e, err := ledger.ParseTransaction(signed)
	if err != nil {
		return ledger.Result{}, "", err
	}
	id := e.ID(ledger.KindTransaction)
	for { // a record that came behind a change of the group was skipped
		if s.outside() {
			return ledger.Result{Code: "outside"}, "this node is not in the group", nil
		}
		if err := s.append(ledger.Record{Kind: ledger.RecordTransactions, Transactions: [][]byte{signed}}); err != nil {
			return ledger.Result{}, "", err
		}
		if err := s.catchUp(ctx); err != nil {
			return ledger.Result{}, "", err
		}
		if r, ok := s.results[id]; ok {
			return r, s.details[id], nil
		}
	}
}

// View implements coordinator.Ledger.
func (s *simNode) View(ctx context.Context, read func(contract.Range, int64) error) error {
	return read(s.core.State(ctx), s.core.Clock().Now)
}

// Follow implements coordinator.Ledger; the simulation tells its steppers
// itself.
func (s *simNode) Follow(context.Context, func() error, func(ledger.Event) error) error { return nil }

// Submit implements coordinator.Ledger.
func (s *simNode) Submit(ctx context.Context, method string, args any) (ledger.Code, string, error) {
	if s.twist != nil {
		if err := s.twist(ctx, method, args); err != nil {
			return "", "", err
		}
	}
	signed, err := s.net.sign(s.config.Self, s.config.Key, method, args)
	if err != nil {
		return "", "", err
	}
	result, detail, err := s.send(ctx, signed)
	return result.Code, detail, err
}

// Wake implements coordinator.Ledger: all nodes put their time on the log.
func (s *simNode) Wake(ctx context.Context, logTime int64) error {
	if s.core.Clock().Now >= logTime {
		return nil
	}
	if err := s.append(ledger.Record{Kind: ledger.RecordWake}); err != nil {
		return err
	}
	if err := s.net.catchUp(ctx); err != nil {
		return err
	}
	return s.catchUp(ctx)
}

// ErrNotFinal tells that a transaction found no quorum for so long that whoever
// waited gave up.
var ErrNotFinal = errors.New("the transaction does not become final")

// proofTicks is how long a proof is waited for: some 20 s.
const proofTicks = 1_000

// Proof implements coordinator.Ledger: it lets the network turn until the
// transaction's block is final here.
func (s *simNode) Proof(ctx context.Context, id ledger.Digest) (ledger.ResultProof, error) {
	for range proofTicks {
		height, index, ok, err := s.store.Transaction(ctx, id)
		if err != nil {
			return ledger.ResultProof{}, err
		}
		if ok && s.final >= height {
			return s.proofAt(ctx, height, index)
		}
		s.net.tick()
		for _, other := range s.net.nodes {
			if other.down {
				continue
			}
			if err := other.turn(ctx); err != nil {
				return ledger.ResultProof{}, err
			}
		}
	}
	return ledger.ResultProof{}, fmt.Errorf("%w: %s", ErrNotFinal, id)
}

func (s *simNode) proofAt(ctx context.Context, height uint64, index uint32) (ledger.ResultProof, error) {
	raw, err := s.store.Block(ctx, height)
	if err != nil {
		return ledger.ResultProof{}, err
	}
	block, err := ledger.ParseBlock(raw)
	if err != nil {
		return ledger.ResultProof{}, err
	}
	proof, err := block.ProveResult(int(index))
	if err != nil {
		return proof, err
	}
	proof.Signatures, err = s.store.Signatures(ctx, height)
	return proof, err
}
