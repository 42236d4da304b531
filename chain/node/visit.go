package node

import (
	"context"
	"fmt"
	"sort"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Follow calls visit for each executed transaction at or after the given
// position, oldest first and each once, from the store, then live, until ctx
// ends or visit fails. [store.ErrPruned] where this node does not go back so far.
// A store that is away is waited for.
func (n *Node) Follow(ctx context.Context, from ledger.Position, visit func(Outcome) error) error {
	for next := from; ; {
		_, changed := n.board.read() // before anything is read, so that no change is missed
		last, err := n.replay(ctx, next, visit)
		if err != nil {
			return err
		}
		if last == next {
			select {
			case <-changed:
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-n.stopped:
				return n.stopError(ctx)
			}
		}
		if next = last; ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// replay visits what was executed from the position on and is known now, and
// returns the position behind it.
func (n *Node) replay(ctx context.Context, from ledger.Position, visit func(Outcome) error) (ledger.Position, error) {
	// In this order: what left the recent records before they were looked at is in
	// a block that the status tells of, since the core updates it first.
	records, all := n.recent.from(from.Offset)
	height := n.Status().Height
	pass := func(r *ledger.Result, logTime int64, detail string) error {
		if r.Position.Less(from) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		from = ledger.Position{Offset: r.Position.Offset, Index: r.Position.Index + 1}
		return visit(outcomeOf(r, logTime, detail))
	}
	first := height + 1 // no block holds what the recent records hold all of
	if !all {
		if err := n.Patiently(ctx, func() (err error) {
			first, err = n.blockOf(ctx, from, height)
			return err
		}); err != nil {
			return from, err
		}
	}
	for h := first; h <= height; h++ {
		var block ledger.Block
		if err := n.Patiently(ctx, func() (err error) {
			block, _, err = n.Block(ctx, h)
			return err
		}); err != nil {
			return from, err
		}
		for i := range block.Results {
			if err := pass(&block.Results[i], block.Header.LogTime, ""); err != nil {
				return from, err
			}
		}
	}
	for _, e := range records {
		for i := range e.Results {
			if err := pass(&e.Results[i], e.LogTime, e.Details[i]); err != nil {
				return from, err
			}
		}
		// Past those without transactions too: else each was looked at again with
		// every change, by every follower.
		if next := (ledger.Position{Offset: e.Offset + 1}); from.Less(next) {
			from = next
		}
	}
	return from, nil
}

// blockOf returns the first height, at most height+1, whose block ends at or
// after the position.
func (n *Node) blockOf(ctx context.Context, p ledger.Position, height uint64) (uint64, error) {
	header := func(height uint64) (ledger.Header, error) {
		raw, err := n.store.Header(ctx, height)
		if err != nil {
			return ledger.Header{}, err
		}
		return ledger.ParseHeader(raw)
	}
	floor := n.Status().Floor
	if floor > 0 {
		lowest, err := header(floor)
		if err != nil {
			return 0, err
		}
		if p.Less(lowest.First) {
			return 0, fmt.Errorf("read from position %s on: %w: the lowest block is %d, which begins at %s", p, store.ErrPruned, floor, lowest.First)
		}
	}
	lowest := max(floor, 1)
	i := sort.Search(int(height+1-lowest), func(i int) bool {
		h, err := header(lowest + uint64(i))
		return err != nil || !h.Last.Less(p) // an error is met again, and reported, when the block is read
	})
	return lowest + uint64(i), nil
}
