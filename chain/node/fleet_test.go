package node_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet is the nodes of a chain over one log, all in one file system in
// memory.
type fleet struct {
	testing.TB
	chain   *aplostest.Chain
	fs      vfs.FS
	options options
	clock   *clock
	log     *local.Log
	mesh    *node.LocalMesh
	members []*member
	nonce   *atomic.Uint64
}

type options struct {
	nodes, accounts   int // 0: four each
	extra             int // nodes outside the group of the genesis
	config            func(index int, c *node.Config)
	genesis           func(*ledger.Genesis)
	blockTransactions uint32        // 0: the default
	markerDelay       time.Duration // 0: 10 ms
	window            int
	frozen            bool // the clock moves by hand only
	logSeed           byte
	fs                vfs.FS // nil: a new one
	contracts         func(index int) contract.Rules
	openStore         func(f *fleet, index int) (store.Store, error) // nil, or returning none: Pebble in fs
	wrapLog           func(index int, l order.Log) order.Log
	wrapStore         func(index int, s store.Store) store.Store
	wires             *wires // nil: the nodes meet by plain calls
}

// member is a node with what it runs on; node is nil while it is down.
type member struct {
	node  *node.Node
	store store.Store
	stop  context.CancelFunc
	done  chan error
	cut   func() // ends what connects it
}

// clock is the time of all nodes of a fleet.
type clock struct {
	start  time.Time
	frozen bool
	extra  atomic.Int64 // ns
}

func (c *clock) now() time.Time {
	now := c.start
	if !c.frozen {
		now = time.Now()
	}
	return now.Add(time.Duration(c.extra.Load()))
}

func (c *clock) advance(d time.Duration) { c.extra.Add(int64(d)) }

// newFleet makes a chain and opens its log; no node runs yet.
func newFleet(t testing.TB, o options) *fleet {
	t.Helper()
	if o.nodes == 0 {
		o.nodes = 4
	}
	if o.accounts == 0 {
		o.accounts = 4
	}
	if o.markerDelay == 0 {
		o.markerDelay = 10 * time.Millisecond
	}
	if o.fs == nil {
		o.fs = vfs.NewMem()
	}
	f := &fleet{TB: t, options: o, fs: o.fs, clock: &clock{start: time.Now(), frozen: o.frozen}, nonce: new(atomic.Uint64)}
	f.chain = aplostest.New(t, o.nodes, o.accounts, f.clock.start.UnixMilli(), func(g *ledger.Genesis) {
		if o.blockTransactions != 0 {
			g.Limits.BlockTransactions = o.blockTransactions
		}
		if o.genesis != nil {
			o.genesis(g)
		}
	})
	f.open()
	return f
}

// open opens the log; every node is down.
func (f *fleet) open() {
	f.Helper()
	var err error
	f.log, err = local.Open(f.Context(), f.fs, "log", local.Options{Rand: rand.NewChaCha8([32]byte{f.options.logSeed})})
	if err != nil {
		f.Fatal(err)
	}
	f.mesh = node.NewLocalMesh()
	f.members = make([]*member, f.options.nodes+f.options.extra)
	for i := range f.members {
		f.members[i] = &member{}
	}
}

// on returns the same fleet over another file system, such as a crash clone.
func (f *fleet) on(fs vfs.FS) *fleet {
	f.Helper()
	g := *f
	g.fs = fs
	g.open()
	return &g
}

// start starts nodes, all if none is named.
func (f *fleet) start(indices ...int) {
	f.Helper()
	for _, i := range f.all(indices) {
		if err := f.startOne(i); err != nil {
			f.Fatalf("start node %d: %v", i, err)
		}
	}
}

func (f *fleet) all(indices []int) []int {
	if len(indices) > 0 {
		return indices
	}
	for i := range f.members {
		indices = append(indices, i)
	}
	return indices
}

func (f *fleet) config(i int) node.Config {
	c := node.Config{
		Self: aplostest.NodeID(i), Key: aplostest.NodeKey(i), Genesis: f.chain.Genesis, Chain: f.chain.ID,
		Contracts: aplostest.Contracts(), Verify: identity.Verify, Now: f.clock.now,
		MarkerDelay: f.options.markerDelay, Window: f.options.window,
	}
	if f.options.contracts != nil {
		c.Contracts = f.options.contracts(i)
	}
	if f.options.config != nil {
		f.options.config(i, &c)
	}
	return c
}

// openStore opens the store of a node.
func (f *fleet) openStore(i int) (store.Store, error) {
	if f.options.openStore != nil {
		if s, err := f.options.openStore(f, i); s != nil || err != nil {
			return s, err
		}
	}
	return pebble.Open(f.storeDir(i), pebble.Options{FS: f.fs, Chain: f.chain.ID, Node: f.config(i).Self, CacheBytes: 1 << 20})
}

func (f *fleet) startOne(i int) error {
	s, err := f.openStore(i)
	if err != nil {
		return err
	}
	m := f.members[i]
	m.store = s
	if f.options.wrapStore != nil {
		m.store = f.options.wrapStore(i, s)
	}
	var log order.Log = f.log
	if f.options.wrapLog != nil {
		log = f.options.wrapLog(i, f.log)
	}
	config := f.config(i)
	if err := node.InitStore(f.Context(), config, log.Topic(), s); err != nil {
		return errors.Join(err, s.Close())
	}
	var mesh node.Mesh = f.mesh
	run := func(*node.Node) func() { return func() {} }
	if f.options.wires != nil {
		mesh, run = f.options.wires.connect(f, i)
	}
	n, err := node.New(f.Context(), config, log, m.store, mesh)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	m.cut = run(n)
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.Context()))
	m.node, m.stop, m.done = n, cancel, make(chan error, 1)
	go func() { m.done <- n.Run(ctx) }()
	return nil
}

func (f *fleet) storeDir(i int) string { return f.fs.PathJoin("stores", string(rune('0'+i))) }

// stop stops nodes, all that run if none is named, and reports why they ended.
func (f *fleet) stop(indices ...int) {
	f.Helper()
	for _, i := range f.all(indices) {
		if err := f.halt(i); err != nil {
			f.Errorf("node %d: %v", i, err)
		}
	}
}

// halt stops one node and returns why it ended.
func (f *fleet) halt(i int) error {
	m := f.members[i]
	if m.node == nil {
		return nil
	}
	m.cut()
	m.stop()
	err := <-m.done
	m.node = nil
	return errors.Join(err, m.store.Close())
}

// close stops all and closes the log.
func (f *fleet) close() {
	f.Helper()
	f.stop()
	if err := f.log.Close(); err != nil {
		f.Error(err)
	}
}

func (f *fleet) node(i int) *node.Node { return f.members[i].node }

// transfer returns a new transfer that is good for a minute.
func (f *fleet) transfer(from, to int, amount uint64) []byte {
	return f.chain.Transfer(from, to, amount, f.nonce.Add(1), f.clock.now().Add(time.Minute).UnixMilli())
}

// submit sends transactions to a node and wants them all to take effect.
func (f *fleet) submit(i int, raw ...[]byte) []node.Outcome {
	f.Helper()
	outcomes, err := f.node(i).Submit(f.Context(), raw)
	if err != nil {
		f.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Code != ledger.CodeOK {
			f.Fatalf("transaction %s: %s, %s", o.ID.Short(), o.Code, o.Detail)
		}
	}
	return outcomes
}

// patience bounds waits for what must come: long, for the machine of a test may
// be busy with others.
const patience = 3 * time.Minute

// await waits until the condition holds at all running nodes.
func (f *fleet) await(condition func(node.Status) bool) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	for i, m := range f.members {
		if m.node == nil {
			continue
		}
		if s, err := m.node.Await(ctx, condition); err != nil {
			f.Fatalf("node %d: %v, it stands at %+v", i, err, s)
		}
	}
}

// executed waits until all running nodes have executed the position, and final
// until its block is.
func (f *fleet) executed(p ledger.Position) {
	f.Helper()
	f.await(func(s node.Status) bool { return s.Next > p.Offset })
}

func (f *fleet) final(p ledger.Position) {
	f.Helper()
	f.await(func(s node.Status) bool { return s.IsFinal(p) })
}

// eventually waits for a condition that nothing signals.
func (f *fleet) eventually(what string, condition func() bool) {
	f.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-timeout.C:
			f.Fatal("waited in vain: " + what)
		}
	}
}

// sameHeaders checks that all running nodes have the same headers as far as
// they have the heights, and returns the lowest height.
func (f *fleet) sameHeaders() uint64 {
	f.Helper()
	lowest := ^uint64(0)
	headers := map[uint64]ledger.Digest{}
	for i, m := range f.members {
		if m.node == nil {
			continue
		}
		height := m.node.Status().Height
		lowest = min(lowest, height)
		for h := max(m.node.Status().Floor, 1); h <= height; h++ {
			raw, _, err := m.node.Header(f.Context(), h)
			if err != nil {
				f.Fatal(err)
			}
			digest := ledger.Hash(raw)
			if want, ok := headers[h]; ok && digest != want {
				f.Fatalf("node %d has header %s at height %d, another has %s", i, digest, h, want)
			}
			headers[h] = digest
		}
	}
	return lowest
}
