package aggregator_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/aggregatortest"
	"github.com/librum/librum/aggregator/kernel"
	"github.com/librum/librum/aggregator/tensor"
)

func source(file []byte) aggregator.Source {
	return aggregator.Source{File: bytes.NewReader(file), Size: int64(len(file))}
}

// squares measures each row's squared distance from the global model.
func squares() aggregator.Measure {
	return func(sums []float64, rows [][]float64, global []float64) { kernel.Squares(sums, rows, global) }
}

// TestReduceIsIndependent holds aggregator(5): the sums do not depend on tiles
// and threads.
func TestReduceIsIndependent(t *testing.T) {
	t.Parallel()
	model := aggregatortest.Mixed(t, 9000)
	updates := aggregatortest.Updates(t, model, 5, 3)
	stack, err := aggregator.NewStack(t.Context(), model, model, source(aggregatortest.File(t, model, 77, 0.1)), updates)
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	for _, options := range []aggregator.Options{{Threads: 1}, {TileBytes: 64, Threads: 3}, {TileBytes: 5000, Threads: 7}, {TileBytes: 1 << 20, Threads: 2}} {
		got, err := stack.Reduce(t.Context(), len(updates), options, squares)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) || slices.Contains(got, 0) {
			t.Errorf("%+v: %v, want %v", options, got, want)
		}
	}
}

// TestStackFailures lets reading and writing fail in the middle of each kind of
// pass: the failure itself comes back, and no thread is left (goleak looks).
func TestStackFailures(t *testing.T) {
	t.Parallel()
	model, broken := float32Model(t, 20_000), errors.New("the disk is on fire")
	updates := aggregatortest.Updates(t, model, 3, 1)
	global := aggregatortest.File(t, model, 9, 0.1)
	options := aggregator.Options{TileBytes: 64, Threads: 5}
	server := &aggregator.Server{Slots: 1, Step: func(x, delta, memory, _ []float64) { kernel.Momentum(x, delta, memory, 1, 0.9) }}
	combination := aggregator.Combination{Mean: aggregator.Mean{Keep: 1}, Server: server}
	for _, at := range []int64{1, 40_000, 79_900} {
		bad := slices.Clone(updates)
		bad[1].File = failingFile{bad[1].File, at, broken}
		stack, err := aggregator.NewStack(t.Context(), model, model, source(global), bad)
		if errors.Is(err, broken) {
			continue // the header already
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stack.Reduce(t.Context(), 3, options, squares); !errors.Is(err, broken) {
			t.Errorf("reduce, reading fails at byte %d: %v", at, err)
		}
		if _, _, err := stack.Combine(t.Context(), combination, io.Discard, io.Discard, options); !errors.Is(err, broken) {
			t.Errorf("combine, reading fails at byte %d: %v", at, err)
		}
	}
	stack, err := aggregator.NewStack(t.Context(), model, model, source(global), updates)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{1, 70_000} {
		if _, _, err := stack.Combine(t.Context(), combination, &failingWriter{at, broken}, io.Discard, options); !errors.Is(err, broken) {
			t.Errorf("writing the model fails at byte %d: %v", at, err)
		}
		if _, _, err := stack.Combine(t.Context(), combination, io.Discard, &failingWriter{at, broken}, options); !errors.Is(err, broken) {
			t.Errorf("writing the state fails at byte %d: %v", at, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := stack.Reduce(ctx, 3, options, squares); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestStackRefuses holds what is refused before anything is averaged: too many
// updates, a global model or a state of another layout.
func TestStackRefuses(t *testing.T) {
	t.Parallel()
	model, other := float32Model(t, 10), float32Model(t, 11)
	updates := aggregatortest.Updates(t, model, 2, 1)
	global := aggregatortest.File(t, model, 9, 0.1)
	if _, err := aggregator.NewStack(t.Context(), model, model, source(aggregatortest.File(t, other, 9, 0.1)), updates); err == nil {
		t.Error("a global model of another shape is taken")
	}
	many := make([]aggregator.Update, aggregator.MaxVoters+1)
	if _, err := aggregator.NewStack(t.Context(), model, model, source(global), many); !errors.Is(err, aggregator.ErrInput) {
		t.Errorf("%d updates: %v", len(many), err)
	}
	stack, err := aggregator.NewStack(t.Context(), model, model, source(global), updates)
	if err != nil {
		t.Fatal(err)
	}
	state := source(global)
	combination := aggregator.Combination{
		Mean:   aggregator.Mean{Keep: 1},
		Server: &aggregator.Server{Slots: 1, Step: func(_, _, _, _ []float64) {}}, State: &state,
	}
	_, _, err = stack.Combine(t.Context(), combination, io.Discard, io.Discard, aggregator.Options{})
	if reason, ok := aggregator.ReasonOf(err); !ok || reason != aggregator.RefusedShape {
		t.Errorf("a model for a state: %v", err)
	}
}

// TestStackMemoryIsFlat holds aggregator(5) by what is allocated in all: four
// times the model takes no more.
func TestStackMemoryIsFlat(t *testing.T) { //nolint:paralleltest // it counts the process's allocations
	for _, n := range []int64{500_000, 2_000_000} {
		model := float32Model(t, n)
		updates := aggregatortest.Updates(t, model, 6, 1)
		stack, err := aggregator.NewStack(t.Context(), model, model, source(aggregatortest.File(t, model, 2, 0.1)), updates)
		if err != nil {
			t.Fatal(err)
		}
		got := allocated(func() {
			options := aggregator.Options{Threads: 2}
			if _, err := stack.Reduce(t.Context(), 6, options, squares); err != nil {
				t.Error(err)
			}
			if _, _, err := stack.Combine(t.Context(), aggregator.Combination{Mean: aggregator.Mean{Keep: 2}}, io.Discard, io.Discard, options); err != nil {
				t.Error(err)
			}
		})
		if got > 20<<20 {
			t.Errorf("%d coordinates: %d bytes allocated", n, got)
		}
	}
}

// TestStateLayout holds the names and types inside a state.
func TestStateLayout(t *testing.T) {
	t.Parallel()
	model := aggregatortest.Mixed(t, 3)
	layout, err := aggregator.StateLayout(model, 2, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range layout.Tensors() {
		if of.DType != tensor.F64 {
			t.Errorf("%s is %s", of.Name, of.DType)
		}
	}
	at, ok := layout.Find("server/t.F32")
	if _, norm := layout.Find("clip/norm"); !ok || !norm || !slices.Equal(layout.Tensors()[at].Shape, []int64{3, 2}) {
		t.Errorf("the state's tensors are %+v", layout.Tensors())
	}
	if _, found := layout.Find("server/t.I64"); found {
		t.Error("an integer tensor has a state")
	}
}
