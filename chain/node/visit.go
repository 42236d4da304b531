package node

import (
	"context"
	"sort"

	"github.com/librum/librum/chain/ledger"
)

// Follow calls visit for each executed transaction at or after the given
// position, oldest first and each once, from the store, then live, until ctx
// ends or visit fails.
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
// returns the position behind the last visited.
func (n *Node) replay(ctx context.Context, from ledger.Position, visit func(Outcome) error) (ledger.Position, error) {
	// In this order: what left the recent records before they were copied is in
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
		first = n.blockOf(ctx, from, height)
	}
	for h := first; h <= height; h++ {
		block, _, err := n.Block(ctx, h)
		if err != nil {
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
	}
	return from, nil
}

// blockOf returns the first height, at most height+1, whose block ends at or
// after the position.
func (n *Node) blockOf(ctx context.Context, p ledger.Position, height uint64) uint64 {
	i := sort.Search(int(height), func(i int) bool {
		raw, err := n.store.Header(ctx, uint64(i)+1)
		if err != nil {
			return true // met again, and reported, when the block is read
		}
		header, err := ledger.ParseHeader(raw)
		return err != nil || !header.Last.Less(p)
	})
	return uint64(i) + 1
}
