package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"

	client "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/librum/librum/chain/order"
)

// maxFetchBytes bounds what one answer brings, beside one whole batch.
const maxFetchBytes = 16 << 20

// Read implements [order.Log].
func (l *Log) Read(ctx context.Context, from uint64, maxBytes int) ([]order.Entry, error) {
	entries, err := l.read(ctx, from, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("read topic %s from %d: %w", l.config.Topic, from, err)
	}
	return entries, nil
}

func (l *Log) read(caller context.Context, from uint64, maxBytes int) ([]order.Entry, error) {
	ctx, done := l.during(caller)
	defer done()
	at := from // where to wait: before from while the topic ends there
	for pause := firstPause; ; {
		if err := l.over(caller); err != nil {
			return nil, err
		}
		entries, err := l.fetch(ctx, at, from, maxBytes)
		switch {
		case err == nil && len(entries) > 0:
			if err := l.look(ctx); err != nil {
				return nil, errors.Join(l.over(caller), err)
			}
			l.reached(entries[len(entries)-1].Offset + 1)
			return entries, nil
		case err == nil:
			if at, pause = from, firstPause; l.known.Load() >= from {
				continue
			}
			// Nothing came, or nothing that reaches from: look where it ends.
			err = client.OffsetOutOfRange
		}
		if errors.Is(err, order.ErrCorrupt) {
			return nil, err
		}
		if errors.Is(err, client.OffsetOutOfRange) {
			first, end, err := l.bounds(caller)
			switch {
			case err != nil:
				return nil, err
			case from < first:
				return nil, fmt.Errorf("%w: the first is %d", order.ErrTrimmed, first)
			}
			at = min(from, end)
			continue
		}
		if err := l.over(caller); err != nil {
			return nil, err
		}
		if err := l.judge(ctx, err); err != nil {
			return nil, err
		}
		if pause == longestPause && l.silent.CompareAndSwap(false, true) { // once, for all that read
			l.config.Logger.Warn("Kafka gives no records, trying again", "topic", l.config.Topic, "error", err)
		}
		if pause, err = wait(ctx, pause); err != nil {
			return nil, l.over(caller)
		}
	}
}

// fetch asks for what stands at an offset, waiting a while if there is nothing,
// and returns the consecutive entries that start at from.
func (l *Log) fetch(ctx context.Context, at, from uint64, maxBytes int) ([]order.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTime+requestTime)
	defer cancel()
	r, err := l.client.Fetch(ctx, &client.FetchRequest{
		Addr: l.client.Addr, Topic: l.config.Topic, Offset: int64(at),
		MinBytes: 1, MaxBytes: int64(min(max(maxBytes, 1), maxFetchBytes)), MaxWait: pollTime,
	})
	if err == nil {
		err = r.Error
	}
	if err != nil {
		return nil, err
	}
	l.missing.Store(nil) // the leader has it
	if l.silent.CompareAndSwap(true, false) {
		l.config.Logger.Info("Kafka gives records again", "topic", l.config.Topic)
	}
	return l.collect(r.Records, from, maxBytes)
}

// collect takes entries off an answer. Batches are whole, so the first one may
// begin before from, and all of them may hold more than maxBytes.
func (l *Log) collect(records client.RecordReader, from uint64, maxBytes int) (entries []order.Entry, err error) {
	batches := []client.RecordReader{records}
	if stream, ok := records.(*protocol.RecordStream); ok {
		batches = stream.Records
	}
	size := 0
	for _, batch := range batches {
		_, control := batch.(*protocol.ControlBatch)
		for {
			r, err := batch.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			value, err := valueOf(r)
			if err != nil {
				return nil, err
			}
			if control {
				value = nil // Kafka's own, from a stranger's transaction; it has a place like any record
			}
			next := from + uint64(len(entries))
			switch offset := uint64(r.Offset); {
			case offset < next && len(entries) == 0:
				continue
			case offset != next:
				return nil, l.corrupt(fmt.Sprintf("offset %d follows %d; the topic was compacted or cut", offset, next))
			case len(entries) > 0 && size >= maxBytes:
				return entries, nil
			}
			entries = append(entries, order.Entry{Offset: next, Bytes: value})
			size += len(value)
		}
	}
	return entries, nil
}

// valueOf returns a copy of a record's value.
func valueOf(r *client.Record) ([]byte, error) {
	var value []byte
	var err error
	if r.Key != nil {
		err = r.Key.Close()
	}
	if r.Value != nil {
		if value, err = protocol.ReadAll(r.Value); err == nil {
			err = r.Value.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read a record: %w", err)
	}
	return value, nil
}
