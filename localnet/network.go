package localnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fullnode"
)

// Options are what a network runs with.
type Options struct {
	Now         func() time.Time
	Logger      *slog.Logger
	MarkerDelay time.Duration // 0: the default
	Window      int           // 0: the default
	// StoreCache is the size of each store's block cache in bytes, 0 the
	// driver's default.
	StoreCache int64
	// Ask opens keys that are encrypted or on tokens; nil: there are none.
	Ask keyfile.Ask
	// HoldOut is the share of its rows that each peer in this process evaluates on
	// and does not train on; 0: none.
	HoldOut float64
	// Cheat is for demonstrations.
	Cheat Cheat
}

// Network is the nodes of a directory.
type Network struct {
	Dir     Dir
	Genesis *ledger.Genesis
	Chain   ledger.Digest

	Nodes []*fullnode.Node // in the order of their directories

	cheat   Cheat
	holdOut float64
	ask     keyfile.Ask
	opened  bool // wholly: what follows is a clean stop if all can be closed
	log     *local.Log
	mesh    *node.LocalMesh
	meeting *coordinator.LocalMesh
	closers []io.Closer
}

// Open opens the network of a directory. Close must be called after.
func Open(ctx context.Context, dir Dir, options Options) (*Network, error) {
	g, chain, err := dir.LoadGenesis()
	if err != nil {
		return nil, err
	}
	n := &Network{Dir: dir, Genesis: g, Chain: chain, mesh: node.NewLocalMesh(), meeting: coordinator.NewLocalMesh(), cheat: options.Cheat, holdOut: options.HoldOut, ask: options.Ask}
	if n.log, err = local.Open(ctx, vfs.Default, dir.Log(), local.Options{Logger: options.Logger}); err != nil {
		return nil, err
	}
	if err := dropManifest(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("forget the last clean stop: %w", err), n.Close())
	}
	verifier := identity.NewVerifier(fullnode.VerifierKeys)
	nodes, err := dir.CountNodes()
	if err == nil && nodes < len(g.Group.Nodes) {
		err = fmt.Errorf("%s has no key for node %d of the genesis", dir, nodes)
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	for i := range nodes {
		if err := n.openNode(ctx, i, options, verifier); err != nil {
			return nil, errors.Join(fmt.Errorf("open node %d: %w", i, err), n.Close())
		}
	}
	n.opened = true
	return n, nil
}

func (n *Network) openNode(ctx context.Context, index int, options Options, verifier *identity.Verifier) error {
	dir := fullnode.Dir(n.Dir.Node(index))
	keys, err := dir.Keys(n.ask)
	if err != nil {
		return err
	}
	self, err := dir.NodeID(n.Genesis, keys[0])
	if err != nil {
		return err
	}
	s, err := pebble.Open(dir.Store(), pebble.Options{
		Chain: n.Chain, Shard: n.Genesis.Shard, Node: self, CacheBytes: options.StoreCache, Logger: options.Logger,
	})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, s)
	blobs, err := file.Open(ctx, vfs.Default, dir.Blobs(), file.Options{})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, blobs)
	config := fullnode.Config{
		Dir: dir, Self: self, Keys: keys, Genesis: n.Genesis, Chain: n.Chain,
		Log: n.log, Store: s, Blobs: blobs, Mesh: n.mesh, Meeting: n.meeting,
		Verifier: verifier, Now: options.Now, Logger: options.Logger, MarkerDelay: options.MarkerDelay, Window: options.Window,
		Ledger: func(honest coordinator.Ledger) coordinator.Ledger { return n.cheat.ledger(index, honest, blobs) },
	}
	if index == 0 { // whose door is open; the others have none to ask at
		x := fullnode.NewIndex(dir.Search())
		n.closers = append(n.closers, x)
		config.Index = x
	}
	member, err := fullnode.Open(ctx, config)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, member)
	n.Nodes = append(n.Nodes, member)
	return nil
}

// Log returns the log that all nodes share. Whoever can write to it can append
// anything; what no node of the group signed is skipped.
func (n *Network) Log() order.Log { return n.log }

// Run runs all nodes until ctx ends or one of them must stop.
func (n *Network) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	for _, member := range n.Nodes {
		group.Go(func() error { return member.Run(running) })
	}
	err := group.Wait()
	// The nodes end one after the other: one may find another stopped before it
	// learns that it is to stop itself.
	if ctx.Err() != nil && errors.Is(err, node.ErrStopped) {
		return nil
	}
	return err
}

// Close closes stores, blobs and log; the nodes must have ended. Last it writes
// down what every file of the directory then is, for fsck. A network that could
// not be opened wholly leaves no such manifest: what kept it from opening must
// not pass for right.
func (n *Network) Close() error {
	errs := make([]error, 0, len(n.closers)+1)
	for _, c := range n.closers {
		errs = append(errs, c.Close())
	}
	errs = append(errs, n.log.Close())
	if n.opened && errors.Join(errs...) == nil {
		errs = append(errs, sealDir(n.Dir, n.Chain))
	}
	n.opened = false
	return errors.Join(errs...)
}
