package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// keep stores blocks and signatures, and signs headers of stored blocks. While
// the store is away it waits, and the queues before it fill.
func (n *Node) keep(ctx context.Context) error {
	for {
		var w work
		select {
		case w = <-n.pipeline.commits:
		case <-ctx.Done():
			return nil
		}
		done, err := n.keepOne(ctx, w)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // whatever it is, the node is stopping
		case err != nil:
			return err
		}
		if done == (kept{}) {
			continue
		}
		select {
		case n.pipeline.kept <- done:
		case <-ctx.Done():
			return nil
		}
	}
}

func (n *Node) keepOne(ctx context.Context, w work) (kept, error) {
	switch {
	case w.commit != nil:
		defer n.stages.storing.begin()()
		if err := n.keeping.do(ctx, func() error { return n.store.Apply(ctx, w.commit) }); err != nil {
			return kept{}, fmt.Errorf("store block %d: %w", w.commit.Height, err)
		}
		return kept{applied: w.commit.Height, next: w.commit.NextOffset}, nil
	case w.sign != nil:
		var key *identity.Key
		err := n.keeping.do(ctx, func() (err error) {
			key, err = n.headerKey(ctx, w.sign.header)
			return err
		})
		if err != nil || key == nil {
			return kept{}, err
		}
		s := ledger.SignHeader(w.sign.height, w.sign.header, n.config.Self, key.ID(), key.Sign)
		// Invariant 2: stored before it is sent.
		if err := n.keeping.do(ctx, func() error { return n.store.PutSignature(ctx, s) }); err != nil {
			return kept{}, fmt.Errorf("store own signature of header %d: %w", w.sign.height, err)
		}
		n.board.update(func(*Status) {}) // whoever waits for signatures looks again
		return kept{signed: &s}, nil
	case w.final != nil:
		return kept{final: w.final}, nil
	default:
		for _, s := range w.keep {
			err := n.keeping.do(ctx, func() error { return n.store.PutSignature(ctx, s) })
			if errors.Is(err, store.ErrConflict) {
				// Ed25519 lets a signer make two over one header. One is enough,
				// and nobody may stop this node by sending another.
				n.logger().Warn("another signature of this header is stored", "height", s.Height, "signer", s.Node.Short())
				continue
			}
			if err != nil {
				return kept{}, fmt.Errorf("store signature of header %d by %s: %w", s.Height, s.Node.Short(), err)
			}
		}
		n.board.update(func(*Status) {})
		return kept{}, nil
	}
}

// headerKey returns the key of this node that the group of a header lists, nil
// where it is not here.
func (n *Node) headerKey(ctx context.Context, raw []byte) (*identity.Key, error) {
	header, err := ledger.ParseHeader(raw)
	if err != nil {
		return nil, fmt.Errorf("sign a header: %w", err)
	}
	group, err := n.groupOf(ctx, header.Epoch)
	if err != nil {
		return nil, fmt.Errorf("sign header %d: %w", header.Height, err)
	}
	return n.keyIn(group), nil
}
