package aggregator

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/librum/librum/aggregator/kernel"
	"github.com/librum/librum/aggregator/tensor"
)

// Mean says what becomes of a coordinate's rows: Σ Weights·row / Total, or,
// without weights, a mean by rank.
type Mean struct {
	Weights []float64 // of the rows; a row of weight 0 is not read
	Total   float64   // above 0

	Rows    []int // the rows that a mean by rank takes; nil means all
	Keep    int   // how many of them it averages, 1 or more: those in the middle
	Nearest bool  // those nearest to the median instead

	// Integers weigh the rows for integer tensors, which are averaged in 128
	// bits. Without them an integer is the mean of the ranks in the middle, of
	// the median where Keep is not a number of ranks.
	Integers []uint64
}

// Server is a server optimiser: it takes the mean of the updates less the
// global model for a gradient.
type Server struct {
	Slots   int  // numbers that it remembers of each coordinate
	Control bool // the updates carry control variates

	// Step turns a tile x of the global model into the next one's. delta is the
	// gradient, memory what is remembered, Slots numbers a coordinate, changed
	// in place; control the sum of the updates' control variates.
	Step func(x, delta, memory, control []float64)
}

// Combination is the last pass of a rule.
type Combination struct {
	Mean   Mean
	Server *Server  // nil: the mean is the next model
	State  *Source  // what the server remembers; nil in the first round
	Norm   *float64 // the clipping norm to be remembered, nil for none
}

// Combine writes the next global model and, where the combination remembers
// anything, the state for the next round; state may be nil otherwise. Integer
// tensors are the mean's, whatever the server.
func (s *Stack) Combine(ctx context.Context, c Combination, model, state io.Writer, options Options) (next, memory Result, err error) {
	options, err = options.orDefault()
	if err != nil {
		return next, memory, err
	}
	b := &blender{stack: s, Combination: c, elements: elements(options, len(s.in.updates))}
	if c.Mean.Weights != nil && c.Mean.Integers != nil { // one row at a time
		b.elements = options.TileBytes / 4
	}
	ahead := max(readyBytes/(8*b.elements), options.Threads)
	digest, stateDigest := sha256.New(), sha256.New()
	w, err := tensor.NewWriter(io.MultiWriter(digest, model), s.model)
	if err != nil {
		return next, memory, fmt.Errorf("aggregate: %w", err)
	}
	run := &run{tensors: s.model.Tensors(), elements: b.elements, out: newSequence(w, ahead)}
	var sw *tensor.Writer
	if b.remembers() {
		if sw, err = b.begin(io.MultiWriter(stateDigest, state)); err != nil {
			return next, memory, fmt.Errorf("aggregate: state: %w", err)
		}
		run.state = newSequence(sw, ahead)
	}
	if err := run.all(ctx, options.Threads, func() compute { return b.thread() }); err != nil {
		return next, memory, fmt.Errorf("aggregate: %w", err)
	}
	if err := w.Close(); err != nil {
		return next, memory, fmt.Errorf("aggregate: %w", err)
	}
	next = s.in.result(digest, s.model)
	if sw != nil {
		if err := sw.Close(); err != nil {
			return next, memory, fmt.Errorf("aggregate: state: %w", err)
		}
		memory = s.in.result(stateDigest, b.layout)
	}
	return next, memory, nil
}

// blender is a combination at work.
type blender struct {
	Combination
	stack    *Stack
	elements int
	layout   tensor.Layout // of the state
	offsets  []int64       // of the model's tensors in the state read, if there is one
}

func (b *blender) slots() int {
	if b.Server == nil {
		return 0
	}
	return b.Server.Slots
}

func (b *blender) remembers() bool { return b.slots() > 0 || b.Norm != nil }

// begin finds what is remembered and writes the head of the next state.
func (b *blender) begin(w io.Writer) (*tensor.Writer, error) {
	var err error
	if b.layout, err = StateLayout(b.stack.model, b.slots(), b.Norm != nil); err != nil {
		return nil, err
	}
	if b.State != nil {
		at, err := b.State.locate(b.layout)
		if err != nil {
			return nil, err
		}
		for _, t := range b.stack.model.Tensors() {
			place, ok := b.layout.Find(serverPrefix + t.Name)
			if !ok {
				b.offsets = append(b.offsets, -1)
				continue
			}
			b.offsets = append(b.offsets, at[place])
		}
	}
	out, err := tensor.NewWriter(w, b.layout)
	if err != nil || b.Norm == nil {
		return out, err
	}
	_, err = out.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(*b.Norm)))
	return out, err
}

// ReadNorm returns the clipping norm that a state holds.
func ReadNorm(state Source, layout tensor.Layout) (float64, error) {
	at, err := state.locate(layout)
	if err != nil {
		return 0, fmt.Errorf("aggregate: state: %w", err)
	}
	place, ok := layout.Find(normName)
	if !ok {
		return 0, fmt.Errorf("%w: the state has no clipping norm", ErrInput)
	}
	var raw [8]byte
	if err := tensor.ReadFull(state.File, raw[:], at[place]); err != nil {
		return 0, fmt.Errorf("aggregate: state: %w", err)
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(raw[:])), nil
}

// blend is one thread's memory.
type blend struct {
	*blender
	shelf   *shelf
	acc     []float64
	control []float64
	memory  []float64
	state   []byte
	whole   *fold // for weighted integers

	chosen       []int // the rows of a mean by rank
	keys         [][]int64
	memoryOfKeys []int64
}

func (b *blender) thread() compute {
	t := &blend{blender: b, shelf: b.stack.newShelf(b.elements, 1), acc: make([]float64, b.elements)}
	t.whole = &fold{raw: t.shelf.raw, wide: t.acc}
	if b.Mean.Weights == nil || b.Mean.Integers == nil {
		t.chosen = b.Mean.Rows
		for i := range b.stack.in.updates {
			if b.Mean.Rows == nil {
				t.chosen = append(t.chosen, i)
			}
		}
		t.memoryOfKeys = make([]int64, len(t.chosen)*b.elements)
		t.keys = make([][]int64, len(t.chosen))
	}
	if n := b.slots() * b.elements; n > 0 {
		t.memory, t.state, t.control = make([]float64, n), kernel.NewTile(8*n), make([]float64, b.elements)
	}
	return t.tile
}

func (b *blend) tile(ctx context.Context, t tile) (model, state []byte, err error) {
	of := b.stack.model.Tensors()[t.tensor]
	if !of.DType.Float() {
		model, err = b.integers(ctx, of, t)
		return model, nil, err
	}
	model, state, at, err := b.floats(ctx, of, t)
	if errors.Is(err, errNotFinite) {
		err = fmt.Errorf("%w: tensor %q, element %d", ErrNotFinite, of.Name, t.first+int64(at))
	}
	return model, state, err
}

// floats makes one tile of a float tensor.
func (b *blend) floats(ctx context.Context, of tensor.Tensor, t tile) (model, state []byte, at int, err error) {
	var x []float64
	if b.Server != nil || b.stack.Relative() {
		if x, err = b.shelf.origin(t); err != nil {
			return nil, nil, 0, err
		}
	}
	mean := b.acc[:t.elements]
	if err := b.mean(ctx, mean, t, x); err != nil {
		return nil, nil, 0, err
	}
	switch {
	case b.Server != nil:
		if !b.stack.Relative() {
			kernel.Sub(mean, x)
		}
		if state, err = b.step(ctx, x, mean, t); err != nil {
			return nil, nil, 0, err
		}
		kernel.Clamp(x, largest(of.DType)) // a step must not leave what can be stored
		mean = x
	case b.stack.Relative():
		kernel.Add(mean, x)
		kernel.Clamp(mean, largest(of.DType))
	}
	if at := kernel.FirstNotBelow(mean, math.Inf(1)); at >= 0 {
		return nil, nil, at, errNotFinite
	}
	raw := b.shelf.raw[:int64(t.elements)*of.DType.Size()]
	floatKernel(of.DType).Mean(raw, mean, 1)
	kernel.ToHost(raw, int(of.DType.Size()))
	return raw, state, 0, nil
}

// mean stores the mean of the rows in dst.
func (b *blend) mean(ctx context.Context, dst []float64, t tile, global []float64) error {
	if b.Mean.Weights != nil {
		clear(dst)
		row := b.shelf.rows[0][:t.elements]
		for i, w := range b.Mean.Weights {
			if w == 0 {
				continue
			}
			if err := b.shelf.row(ctx, row, i, t, global); err != nil {
				return err
			}
			kernel.AddScaled(dst, row, w)
		}
		kernel.Divide(dst, b.Mean.Total)
		return nil
	}
	err := b.sorted(t, func(i int, keys []int64) error {
		row := b.shelf.rows[0][:t.elements]
		if err := b.shelf.row(ctx, row, i, t, global); err != nil {
			return err
		}
		kernel.Keys(keys, row)
		return nil
	})
	if err != nil {
		return err
	}
	if b.Mean.Nearest {
		kernel.Nearest(dst, b.keys, b.Mean.Keep)
		return nil
	}
	first, last := middle(len(b.keys), b.Mean.Keep)
	kernel.Middle(dst, b.keys, first, last)
	return nil
}

// middle returns the first and the last of the keep ranks in the middle of n.
func middle(n, keep int) (first, last int) {
	first = (n - keep) / 2
	return first, first + keep - 1
}

// sorted fills the keys with the rows that take part and sorts them.
func (b *blend) sorted(t tile, fill func(i int, keys []int64) error) error {
	for at, i := range b.chosen {
		b.keys[at] = b.memoryOfKeys[at*t.elements : (at+1)*t.elements]
		if err := fill(i, b.keys[at]); err != nil {
			return err
		}
	}
	kernel.Sort(b.keys)
	return nil
}

// step lets the server step from x and returns the tile of its state.
func (b *blend) step(ctx context.Context, x, delta []float64, t tile) ([]byte, error) {
	slots := b.Server.Slots
	memory, raw := b.memory[:slots*t.elements], b.state[:8*slots*t.elements]
	clear(memory)
	if b.offsets != nil && slots > 0 {
		off := b.offsets[t.tensor] + 8*int64(slots)*t.first
		if err := tensor.ReadFull(b.State.File, raw, off); err != nil {
			return nil, fmt.Errorf("read the state of tensor %q: %w", b.stack.model.Tensors()[t.tensor].Name, err)
		}
		kernel.ToHost(raw, 8)
		kernel.F64{}.Widen(memory, raw)
	}
	var control []float64
	if b.Server.Control {
		control = b.control[:t.elements]
		clear(control)
		row := b.shelf.rows[0][:t.elements]
		for i := range b.stack.in.updates {
			stored, err := b.shelf.read(ctx, b.stack.control[t.tensor], i, t)
			if err != nil {
				return nil, err
			}
			floatKernel(b.stack.model.Tensors()[t.tensor].DType).Widen(row, stored)
			kernel.Add(control, row)
		}
	}
	b.Server.Step(x, delta, memory, control)
	kernel.Clamp(memory, largest(tensor.F64))
	kernel.F64{}.Mean(raw, memory, 1)
	kernel.ToHost(raw, 8)
	return raw, nil
}

// largest is the largest number of a type that a model may hold.
func largest(d tensor.DType) float64 {
	switch d {
	case tensor.F32:
		return math.MaxFloat32
	case tensor.F16:
		return 65504
	case tensor.BF16:
		return 0x1.fep127
	default:
		return math.Nextafter(kernel.Bound, 0)
	}
}

// integers makes one tile of an integer tensor.
func (b *blend) integers(ctx context.Context, of tensor.Tensor, t tile) ([]byte, error) {
	place := b.stack.places[t.tensor]
	if w := b.Mean.Integers; w != nil {
		total := uint64(0)
		for _, w := range w {
			total += w
		}
		out, _, err := b.whole.mean(of.DType, t.elements, w, total, func(i int, raw []byte) error {
			return b.shelf.fill(ctx, raw, place, i, t)
		})
		return out, err
	}
	k := integerKernel(of.DType)
	err := b.sorted(t, func(i int, keys []int64) error {
		raw, err := b.shelf.read(ctx, place, i, t)
		if err == nil {
			k.Keys(keys, raw)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	keep := b.Mean.Keep
	if b.Mean.Nearest || b.Mean.Weights != nil {
		keep = 2 - len(b.keys)%2
	}
	first, last := middle(len(b.keys), keep)
	raw := b.shelf.raw[:int64(t.elements)*of.DType.Size()]
	k.Middle(raw, b.keys, first, last)
	kernel.ToHost(raw, int(of.DType.Size()))
	return raw, nil
}
