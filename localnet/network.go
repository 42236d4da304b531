package localnet

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/api/bearer"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	identitycontract "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/store/pebble"
	flcontract "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/internal/durable"
)

// Contracts returns the rule sets of all protocol versions. One that was in
// force on any chain is never taken out or changed.
func Contracts() contract.Rules {
	return contract.Rules{
		contract.NewSet(governance.New(), identitycontract.New(), token.New(), flcontract.New()),
	}
}

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
	// Cheat is for demonstrations.
	Cheat Cheat
}

// verifierKeys is how many expanded public keys the nodes of a process keep
// between them, 1.5 KiB each.
const verifierKeys = 16_384

// Network is the nodes of a directory.
type Network struct {
	Dir     Dir
	Genesis *ledger.Genesis
	Chain   ledger.Digest
	Mesh    *node.Mesh

	// Of each node, in the order of their directories.
	Nodes        []*node.Node
	Coordinators []*coordinator.Service
	Blobs        []blob.Store
	Tokens       []*bearer.Store
	Audits       []*auditlog.Log

	cheat   Cheat
	ask     keyfile.Ask
	opened  bool // wholly: what follows is a clean stop if all can be closed
	log     *local.Log
	meeting *coordinator.Mesh
	closers []io.Closer
}

// Open opens the network of a directory. Close must be called after.
func Open(ctx context.Context, dir Dir, options Options) (*Network, error) {
	g, chain, err := dir.LoadGenesis()
	if err != nil {
		return nil, err
	}
	n := &Network{Dir: dir, Genesis: g, Chain: chain, Mesh: node.NewMesh(), meeting: coordinator.NewMesh(), cheat: options.Cheat, ask: options.Ask}
	if n.log, err = local.Open(ctx, vfs.Default, dir.Log(), local.Options{Logger: options.Logger}); err != nil {
		return nil, err
	}
	if err := dropManifest(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("forget the last clean stop: %w", err), n.Close())
	}
	verifier := identity.NewVerifier(verifierKeys)
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
	keys, err := n.Dir.nodeKeys(index, n.ask)
	if err != nil {
		return err
	}
	key := keys[0]
	self, err := n.Dir.nodeID(index, n.Genesis, key)
	if err != nil {
		return err
	}
	s, err := pebble.Open(n.Dir.Store(index), pebble.Options{
		Chain: n.Chain, Shard: n.Genesis.Shard, Node: self, CacheBytes: options.StoreCache, Logger: options.Logger,
	})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, s)
	config := node.Config{
		Self: self, Key: key, OtherKeys: keys[1:], Genesis: n.Genesis, Chain: n.Chain, Contracts: Contracts(),
		Verify:    verifier.Verify,
		VerifyAll: func(list []identity.Signed) []bool { return verifier.VerifyAll(list, rand.Reader) },
		Now:       options.Now, Logger: options.Logger,
		MarkerDelay: options.MarkerDelay, Window: options.Window,
		KeepEvidence: func(d lokka.Divergence) error {
			b, err := ledger.Encode(&d)
			if err != nil {
				return err
			}
			return durable.WriteFile(n.Dir.Diverged(index), b)
		},
	}.WithDefaults()
	if _, err := os.Stat(n.Dir.Diverged(index)); err == nil {
		config.Diverged = true
	}
	if err := node.InitStore(ctx, config, n.log.Topic(), s); err != nil {
		return err
	}
	member, err := node.New(config, n.log, s, n.Mesh)
	if err != nil {
		return err
	}
	blobs, err := file.Open(ctx, vfs.Default, n.Dir.Blobs(index), file.Options{})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, blobs)
	tokens, err := bearer.Open(n.Dir.Tokens(index), config.Now)
	if err != nil {
		return err
	}
	n.Tokens = append(n.Tokens, tokens)
	audit, err := auditlog.Open(n.Dir.Audit(index), n.Chain, config.Now)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, audit)
	n.Audits = append(n.Audits, audit)
	n.Nodes = append(n.Nodes, member)
	n.Blobs = append(n.Blobs, blobs)
	n.Coordinators = append(n.Coordinators, coordinator.New(coordinator.Config{
		Self: self, Key: key, OtherKeys: keys[1:], Genesis: n.Genesis, Chain: n.Chain, Ledger: n.cheat.ledger(index, nodeLedger{member}, blobs),
		Blobs: blobs, Mesh: n.meeting, Now: config.Now, Logger: config.Logger,
	}))
	return nil
}

// nodeOf finds the node of the group that has the key.
func nodeOf(g *ledger.Genesis, key *identity.Key) (ledger.ID, error) {
	public := key.Public()
	for _, m := range g.Group.Nodes {
		if bytes.Equal(m.Key[:], public[:]) {
			return m.Node, nil
		}
	}
	return ledger.ID{}, fmt.Errorf("key %s belongs to no node of the genesis", key.ID().Short())
}

// Log returns the log that all nodes share. Whoever can write to it can append
// anything; what no node of the group signed is skipped.
func (n *Network) Log() order.Log { return n.log }

// Run runs all nodes and their coordinators until ctx ends or one of them must
// stop.
func (n *Network) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	for _, c := range n.Coordinators {
		group.Go(func() error { return c.Run(running) })
	}
	for _, member := range n.Nodes {
		group.Go(func() error { return member.Run(running) })
	}
	err := group.Wait()
	// Contexts end one after the other: a coordinator may find its node stopped
	// before it learns that it is to stop itself.
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
