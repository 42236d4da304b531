package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	client "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/librum/librum/chain/order"
)

// pending is a record that waits for its offset.
type pending struct {
	ctx    context.Context //nolint:containedctx // of the caller, who may give up before it is sent
	record []byte
	offset uint64
	err    error
	done   chan struct{}
}

// Append implements [order.Log].
func (l *Log) Append(ctx context.Context, record []byte) (uint64, error) {
	offset, err := l.append(ctx, record)
	if err != nil {
		return 0, fmt.Errorf("append to topic %s: %w", l.config.Topic, err)
	}
	return offset, nil
}

func (l *Log) append(ctx context.Context, record []byte) (uint64, error) {
	if len(record) > order.MaxRecordBytes {
		return 0, fmt.Errorf("%w: %d bytes, at most %d are taken", order.ErrTooLarge, len(record), order.MaxRecordBytes)
	}
	if err := l.over(ctx); err != nil {
		return 0, err
	}
	p := &pending{ctx: ctx, record: bytes.Clone(record), done: make(chan struct{})}
	select {
	case l.appends <- p:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-l.life.Done():
		return 0, order.ErrClosed
	}
	select {
	case <-p.done:
		return p.offset, p.err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-l.life.Done():
		return 0, order.ErrClosed
	}
}

// batch writes what waits, as much at once as fits. While one batch is under
// way the next fills up, so batches grow with the load and a lone record waits
// for nothing.
func (l *Log) batch() {
	var carried *pending // did not fit into the batch before
	for {
		first := carried
		if carried = nil; first == nil {
			select {
			case first = <-l.appends:
			case <-l.life.Done():
				return
			}
		}
		batch, size := []*pending{first}, batchHeader+len(first.record)+recordOverhead
	fill:
		for {
			select {
			case p := <-l.appends:
				if size += len(p.record) + recordOverhead; size > maxBatchBytes {
					carried = p
					break fill
				}
				batch = append(batch, p)
			default:
				break fill
			}
		}
		// Who gave up before anything was sent need not find it on the log.
		batch = slices.DeleteFunc(batch, func(p *pending) bool { return p.ctx.Err() != nil })
		if len(batch) == 0 {
			continue
		}
		base, err := l.write(batch)
		for i, p := range batch {
			p.offset, p.err = base+uint64(i), err
			close(p.done)
		}
	}
}

// write puts a batch on the topic and returns the offset of its first record.
// It tries until the broker has said yes or no: the same batch, which the
// broker knows again (invariant 2).
func (l *Log) write(batch []*pending) (uint64, error) {
	if f := l.failed.Load(); f != nil {
		return 0, *f
	}
	records := make([][]byte, 0, len(batch))
	for _, p := range batch {
		records = append(records, p.record)
	}
	set := encodeBatch(l.producer, records)
	for pause, tries := firstPause, 1; ; tries++ {
		base, err := l.produce(l.life, set)
		if err == nil {
			if err := l.look(l.life); l.life.Err() != nil {
				return 0, order.ErrClosed
			} else if err != nil {
				return 0, l.fail(err)
			}
			if base < l.acked {
				return 0, l.fail(l.corrupt(fmt.Sprintf("a record was given offset %d, records up to %d were acknowledged", base, l.acked)))
			}
			if tries > 1 {
				l.config.Logger.Info("Kafka takes records again", "topic", l.config.Topic, "tries", tries)
			}
			l.producer.advance(len(batch))
			l.acked = base + uint64(len(batch))
			l.reached(l.acked)
			return base, nil
		}
		if l.life.Err() != nil {
			return 0, order.ErrClosed
		}
		if tries == 1 {
			l.config.Logger.Warn("Kafka takes no records, trying again", "topic", l.config.Topic, "error", err)
		}
		if err := l.judge(l.life, err); err != nil {
			return 0, l.fail(err)
		}
		if pause, err = wait(l.life, pause); err != nil {
			return 0, order.ErrClosed
		}
	}
}

// fail ends the log for writing and returns why.
func (l *Log) fail(reason error) error {
	err := fmt.Errorf("%w: %w", order.ErrFailed, reason)
	l.failed.CompareAndSwap(nil, &err)
	return err
}

func (l *Log) produce(ctx context.Context, set []byte) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := l.client.RawProduce(ctx, &client.RawProduceRequest{
		Addr: l.client.Addr, Topic: l.config.Topic, RequiredAcks: client.RequireAll,
		RawRecords: protocol.RawRecordSet{Reader: bytes.NewReader(set)},
	})
	if err == nil {
		err = r.Error
	}
	if err == nil && r.BaseOffset < 0 {
		err = errors.New("the broker has the batch and does not say where")
	}
	if err != nil {
		return 0, err
	}
	return uint64(r.BaseOffset), nil
}
