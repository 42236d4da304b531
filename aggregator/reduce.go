package aggregator

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/aggregator/kernel"
)

// blockElements is the block of kernel(5).
const blockElements = 4096

// Measure adds to sums what the coordinates of one tile come to, in index
// order: rows are all updates' tiles, global is the global model's. It may
// change the rows.
type Measure func(sums []float64, rows [][]float64, global []float64)

// Reduce sums width numbers over all coordinates of the float tensors: in index
// order inside blocks of 4,096 of one tensor, then block by block, tensors by
// name, whatever tiles and threads. Each thread has a measure of its own.
func (s *Stack) Reduce(ctx context.Context, width int, options Options, thread func() Measure) ([]float64, error) {
	options, err := options.orDefault()
	if err != nil {
		return nil, err
	}
	blocks := &run{tensors: s.model.Tensors(), elements: blockElements}
	total := newTotal(width)
	group, ctx := errgroup.WithContext(ctx)
	for range options.Threads {
		group.Go(func() error {
			err := s.reduce(ctx, blocks, total, elements(options, len(s.in.updates)), thread())
			if err != nil {
				total.stop(err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("aggregate: %w", err)
	}
	return total.sums, nil
}

// reduce sums blocks until none is left.
func (s *Stack) reduce(ctx context.Context, blocks *run, total *total, elements int, measure Measure) error {
	h, sums := s.newShelf(elements, len(s.in.updates)), make([]float64, len(total.sums))
	for {
		block, ok := blocks.next()
		if !ok {
			return nil
		}
		clear(sums)
		part := block
		for done := 0; done < block.elements && s.model.Tensors()[block.tensor].DType.Float(); done += part.elements {
			part.first = block.first + int64(done)
			part.elements = min(elements, block.elements-done)
			rows, global, err := h.all(ctx, part)
			if err != nil {
				return err
			}
			measure(sums, rows, global)
		}
		if err := total.add(block.number, sums); err != nil {
			return err
		}
	}
}

// total adds up the blocks' sums in the order of the blocks.
type total struct {
	mu   sync.Mutex
	turn sync.Cond // next moved on, or err is set
	next int
	sums []float64
	err  error
}

func newTotal(width int) *total {
	t := &total{sums: make([]float64, width)}
	t.turn.L = &t.mu
	return t
}

// add waits until the blocks before were added. The block whose turn it is
// never waits, so that someone always moves.
func (t *total) add(number int, sums []float64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for number != t.next && t.err == nil {
		t.turn.Wait()
	}
	if t.err != nil {
		return t.err
	}
	kernel.Add(t.sums, sums)
	t.next++
	t.turn.Broadcast()
	return nil
}

// stop ends the sum; those who wait return err too.
func (t *total) stop(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
	t.turn.Broadcast()
}
