package node

import (
	"context"
	"fmt"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// recordGap is the least time from one record of transactions to the next while
// several are under way. A record costs its signature, a sync and its turn
// through all stages, whatever it holds; the gap is the most that gathering adds
// to the way of a transaction.
const recordGap = 4 * time.Millisecond

// batch appends what came through the door, as many transactions to a record
// as fit. While one append is under way, and until the gap is over, the next
// record fills up, so records grow with the load. A transaction that is alone
// under way waits for nothing.
//
// What was executed meanwhile, through another node, is not appended: its flight has
// landed. What can't be known here is a copy that stands on the log and was not
// executed yet, or that another node appends at the same time. It is executed as a
// replay.
func (n *Node) batch(ctx context.Context) error {
	var carried *admitted // did not fit into the record before
	gap := time.NewTimer(0)
	defer gap.Stop()
	for {
		n.flights.resume()
		first := carried
		if carried = nil; first == nil {
			select {
			case a := <-n.pipeline.door:
				first = &a
			case <-ctx.Done():
				return nil
			}
		}
		if !n.flights.underWay(first.id) {
			continue
		}
		if n.flights.count() > 1 {
			select {
			case <-gap.C:
			case <-ctx.Done():
				return nil
			}
		}
		gap.Reset(recordGap)
		record := ledger.Record{Kind: ledger.RecordTransactions, Transactions: [][]byte{first.raw}}
		size := len(first.raw)
	fill:
		for {
			select {
			case a := <-n.pipeline.door:
				if !n.flights.underWay(a.id) {
					continue
				}
				if size += len(a.raw) + 5; size > maxBatchBytes {
					carried = &a
					break fill
				}
				record.Transactions = append(record.Transactions, a.raw)
			default:
				break fill
			}
		}
		if err := n.append(ctx, record); err != nil {
			return err
		}
	}
}

// appendControl appends clocks, wakes and markers.
func (n *Node) appendControl(ctx context.Context) error {
	for {
		select {
		case r := <-n.pipeline.control:
			if err := n.append(ctx, r); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// append signs a record with this node's time, for the epoch that it knows of,
// and puts it on the log. Where the group has changed there, it is skipped, and
// its transactions are sent again ([Node.resend]).
func (n *Node) append(ctx context.Context, r ledger.Record) error {
	place := n.seat.Load()
	if place.key == nil {
		return nil // every node would skip it; who waits has been told
	}
	r.Version, r.Chain, r.Shard, r.Epoch = ledger.Version, n.config.Chain, n.config.Genesis.Shard, place.epoch
	r.Node, r.Time = n.config.Self, n.config.Now().UnixMilli()
	e, err := r.Sign(place.key.ID(), place.key.Sign)
	if err != nil {
		return err
	}
	err = n.appending.do(ctx, func() error {
		_, err := n.log.Append(ctx, e.Bytes())
		return err
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("append a record of %s: %w", r.Kind, err)
	}
	return nil
}
