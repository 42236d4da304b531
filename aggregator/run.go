package aggregator

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/aggregator/tensor"
)

// run is one aggregation at work.
type run struct {
	tensors  []tensor.Tensor
	elements int       // of a full tile
	out      *sequence // the model
	state    *sequence // the server's state, nil if there is none

	mu     sync.Mutex // guards the cursor below
	tensor int
	done   int64 // elements of that tensor already handed out
	number int   // of the next tile
}

// compute makes one tile of the model and, where there is one, of the state.
// What it returns is used before its next call.
type compute func(ctx context.Context, t tile) (model, state []byte, err error)

// tile is a piece of one tensor.
type tile struct {
	number   int // in the order of the file
	tensor   int
	first    int64 // element
	elements int
}

// next hands out the tiles in the order of the file.
func (r *run) next() (tile, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ; r.tensor < len(r.tensors); r.tensor, r.done = r.tensor+1, 0 {
		left := r.tensors[r.tensor].Elements() - r.done
		if left == 0 {
			continue
		}
		t := tile{number: r.number, tensor: r.tensor, first: r.done, elements: int(min(left, int64(r.elements)))}
		r.done += int64(t.elements)
		r.number++
		return t, true
	}
	return tile{}, false
}

// all makes every tile, with so many threads that each have a compute of their
// own.
func (r *run) all(ctx context.Context, threads int, thread func() compute) error {
	group, ctx := errgroup.WithContext(ctx)
	for range threads {
		group.Go(func() error { return r.work(ctx, thread()) })
	}
	return group.Wait()
}

// work makes tiles until none is left. Whoever fails stops the others, also
// those that wait for room.
func (r *run) work(ctx context.Context, compute compute) error {
	for {
		t, ok := r.next()
		if !ok {
			return nil
		}
		model, state, err := compute(ctx, t)
		if err == nil {
			err = r.out.write(t.number, model)
		}
		if err == nil && r.state != nil {
			err = r.state.write(t.number, state)
		}
		if err != nil {
			r.stop(err)
			return err
		}
	}
}

func (r *run) stop(err error) {
	r.out.stop(err)
	if r.state != nil {
		r.state.stop(err)
	}
}

// average computes one tile of the weighted mean.
func (in *inputs) average(ctx context.Context, f *fold, of tensor.Tensor, t tile) ([]byte, error) {
	off := t.first * of.DType.Size()
	out, at, err := f.mean(of.DType, t.elements, in.weights, in.total, func(i int, raw []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := tensor.ReadFull(in.updates[i].File, raw, in.offsets[i][t.tensor]+off); err != nil {
			return fmt.Errorf("read tensor %q of update %d: %w", of.Name, i, err)
		}
		return nil
	})
	if errors.Is(err, errNotFinite) {
		return nil, fmt.Errorf("%w: tensor %q, element %d", ErrNotFinite, of.Name, t.first+int64(at))
	}
	return out, err
}
