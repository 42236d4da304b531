package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// Chain is the node as it is indexed.
type Chain interface {
	// Await waits until a block above the height is final, and returns the newest
	// final height.
	Await(ctx context.Context, above uint64) (final uint64, err error)
	// Floor is the lowest height whose state is kept; 0 is the genesis.
	Floor() uint64
	// Block returns a stored block with its chain hash; false where there is none.
	Block(ctx context.Context, height uint64) (*ledger.Block, ledger.Digest, bool, error)
	// State returns the state after the block of a height; 0 is the genesis.
	State(ctx context.Context, height uint64) contract.Range
}

// Index is where documents go, and where they are found: search/sqlite or
// search/elastic.
type Index interface {
	// Checkpoint is false where the index holds nothing whole.
	Checkpoint(ctx context.Context) (query.Checkpoint, bool, error)
	Reset(ctx context.Context) error
	// Apply writes documents and then, unless it is nil, the checkpoint that they
	// make. What has the checkpoint has the documents.
	Apply(ctx context.Context, documents []document.Document, at *query.Checkpoint) error
	Prune(ctx context.Context, below uint64) error
	Search(ctx context.Context, r *query.Request) (*query.Answer, error)
}

// Config is what an indexer works with. All but Logger, Look and Retain must be
// set.
type Config struct {
	Chain   Chain
	Genesis *ledger.Genesis
	Digest  ledger.Digest // of the genesis
	Index   Index
	Maker   *document.Maker
	Retain  uint64 // blocks; 0: all
	// Look is how often an index is looked at that has nothing to do; 0: every 10 s.
	Look   time.Duration
	Logger *slog.Logger
}

// Status says where an indexer stands.
type Status struct {
	Height    uint64 // indexed
	Final     uint64 // of the node, as last seen
	Documents uint64 // written since the start
	Rebuilds  uint64 // since the start
	Err       error  // why it waits; nil while all is well
}

// Indexer follows a node.
type Indexer struct {
	Config

	mu      sync.Mutex
	status  Status
	changed chan struct{} // closed when the status changes
}

// New returns an indexer.
func New(config Config) *Indexer {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Look == 0 {
		config.Look = defaultLook
	}
	return &Indexer{Config: config, changed: make(chan struct{})}
}

// Status returns where it stands.
func (x *Indexer) Status() Status {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.status
}

func (x *Indexer) update(change func(*Status)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	change(&x.status)
	close(x.changed)
	x.changed = make(chan struct{})
}

// Await waits until the index holds a height.
func (x *Indexer) Await(ctx context.Context, height uint64) error {
	for {
		x.mu.Lock()
		at, changed := x.status.Height, x.changed
		x.mu.Unlock()
		if at >= height {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for block %d in the index, which is at %d: %w", height, at, context.Cause(ctx))
		}
	}
}

// Search asks the index.
func (x *Indexer) Search(ctx context.Context, r *query.Request) (*query.Answer, error) {
	return x.Index.Search(ctx, r)
}

// Schema returns the fields of all documents.
func (x *Indexer) Schema() *document.Schema { return x.Maker.Schema() }

const defaultLook = 10 * time.Second

// How long it waits after an error.
const (
	minRest = 200 * time.Millisecond
	maxRest = 30 * time.Second
)

// Run follows the node until ctx ends.
func (x *Indexer) Run(ctx context.Context) error {
	rest := minRest
	for {
		before := x.Status().Height
		err := x.follow(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		x.update(func(s *Status) { s.Err = err })
		x.Logger.Warn("the index waits", "error", err, "for", rest)
		if x.Status().Height != before {
			rest = minRest
		}
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		rest = min(2*rest, maxRest)
	}
}

// follow indexes until something fails.
func (x *Indexer) follow(ctx context.Context) error {
	at, ok, err := x.Index.Checkpoint(ctx)
	if err != nil {
		return err
	}
	why := "it holds nothing whole"
	if ok {
		if why, err = x.unfit(ctx, at); err != nil {
			return err
		}
	}
	for {
		if why != "" {
			if at, err = x.rebuild(ctx, why); err != nil {
				return fmt.Errorf("build the index again: %w", err)
			}
			why = ""
		}
		x.update(func(s *Status) { s.Height, s.Err = at.Height, nil })
		final, err := x.await(ctx, at)
		if err != nil {
			return err
		}
		x.update(func(s *Status) { s.Final = final })
		if floor := x.Chain.Floor(); at.Height < floor {
			why = fmt.Sprintf("it ends at block %d, the node begins at %d", at.Height, floor)
			continue
		}
		if at, err = x.stretch(ctx, at, final); err != nil {
			return err
		}
	}
}

// errChanged tells that somebody else wrote to the index or took it away: follow
// begins anew.
var errChanged = errors.New("the index is not as it was left")

// await waits for a block above the checkpoint, and looks now and then whether
// the index is as it was left: without blocks nothing else would miss it.
func (x *Indexer) await(ctx context.Context, at query.Checkpoint) (uint64, error) {
	for {
		wait, cancel := context.WithTimeout(ctx, x.Look)
		final, err := x.Chain.Await(wait, at.Height)
		looked := wait.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !looked {
			return final, err
		}
		now, ok, err := x.Index.Checkpoint(ctx)
		switch {
		case err != nil:
			return 0, err
		case !ok || now != at:
			return 0, errChanged
		}
	}
}

// unfit says why the index is not one of this node's chain, or nothing.
func (x *Indexer) unfit(ctx context.Context, at query.Checkpoint) (string, error) {
	if at.Chain != x.Digest {
		return "it is of another chain", nil
	}
	hash, ok, err := x.hash(ctx, at.Height)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return fmt.Sprintf("the node does not have its height %d", at.Height), nil
	case hash != at.Hash:
		return fmt.Sprintf("its block %d has another hash than the node's", at.Height), nil
	}
	return "", nil
}

// hash returns the chain hash at a height.
func (x *Indexer) hash(ctx context.Context, height uint64) (ledger.Digest, bool, error) {
	if height == 0 {
		return x.Digest, true, nil
	}
	_, hash, ok, err := x.Chain.Block(ctx, height)
	return hash, ok, err
}

// How much is written at once: enough for what one write costs, little enough to
// be held.
const (
	maxDocuments = 4_000
	maxBlocks    = 256
)

// rebuild empties the index and begins with the lowest state of the node.
func (x *Indexer) rebuild(ctx context.Context, why string) (query.Checkpoint, error) {
	x.Logger.Info("the index is built from the store", "why", why)
	x.update(func(s *Status) { s.Rebuilds, s.Height = s.Rebuilds+1, 0 })
	at := query.Checkpoint{Chain: x.Digest}
	if err := x.Index.Reset(ctx); err != nil {
		return at, err
	}
	logTime := x.Genesis.Time
	floor := x.Chain.Floor()
	if at.Hash = x.Digest; floor > 0 {
		block, hash, ok, err := x.Chain.Block(ctx, floor)
		if err != nil {
			return at, err
		}
		if !ok {
			return at, fmt.Errorf("block %d, where the node begins, is not there", floor)
		}
		at.Hash, logTime = hash, block.Header.LogTime
	}
	at.Base, at.Height, at.Lowest = floor, floor, floor+1
	var list []document.Document
	flush := func(at *query.Checkpoint) error {
		err := x.apply(ctx, list, at)
		list = list[:0]
		return err
	}
	err := x.Maker.Base(floor, logTime, x.Chain.State(ctx, floor), func(d document.Document) error {
		if list = append(list, d); len(list) < maxDocuments {
			return nil
		}
		return flush(nil)
	})
	if err != nil {
		return at, err
	}
	return at, flush(&at)
}

func (x *Indexer) apply(ctx context.Context, list []document.Document, at *query.Checkpoint) error {
	if err := x.Index.Apply(ctx, list, at); err != nil {
		return err
	}
	x.update(func(s *Status) { s.Documents += uint64(len(list)) })
	return nil
}

var errGone = errors.New("a final block is not there")

// stretch indexes the next blocks, at most so many that they are held easily, and
// returns the checkpoint that they make.
func (x *Indexer) stretch(ctx context.Context, at query.Checkpoint, final uint64) (query.Checkpoint, error) {
	var list []document.Document
	next := at
	for next.Height < final && next.Height-at.Height < maxBlocks && len(list) < maxDocuments {
		height := next.Height + 1
		block, hash, ok, err := x.Chain.Block(ctx, height)
		if err == nil && !ok {
			err = errGone
		}
		if err != nil {
			return at, fmt.Errorf("read block %d: %w", height, err)
		}
		if block.Header.Previous != next.Hash {
			return at, fmt.Errorf("read block %d: it follows %s, the index ends with %s", height, block.Header.Previous.Short(), next.Hash.Short())
		}
		documents, err := x.Maker.Block(block, hash, x.Chain.State(ctx, height-1), x.Chain.State(ctx, height))
		if err != nil {
			return at, err
		}
		list = append(list, documents...)
		next.Height, next.Hash = height, hash
	}
	if err := x.apply(ctx, list, &next); err != nil {
		return at, fmt.Errorf("index blocks %d to %d: %w", at.Height+1, next.Height, err)
	}
	return x.retain(ctx, next)
}

// retain takes out what is older than is kept, a tenth of that at a time.
func (x *Indexer) retain(ctx context.Context, at query.Checkpoint) (query.Checkpoint, error) {
	if x.Retain == 0 || at.Height < x.Retain || at.Height-x.Retain < at.Lowest+x.Retain/10 {
		return at, nil
	}
	below := at.Height - x.Retain + 1
	if err := x.Index.Prune(ctx, below); err != nil {
		return at, err
	}
	at.Lowest = below
	return at, nil
}
