package elastic

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// Index is an index in Elasticsearch. Apply, Reset and Prune are called by one
// goroutine at a time, searches by any.
type Index struct {
	config Config
	schema *document.Schema
	layout *layout
	client *client

	writing chan struct{} // held while documents or state are written
	state   state         // as it is written; held by writing
	version version       // of the state's document
	// whole is true while what can be found in the generation is what its
	// checkpoint says. Held by writing.
	whole bool
	// until is a height up to which documents may stand in the generation that its
	// checkpoint does not know of: a write that was cut short. Held by writing.
	until uint64

	mu      sync.Mutex
	showing *view // what searches read; nil: nothing
	// due is a checkpoint that is written and not shown: who searches first has it
	// shown.
	due *query.Checkpoint
}

// burst is how many documents at once tell that the index is catching up. Showing
// each of its checkpoints would cost as much as writing them.
const burst = 2_000

// lock takes the right to write.
func (x *Index) lock(ctx context.Context) error {
	select {
	case x.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the index: %w", context.Cause(ctx))
	}
}

func (x *Index) unlock() { <-x.writing }

// Checkpoint returns what the index holds, or false where it holds nothing whole.
func (x *Index) Checkpoint(ctx context.Context) (query.Checkpoint, bool, error) {
	if err := x.lock(ctx); err != nil {
		return query.Checkpoint{}, false, err
	}
	defer x.unlock()
	if err := x.load(ctx); err != nil {
		return query.Checkpoint{}, false, fmt.Errorf("read the checkpoint: %w", err)
	}
	at, old := x.state.At, x.state.Old
	if old != nil {
		if err := x.reopen(ctx, old.Index, old.At); err != nil {
			return query.Checkpoint{}, false, err
		}
	}
	if at == nil {
		if old == nil {
			x.show(ctx, nil)
		}
		return query.Checkpoint{}, false, nil
	}
	if !x.whole {
		var err error
		if x.until, err = x.highest(ctx, x.state.Index); err != nil {
			return query.Checkpoint{}, false, err
		}
		x.whole = x.until <= at.Height
	}
	if old != nil {
		return *at, true, nil
	}
	if !x.whole {
		x.show(ctx, nil)
		return *at, true, nil
	}
	if v, due := x.current(); v == nil || v.index != x.state.Index || v.at != *at || due != nil {
		if err := x.open(ctx, x.state.Index, *at); err != nil {
			return query.Checkpoint{}, false, err
		}
	}
	return *at, true, nil
}

// reopen has searches read an old generation, unless more stands in it than its
// checkpoint says.
func (x *Index) reopen(ctx context.Context, index string, at query.Checkpoint) error {
	if v, _ := x.current(); v != nil && v.index == index {
		return nil
	}
	highest, err := x.highest(ctx, index)
	if err != nil {
		return err
	}
	if highest > at.Height {
		x.show(ctx, nil)
		return nil
	}
	return x.open(ctx, index, at)
}

// Apply writes documents and, unless it is nil, the checkpoint that they make.
func (x *Index) Apply(ctx context.Context, documents []document.Document, at *query.Checkpoint) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.unlock()
	if x.state.Index == "" {
		return errors.New("write documents: the index has no generation; Reset makes one")
	}
	x.whole = false
	if err := x.write(ctx, documents); err != nil {
		return fmt.Errorf("write documents: %w", err)
	}
	if at == nil {
		return nil
	}
	if err := x.advance(ctx, *at); err != nil {
		return fmt.Errorf("write the checkpoint: %w", err)
	}
	if x.until > at.Height {
		return nil // what was cut short is not written anew wholly
	}
	x.whole = true
	switch {
	case x.state.Old != nil:
		return nil
	case len(documents) >= burst:
		x.owe(at)
		return nil
	}
	return x.open(ctx, x.state.Index, *at)
}

// Reset begins a new generation. Searches are told that it is being built, or go
// on in the old one where fields have changed.
func (x *Index) Reset(ctx context.Context) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.unlock()
	if err := x.begin(ctx); err != nil {
		return fmt.Errorf("empty the index: %w", err)
	}
	return nil
}
