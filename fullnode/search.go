package fullnode

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/indexer"
	"github.com/librum/librum/search/query"
	"github.com/librum/librum/search/sqlite"
)

// Search is the path of the embedded index. It can be built again.
func (d Dir) Search() string { return filepath.Join(string(d), "search", "index.sqlite") }

// OpenIndex opens an embedded index.
func OpenIndex(ctx context.Context, path string) (*sqlite.Index, error) {
	schema, err := document.NewSchema(document.Contracts())
	if err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, path, schema)
}

// Index is an embedded index that is opened when the indexer asks where it stands,
// and tried again as often as that asks: a node starts, and goes on, without an
// index that cannot be opened. It can be built again.
type Index struct {
	path string

	mu   sync.RWMutex // held for writing while it is opened or closed
	open *sqlite.Index
	err  error // why it is not open; nil before it was tried
}

// NewIndex returns the index in a file, which is not opened yet.
func NewIndex(path string) *Index { return &Index{path: path} }

// Checkpoint implements indexer.Index.
func (x *Index) Checkpoint(ctx context.Context) (query.Checkpoint, bool, error) {
	x.mu.Lock()
	if x.open == nil {
		x.open, x.err = OpenIndex(ctx, x.path)
	}
	open, err := x.open, x.err
	x.mu.Unlock()
	if err != nil {
		return query.Checkpoint{}, false, err
	}
	return open.Checkpoint(ctx)
}

// use calls what needs the index open, which it stays meanwhile.
func (x *Index) use(call func(*sqlite.Index) error) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	switch {
	case x.open != nil:
		return call(x.open)
	case x.err != nil:
		return fmt.Errorf("%w: %w", query.ErrAway, x.err)
	}
	return query.ErrNotReady
}

// Reset implements indexer.Index.
func (x *Index) Reset(ctx context.Context) error {
	return x.use(func(open *sqlite.Index) error { return open.Reset(ctx) })
}

// Apply implements indexer.Index.
func (x *Index) Apply(ctx context.Context, documents []document.Document, at *query.Checkpoint) error {
	return x.use(func(open *sqlite.Index) error { return open.Apply(ctx, documents, at) })
}

// Prune implements indexer.Index.
func (x *Index) Prune(ctx context.Context, below uint64) error {
	return x.use(func(open *sqlite.Index) error { return open.Prune(ctx, below) })
}

// Search implements indexer.Index.
func (x *Index) Search(ctx context.Context, r *query.Request) (answer *query.Answer, err error) {
	err = x.use(func(open *sqlite.Index) error {
		answer, err = open.Search(ctx, r)
		return err
	})
	return answer, err
}

// Close closes the file once searches have ended.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.open == nil {
		return nil
	}
	open := x.open
	x.open = nil
	return open.Close()
}

// newIndexer returns what keeps the index up to date.
func (n *Node) newIndexer(config *Config) (*indexer.Indexer, error) {
	maker, err := document.NewMaker(document.Contracts())
	if err != nil {
		return nil, err
	}
	return indexer.New(indexer.Config{
		Chain: indexedChain{n.Node, config.Store}, Genesis: config.Genesis, Digest: config.Chain,
		Index: config.Index, Maker: maker, Retain: config.Retain, Logger: config.Logger,
	}), nil
}

// indexedChain is a node with its store as the indexer reads them.
type indexedChain struct {
	node  *node.Node
	store store.Store
}

// Await implements indexer.Chain.
func (c indexedChain) Await(ctx context.Context, above uint64) (uint64, error) {
	status, err := c.node.Await(ctx, func(s node.Status) bool { return s.Final > above })
	return status.Final, err
}

// Floor implements indexer.Chain.
func (c indexedChain) Floor() uint64 { return c.node.Status().Floor }

// Block implements indexer.Chain.
func (c indexedChain) Block(ctx context.Context, height uint64) (*ledger.Block, ledger.Digest, bool, error) {
	block, hash, err := c.node.Block(ctx, height)
	if errors.Is(err, node.ErrNotFound) || errors.Is(err, store.ErrPruned) {
		return nil, hash, false, nil
	}
	return &block, hash, err == nil, err
}

// State implements indexer.Chain.
func (c indexedChain) State(ctx context.Context, height uint64) contract.Range {
	return stateAt{ctx: ctx, store: c.store, height: height}
}

// stateAt is the state after a block, as the store has it.
type stateAt struct {
	ctx    context.Context //nolint:containedctx // contract.State has no contexts; this one lives as long as a stretch of blocks
	store  store.Store
	height uint64
}

// Get implements contract.State.
func (s stateAt) Get(key contract.Key) ([]byte, bool, error) {
	return s.store.Get(s.ctx, s.height, []byte(key))
}

// Scan implements contract.Range.
func (s stateAt) Scan(prefix, after contract.Key, limit int) ([]contract.Row, error) {
	var from []byte
	if after != "" {
		from = []byte(after)
	}
	rows, err := s.store.Scan(s.ctx, s.height, []byte(prefix), from, min(limit, store.MaxScanRows))
	out := make([]contract.Row, len(rows))
	for i, r := range rows {
		out[i] = contract.Row{Key: contract.Key(r.Key), Value: r.Value}
	}
	return out, err
}
