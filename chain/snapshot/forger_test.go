package snapshot_test

import (
	"context"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// forger is a store that lies.
type forger struct {
	store.Store

	rows       func([]store.Row)
	signatures func(height uint64) int // how many it has
	stranger   bool                    // a signature of a node that has left
	block      uint64                  // the block it gives
}

func (f *forger) Scan(ctx context.Context, height uint64, prefix, after []byte, limit int) ([]store.Row, error) {
	rows, err := f.Store.Scan(ctx, height, prefix, after, limit)
	if f.rows != nil && after == nil {
		f.rows(rows)
	}
	return rows, err
}

func (f *forger) Block(ctx context.Context, _ uint64) ([]byte, error) {
	return f.Store.Block(ctx, f.block)
}

func (f *forger) Signatures(ctx context.Context, height uint64) ([]ledger.HeaderSignature, error) {
	all, err := f.Store.Signatures(ctx, height)
	if f.signatures != nil {
		all = all[:f.signatures(height)]
	}
	if f.stranger {
		header, err := f.Header(ctx, height)
		if err != nil {
			return nil, err
		}
		key := aplostest.NodeKey(3)
		all = append(all, ledger.SignHeader(height, header, aplostest.NodeID(3), key.ID(), key.Sign))
	}
	return all, err
}
