package snapshot

import (
	"context"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Base is a stored block that a quorum vouches for, and with it the state after
// it, without anything below.
type Base struct {
	Block      ledger.Block
	Header     ledger.Digest
	Signatures []ledger.HeaderSignature // of the header and of the ends of epochs before; all hold
	Past       []store.Past
	Commitment *ledger.Commitment // of the rows; the header names it
}

// Prove shows that the state that a store has after a block is the chain's, as
// a snapshot of it would: [ErrUnproven] or [ErrMalformed] where it does not hold.
// Each row is passed on.
func Prove(ctx context.Context, trust Trust, s store.Store, height uint64, each func(store.Row)) (*Base, error) {
	base, err := proveBase(ctx, trust, s, height, each)
	if err != nil {
		return nil, fmt.Errorf("prove the state after block %d: %w", height, err)
	}
	return base, nil
}

func proveBase(ctx context.Context, trust Trust, s store.Store, height uint64, each func(store.Row)) (*Base, error) {
	p, err := prove(ctx, trust, s, height)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	raw, err := s.Block(ctx, height)
	if err != nil {
		return nil, err
	}
	if _, err := p.block(raw); err != nil {
		return nil, err
	}
	base := &Base{Header: ledger.Hash(p.head.Header), Signatures: p.signatures, Past: p.past}
	if base.Block, err = ledger.ParseBlock(raw); err != nil {
		return nil, err
	}
	base.Commitment, err = p.scan(ctx, s, func(r store.Row) error {
		each(r)
		return nil
	})
	return base, err
}

// scan passes on the rows after the block, and compares their commitment with
// the header's.
func (p *proof) scan(ctx context.Context, s store.Store, each func(store.Row) error) (*ledger.Commitment, error) {
	commitment := new(ledger.Commitment)
	for after := []byte(nil); ; {
		found, err := s.Scan(ctx, p.header.Height, nil, after, scanRows)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			commitment.Add(r.Key, r.Value)
			if err := each(r); err != nil {
				return nil, err
			}
		}
		if len(found) < scanRows {
			break
		}
		after = found[len(found)-1].Key
	}
	if got := commitment.Digest(); got != p.header.State {
		return nil, unproven("the stored rows have the commitment %s, header %d says %s: this node's state is damaged, take another's",
			got.Short(), p.header.Height, p.header.State.Short())
	}
	return commitment, nil
}
