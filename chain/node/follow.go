package node

import (
	"context"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
)

// follow reads the log from where the store stands.
func (n *Node) follow(ctx context.Context) error {
	applied, _, err := n.store.Applied(ctx)
	if err != nil {
		return err
	}
	if err := checkLog(ctx, n.log, applied.Topic, applied.NextOffset, applied.LastRecord); err != nil {
		return err
	}
	for next := applied.NextOffset; ; {
		entries, err := n.log.Read(ctx, next, readBytes)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // whatever it is, the node is stopping
		case err != nil:
			return fmt.Errorf("read the log from %d: %w", next, err)
		}
		next = entries[len(entries)-1].Offset + 1
		select {
		case n.pipeline.entries <- entries:
		case <-ctx.Done():
			return nil
		}
	}
}

// checkLog compares the log with what this node executed of it (invariant 5).
func checkLog(ctx context.Context, log order.Log, topic ledger.ID, next uint64, last ledger.Digest) error {
	if log.Topic() != topic {
		return fmt.Errorf("%w: it is topic %s, this node executed %s", ErrLogRewritten, log.Topic(), topic)
	}
	if next == 0 {
		return nil
	}
	end, err := log.End(ctx)
	if err != nil {
		return fmt.Errorf("ask the log's end: %w", err)
	}
	if end < next {
		return fmt.Errorf("%w: it ends at %d, this node executed up to %d", ErrLogRewritten, end, next)
	}
	entries, err := log.Read(ctx, next-1, 1)
	if err != nil {
		return fmt.Errorf("read record %d again: %w", next-1, err)
	}
	if got := ledger.Hash(entries[0].Bytes); got != last {
		return fmt.Errorf("%w: record %d has digest %s, this node executed %s", ErrLogRewritten, next-1, got, last)
	}
	return nil
}
