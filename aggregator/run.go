package aggregator

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/librum/librum/aggregator/tensor"
)

// run is one aggregation at work.
type run struct {
	inputs   *inputs
	tensors  []tensor.Tensor
	elements int // of a full tile
	out      *sequence

	mu     sync.Mutex // guards the cursor below
	tensor int
	done   int64 // elements of that tensor already handed out
	number int   // of the next tile
}

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

// work averages tiles until none is left. Whoever fails stops the others,
// also those that wait for room.
func (r *run) work(ctx context.Context) error {
	f := newFold(r.elements)
	for {
		t, ok := r.next()
		if !ok {
			return nil
		}
		out, err := r.average(ctx, f, t)
		if err == nil {
			err = r.out.write(t.number, out)
		}
		if err != nil {
			r.out.stop(err)
			return err
		}
	}
}

// average computes one tile.
func (r *run) average(ctx context.Context, f *fold, t tile) ([]byte, error) {
	in, of := r.inputs, r.tensors[t.tensor]
	off := t.first * of.DType.Size()
	out, at, err := f.mean(of.DType, t.elements, in.weights, in.total, func(i int, raw []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := tensor.ReadFull(in.files[i], raw, in.offsets[i][t.tensor]+off); err != nil {
			return fmt.Errorf("read tensor %q of update %d: %w", of.Name, i, err)
		}
		return nil
	})
	if errors.Is(err, errNotFinite) {
		return nil, fmt.Errorf("%w: tensor %q, element %d", ErrNotFinite, of.Name, t.first+int64(at))
	}
	return out, err
}
