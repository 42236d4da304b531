package fullnode

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/api"
	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/api/bearer"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/search/indexer"
)

// VerifierKeys is how many expanded public keys a process should keep, 1.5 KiB
// each.
const VerifierKeys = 16_384

// Config is what a node is made of.
type Config struct {
	Dir     Dir
	Self    ledger.ID
	Keys    []*identity.Key // that of the file key first
	Genesis *ledger.Genesis
	Chain   ledger.Digest

	// The engines, open until the node is closed.
	Log   order.Log
	Store store.Store
	Blobs blob.Store
	// Index is where its final blocks can be searched; nil: nowhere. Retain is how
	// many blocks it keeps of what happened; 0: all.
	Index  indexer.Index
	Retain uint64

	// How it meets the others.
	Mesh    node.Mesh
	Meeting coordinator.Mesh

	Verifier    *identity.Verifier // of the process
	Now         func() time.Time   // nil: the machine's clock
	Logger      *slog.Logger       // nil: none
	MarkerDelay time.Duration      // 0: the default
	Window      int                // 0: the default
	ReadAhead   int                // see [node.Config]; 0 for a store on this machine
	// Ledger returns what the coordinator submits through, given what it would
	// submit through; nil: as it is. It is for demonstrations of cheating.
	Ledger func(honest coordinator.Ledger) coordinator.Ledger
}

// Node is one node, wholly.
type Node struct {
	*node.Node

	Coordinator  *coordinator.Service
	Blobs        blob.Store
	Aggregations *aggregation.Service
	Tokens       *bearer.Store
	Audit        *auditlog.Log
	Search       *indexer.Indexer // nil: it has no index

	closers []io.Closer
}

// Open opens a node over its engines; a new store gets the genesis. Close must be
// called after.
func Open(ctx context.Context, config Config) (_ *Node, err error) {
	if len(config.Keys) == 0 {
		return nil, errors.New("open the node: it has no key")
	}
	chain := config.chainNode()
	if chain.Diverged, err = config.Dir.HasDiverged(); err != nil {
		return nil, err
	}
	if err := node.InitStore(ctx, chain, config.Log.Topic(), config.Store); err != nil {
		return nil, err
	}
	n := &Node{Blobs: config.Blobs}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if n.Tokens, err = bearer.Open(config.Dir.Tokens(), chain.Now); err != nil {
		return nil, err
	}
	if n.Audit, err = auditlog.Open(config.Dir.Audit(), config.Chain, chain.Now); err != nil {
		return nil, err
	}
	n.closers = append(n.closers, n.Audit)
	if n.Aggregations, err = config.openAggregations(ctx); err != nil {
		return nil, err
	}
	n.closers = append(n.closers, n.Aggregations)
	if n.Node, err = node.New(ctx, chain, config.Log, config.Store, config.Mesh); err != nil {
		return nil, err
	}
	if config.Index != nil {
		if n.Search, err = n.newIndexer(&config); err != nil {
			return nil, err
		}
	}
	var through coordinator.Ledger = nodeLedger{n.Node}
	if config.Ledger != nil {
		through = config.Ledger(through)
	}
	n.Coordinator = coordinator.New(coordinator.Config{
		Self: config.Self, Key: chain.Key, OtherKeys: chain.OtherKeys, Genesis: config.Genesis, Chain: config.Chain,
		Ledger: through, Blobs: config.Blobs, Mesh: config.Meeting, Now: chain.Now, Logger: chain.Logger,
	})
	return n, nil
}

// chainNode returns the configuration of the node of the chain.
func (c *Config) chainNode() node.Config {
	return node.Config{
		Self: c.Self, Key: c.Keys[0], OtherKeys: c.Keys[1:], Genesis: c.Genesis, Chain: c.Chain, Contracts: Contracts(),
		Verify:    c.Verifier.Verify,
		VerifyAll: func(list []identity.Signed) []bool { return c.Verifier.VerifyAll(list, rand.Reader) },
		Now:       c.Now, Logger: c.Logger, MarkerDelay: c.MarkerDelay, Window: c.Window, ReadAhead: c.ReadAhead,
		KeepEvidence: func(d lokka.Divergence) error {
			b, err := ledger.Encode(&d)
			if err != nil {
				return err
			}
			return durable.WriteFile(c.Dir.Diverged(), b, 0o600)
		},
	}.WithDefaults()
}

// Door returns what the node's HTTP interface stands on, given the genesis file.
func (n *Node) Door(genesis []byte, logger *slog.Logger) api.Config {
	return api.Config{
		Node: n.Node, Coordinator: n.Coordinator, Blobs: n.Blobs, Aggregations: n.Aggregations, Tokens: n.Tokens, Audit: n.Audit,
		Genesis: genesis, Logger: logger, Search: n.Search,
	}
}

// Run runs the node, its coordinator, aggregations and index until ctx ends or one of them must stop.
func (n *Node) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return n.Coordinator.Run(running) })
	group.Go(func() error { return n.Node.Run(running) })
	group.Go(func() error { return n.Aggregations.Run(running) })
	if n.Search != nil {
		group.Go(func() error { return n.Search.Run(running) })
	}
	err := group.Wait()
	// Contexts end one after the other: a coordinator may find its node stopped
	// before it learns that it is to stop itself.
	if ctx.Err() != nil && errors.Is(err, node.ErrStopped) {
		return nil
	}
	return err
}

// Close closes what Open opened; the node must have ended.
func (n *Node) Close() error {
	errs := make([]error, 0, len(n.closers))
	for _, c := range n.closers {
		errs = append(errs, c.Close())
	}
	n.closers = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the node: %w", err)
	}
	return nil
}
