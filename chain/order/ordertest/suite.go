package ordertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/order"
)

// patience bounds each wait of the suite; a passing one takes far less.
const patience = 30 * time.Second

// Run checks a driver. open returns an empty log of its own; who opened it sees
// to closing it, by t.Cleanup, and closing it twice does no harm.
func Run(t *testing.T, open func(t testing.TB) order.Log) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, func(testing.TB) order.Log){
		"Empty": testEmpty, "AppendRead": testAppendRead, "ReadWaits": testReadWaits,
		"Concurrent": testConcurrent, "Sizes": testSizes, "CallerKeepsBuffer": testCallerKeepsBuffer,
		"Trim": testTrim, "Cancelled": testCancelled, "Topic": testTopic, "Closed": testClosed,
		"Model": testModel,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// ReadAll returns the records from an offset to the end of the log.
func ReadAll(ctx context.Context, l order.Log, from uint64) ([][]byte, error) {
	end, err := l.End(ctx)
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for next := from; next < end; {
		entries, err := l.Read(ctx, next, 64<<10)
		if err != nil {
			return all, err
		}
		if len(entries) == 0 {
			return all, fmt.Errorf("read at offset %d returned nothing", next)
		}
		for _, e := range entries {
			if e.Offset != next {
				return all, fmt.Errorf("read returned offset %d, want %d", e.Offset, next)
			}
			if next < end {
				all = append(all, e.Bytes)
			}
			next++
		}
	}
	return all, nil
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func mustAppend(t testing.TB, l order.Log, record []byte) uint64 {
	t.Helper()
	offset, err := l.Append(within(t), record)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return offset
}

func testEmpty(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	l := open(t)
	if end, err := l.End(within(t)); err != nil || end != 0 {
		t.Fatalf("end is %d, %v; want 0", end, err)
	}
	ctx, cancel := context.WithTimeout(within(t), time.Millisecond)
	defer cancel()
	if entries, err := l.Read(ctx, 0, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("read of an empty log returned %d entries, %v; want the deadline", len(entries), err)
	}
}

func testAppendRead(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	l := open(t)
	var want [][]byte
	for i := range 20 {
		record := bytes.Repeat([]byte{byte(i)}, 100)
		if offset := mustAppend(t, l, record); offset != uint64(i) {
			t.Fatalf("offset is %d, want %d", offset, i)
		}
		want = append(want, record)
	}
	for from := range want {
		for _, maxBytes := range []int{-1, 0, 1, 100, 101, 250, 1 << 20} {
			entries, err := l.Read(within(t), uint64(from), maxBytes)
			if err != nil || len(entries) == 0 {
				t.Fatalf("read from %d: %d entries, %v", from, len(entries), err)
			}
			if before := 100 * (len(entries) - 1); before > 0 && before >= maxBytes {
				t.Errorf("read from %d of %d bytes returned %d entries of 100", from, maxBytes, len(entries))
			}
			for i, e := range entries {
				if e.Offset != uint64(from+i) || !bytes.Equal(e.Bytes, want[from+i]) {
					t.Fatalf("entry %d of read from %d: offset %d, bytes %x", i, from, e.Offset, e.Bytes)
				}
			}
		}
	}
}

func testReadWaits(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	l := open(t)
	ctx := within(t)
	got := make(chan error, 1)
	go func() {
		entries, err := l.Read(ctx, 1, 1)
		if err == nil && (len(entries) != 1 || entries[0].Offset != 1 || string(entries[0].Bytes) != "second") {
			err = fmt.Errorf("read returned %v", entries)
		}
		got <- err
	}()
	mustAppend(t, l, []byte("first"))
	mustAppend(t, l, []byte("second"))
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}

func testConcurrent(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	l := open(t)
	ctx := within(t)
	const writers, each, readers = 8, 40, 3
	var group sync.WaitGroup
	seen := make([][][]byte, readers)
	errs := make(chan error, writers+readers)
	for r := range readers {
		group.Go(func() {
			for len(seen[r]) < writers*each {
				entries, err := l.Read(ctx, uint64(len(seen[r])), 1000)
				if err != nil {
					errs <- err
					return
				}
				for _, e := range entries {
					if e.Offset != uint64(len(seen[r])) {
						errs <- fmt.Errorf("reader %d: offset %d, want %d", r, e.Offset, len(seen[r]))
						return
					}
					seen[r] = append(seen[r], e.Bytes)
				}
			}
		})
	}
	offsets := make([][]uint64, writers)
	for w := range writers {
		group.Go(func() {
			for i := range each {
				offset, err := l.Append(ctx, fmt.Appendf(nil, "%d/%d", w, i))
				if err != nil {
					errs <- err
					return
				}
				offsets[w] = append(offsets[w], offset)
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	for w := range writers {
		for i, offset := range offsets[w] {
			if i > 0 && offset <= offsets[w][i-1] {
				t.Errorf("writer %d: offset %d after %d", w, offset, offsets[w][i-1])
			}
			for r := range readers {
				if want := fmt.Sprintf("%d/%d", w, i); string(seen[r][offset]) != want {
					t.Fatalf("reader %d: offset %d holds %q, want %q", r, offset, seen[r][offset], want)
				}
			}
		}
	}
}

func testSizes(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	l := open(t)
	if _, err := l.Append(within(t), make([]byte, order.MaxRecordBytes+1)); !errors.Is(err, order.ErrTooLarge) {
		t.Fatalf("append of a record that is too large: %v, want ErrTooLarge", err)
	}
	sizes := []int{order.MaxRecordBytes, 0, 1, order.MaxRecordBytes - 1}
	for i, size := range sizes {
		mustAppend(t, l, bytes.Repeat([]byte{byte(i + 1)}, size))
	}
	all, err := ReadAll(within(t), l, 0)
	if err != nil || len(all) != len(sizes) {
		t.Fatalf("read %d records, %v; want %d", len(all), err, len(sizes))
	}
	for i, size := range sizes {
		if !bytes.Equal(all[i], bytes.Repeat([]byte{byte(i + 1)}, size)) {
			t.Errorf("record %d has %d bytes, want %d of value %d", i, len(all[i]), size, i+1)
		}
	}
}

func testCallerKeepsBuffer(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	l := open(t)
	record := []byte("before")
	mustAppend(t, l, record)
	copy(record, "after!")
	all, err := ReadAll(within(t), l, 0)
	if err != nil || len(all) != 1 || string(all[0]) != "before" {
		t.Fatalf("read %q, %v; want what was appended", all, err)
	}
}

func testTrim(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	l := open(t)
	const records, before = 200, 120
	for i := range records {
		mustAppend(t, l, bytes.Repeat([]byte{byte(i)}, 500))
	}
	if err := l.Trim(within(t), before); err != nil {
		t.Fatal(err)
	}
	all, err := ReadAll(within(t), l, before)
	if err != nil || len(all) != records-before {
		t.Fatalf("read %d records behind the trimmed ones, %v; want %d", len(all), err, records-before)
	}
	for offset := range uint64(before) {
		entries, err := l.Read(within(t), offset, 1)
		if errors.Is(err, order.ErrTrimmed) {
			continue
		}
		if err != nil || entries[0].Offset != offset || entries[0].Bytes[0] != byte(offset) {
			t.Fatalf("read at %d: %v, %v; want the record or ErrTrimmed", offset, entries, err)
		}
	}
	if offset := mustAppend(t, l, nil); offset != records {
		t.Errorf("offset after trimming is %d, want %d", offset, records)
	}
}

func testCancelled(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	l := open(t)
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	if _, err := l.Append(ctx, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v, want context.Canceled", err)
	}
	if _, err := l.Read(ctx, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want context.Canceled", err)
	}
	if _, err := l.End(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("end: %v, want context.Canceled", err)
	}
}

func testTopic(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	a, b := open(t), open(t)
	if a.Topic().IsZero() || a.Topic() == b.Topic() {
		t.Errorf("topics are %s and %s, want two that differ", a.Topic(), b.Topic())
	}
}

func testClosed(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	l := open(t)
	c, ok := l.(io.Closer)
	if !ok {
		t.Skip("this log is not closed")
	}
	waiting := make(chan error, 1)
	ctx := within(t)
	go func() {
		_, err := l.Read(ctx, 0, 1)
		waiting <- err
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; !errors.Is(err, order.ErrClosed) {
		t.Errorf("waiting read: %v, want ErrClosed", err)
	}
	if _, err := l.Append(ctx, []byte("x")); !errors.Is(err, order.ErrClosed) {
		t.Errorf("append: %v, want ErrClosed", err)
	}
	if _, err := l.Read(ctx, 0, 1); !errors.Is(err, order.ErrClosed) {
		t.Errorf("read: %v, want ErrClosed", err)
	}
	if _, err := l.End(ctx); !errors.Is(err, order.ErrClosed) {
		t.Errorf("end: %v, want ErrClosed", err)
	}
}

// testModel compares the log with a slice, its naive twin.
func testModel(t *testing.T, open func(testing.TB) order.Log) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		l := open(t)
		ctx := within(t)
		if c, ok := l.(io.Closer); ok {
			defer func() { _ = c.Close() }() // so that no more than one is open at a time
		}
		var model [][]byte
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				record := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(rt, "record")
				offset, err := l.Append(ctx, record)
				if err != nil || offset != uint64(len(model)) {
					rt.Fatalf("append: offset %d, %v; want %d", offset, err, len(model))
				}
				model = append(model, bytes.Clone(record))
			},
			"read": func(rt *rapid.T) {
				if len(model) == 0 {
					rt.Skip("nothing to read")
				}
				from := rapid.IntRange(0, len(model)-1).Draw(rt, "from")
				entries, err := l.Read(ctx, uint64(from), rapid.IntRange(1, 10_000).Draw(rt, "bytes"))
				if err != nil || len(entries) == 0 {
					rt.Fatalf("read: %d entries, %v", len(entries), err)
				}
				for i, e := range entries {
					if e.Offset != uint64(from+i) || !bytes.Equal(e.Bytes, model[from+i]) {
						rt.Fatalf("entry %d: offset %d", i, e.Offset)
					}
				}
			},
			"": func(rt *rapid.T) {
				if end, err := l.End(ctx); err != nil || end != uint64(len(model)) {
					rt.Fatalf("end is %d, %v; want %d", end, err, len(model))
				}
			},
		})
	})
}
