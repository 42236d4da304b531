package aggregator

import (
	"context"
	"fmt"

	"github.com/librum/librum/aggregator/kernel"
	"github.com/librum/librum/aggregator/tensor"
)

// MaxVoters bounds the updates of a rule that looks at one beside the other: a
// tile of all of them has to fit a thread's memory.
const MaxVoters = 4096

// Stack is the updates of a round beside the model that they began from. A row
// is one update's numbers as float64, all rows of one tile lie beside each
// other. Its methods start no goroutine that outlives them.
type Stack struct {
	model   tensor.Layout
	in      *inputs
	places  []int // of the model's tensors in the updates' layout
	control []int // of their control variates there, -1 for none
	global  Source
	offsets []int64   // of the model's tensors in the global model's file
	scales  []float64 // nil: rows are the updates; else scale·(update − global)
}

// NewStack reads the headers of the global model and of the updates, which have
// the given layout: the model's own or that of [ControlLayout]. A rule that does
// not look at the global model may leave it out; it is all zeros then.
func NewStack(ctx context.Context, model, layout tensor.Layout, global Source, updates []Update) (*Stack, error) {
	if len(updates) > MaxVoters {
		return nil, fmt.Errorf("%w: %d updates; at most %d are allowed beside each other", ErrInput, len(updates), MaxVoters)
	}
	in, err := prepare(ctx, layout, updates)
	if err != nil {
		return nil, err
	}
	s := &Stack{model: model, in: in, global: global}
	if global.File != nil {
		if s.offsets, err = locate(model, Update{File: global.File, Size: global.Size}, headerLimit(model)); err != nil {
			return nil, fmt.Errorf("aggregate: global model: %w", err)
		}
	}
	for _, t := range model.Tensors() {
		place, ok := layout.Find(t.Name)
		if !ok {
			return nil, fmt.Errorf("%w: the updates' layout lacks tensor %q", ErrInput, t.Name)
		}
		s.places = append(s.places, place)
		if place, ok = layout.Find(ControlPrefix + t.Name); !ok {
			place = -1
		}
		s.control = append(s.control, place)
	}
	return s, nil
}

// Updates returns the updates in the order of the rows: bytewise by peer. The
// slice belongs to the stack.
func (s *Stack) Updates() []Update { return s.in.updates }

// Scale makes the rows differences from the global model, row i times
// scales[i].
func (s *Stack) Scale(scales []float64) { s.scales = scales }

// Relative reports whether the rows are differences from the global model.
func (s *Stack) Relative() bool { return s.scales != nil }

// elements is how many coordinates of so many rows a thread holds at a time:
// with the default tile two megabytes of them.
func elements(options Options, rows int) int {
	return max(16, min(blockElements, 2*options.TileBytes/max(rows, 1)))
}

// shelf is one thread's memory for tiles of all rows.
type shelf struct {
	stack  *Stack
	raw    []byte
	global []float64
	rows   [][]float64
	tiles  [][]float64 // the same, cut to a tile
}

func (s *Stack) newShelf(elements, rows int) *shelf {
	h := &shelf{stack: s, raw: kernel.NewTile(8 * elements), global: make([]float64, elements), rows: make([][]float64, rows), tiles: make([][]float64, rows)}
	for i := range h.rows {
		h.rows[i] = make([]float64, elements)
	}
	return h
}

// fill fills raw with the stored bytes of a tile of update i.
func (h *shelf) fill(ctx context.Context, raw []byte, place, i int, t tile) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	of, in := h.stack.model.Tensors()[t.tensor], h.stack.in
	if err := tensor.ReadFull(in.updates[i].File, raw, in.offsets[i][place]+t.first*of.DType.Size()); err != nil {
		return fmt.Errorf("read tensor %q of update %d: %w", of.Name, i, err)
	}
	return nil
}

// read returns the stored numbers of a tile of update i.
func (h *shelf) read(ctx context.Context, place, i int, t tile) ([]byte, error) {
	size := h.stack.model.Tensors()[t.tensor].DType.Size()
	raw := h.raw[:int64(t.elements)*size]
	if err := h.fill(ctx, raw, place, i, t); err != nil {
		return nil, err
	}
	kernel.ToHost(raw, int(size))
	return raw, nil
}

// origin returns the global model's tile.
func (h *shelf) origin(t tile) ([]float64, error) {
	of := h.stack.model.Tensors()[t.tensor]
	size := of.DType.Size()
	raw, dst := h.raw[:int64(t.elements)*size], h.global[:t.elements]
	if h.stack.offsets == nil {
		clear(dst)
		return dst, nil
	}
	if err := tensor.ReadFull(h.stack.global.File, raw, h.stack.offsets[t.tensor]+t.first*size); err != nil {
		return nil, fmt.Errorf("read tensor %q of the global model: %w", of.Name, err)
	}
	kernel.ToHost(raw, int(size))
	floatKernel(of.DType).Widen(dst, raw)
	return dst, nil
}

// row stores the tile's row of update i in dst; global is the same tile of the
// global model.
func (h *shelf) row(ctx context.Context, dst []float64, i int, t tile, global []float64) error {
	s := h.stack
	raw, err := h.read(ctx, s.places[t.tensor], i, t)
	if err != nil {
		return err
	}
	floatKernel(s.model.Tensors()[t.tensor].DType).Widen(dst, raw)
	if s.scales != nil {
		kernel.Relative(dst, global, s.scales[i])
	}
	return nil
}

// all returns the tile of every row and that of the global model; they lie in
// the shelf until the next call.
func (h *shelf) all(ctx context.Context, t tile) (rows [][]float64, global []float64, err error) {
	if global, err = h.origin(t); err != nil {
		return nil, nil, err
	}
	for i, row := range h.rows {
		h.tiles[i] = row[:t.elements]
		if err := h.row(ctx, h.tiles[i], i, t, global); err != nil {
			return nil, nil, err
		}
	}
	return h.tiles, global, nil
}
