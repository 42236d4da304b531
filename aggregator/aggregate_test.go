package aggregator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/aggregatortest"
	"github.com/librum/librum/aggregator/tensor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// float32Model is one tensor of n float32.
func float32Model(t testing.TB, n int64) tensor.Layout {
	t.Helper()
	return aggregatortest.Layout(t, tensor.Tensor{Name: "w", DType: tensor.F32, Shape: []int64{n}})
}

// update makes an update out of float32 values of the model of that size.
func update(t testing.TB, peer string, weight uint64, values ...float32) aggregator.Update {
	t.Helper()
	file := aggregatortest.Encode(t, float32Model(t, int64(len(values))), tensor.AppendFloat32(nil, values))
	return aggregator.Update{Peer: []byte(peer), File: bytes.NewReader(file), Size: int64(len(file)), Weight: weight}
}

// TestWeightedMean is McMahan et al. 2017: weights 2 and 4 on a and b give
// (2a+4b)/6.
func TestWeightedMean(t *testing.T) {
	t.Parallel()
	a, b := []float32{1, -3, 0.1}, []float32{4, 9, 0.7}
	var file bytes.Buffer
	result, err := aggregator.Aggregate(t.Context(), float32Model(t, 3),
		[]aggregator.Update{update(t, "a", 2, a...), update(t, "b", 4, b...)}, &file, aggregator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if result.Weight != 6 || result.Digest != sha256.Sum256(file.Bytes()) || result.Size != int64(file.Len()) {
		t.Errorf("result %+v of a file of %d bytes", result, file.Len())
	}
	got := make([]float32, 3)
	tensor.Float32(got, file.Bytes()[file.Len()-12:])
	for i := range got {
		if want := float32((2*float64(a[i]) + 4*float64(b[i])) / 6); got[i] != want {
			t.Errorf("coordinate %d: %v, want %v", i, got[i], want)
		}
	}
}

// TestIndependence holds aggregator(1) over random models: the digest depends
// on neither order, tile nor threads, and one update alone is its own mean.
func TestIndependence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		model := aggregatortest.Mixed(t, rapid.Int64Range(0, 300).Draw(rt, "n"))
		updates := aggregatortest.Updates(t, model, rapid.IntRange(1, 5).Draw(rt, "updates"), rapid.Uint64().Draw(rt, "seed"))
		if len(updates) == 1 {
			updates[0].Weight = 1 << 20 // float64 times another weight is not exact
		}
		want, err := aggregator.Aggregate(t.Context(), model, updates, io.Discard, aggregator.Options{Threads: 1})
		if err != nil {
			rt.Fatal(err)
		}
		var file bytes.Buffer
		got, err := aggregator.Aggregate(t.Context(), model, rapid.Permutation(updates).Draw(rt, "order"), &file, aggregator.Options{
			TileBytes: rapid.IntRange(64, 3000).Draw(rt, "tile"), Threads: rapid.IntRange(1, 8).Draw(rt, "threads"),
		})
		if err != nil {
			rt.Fatal(err)
		}
		if got != want {
			rt.Fatalf("%+v, with other options %+v", got, want)
		}
		if len(updates) == 1 {
			alone := make([]byte, updates[0].Size)
			if err := tensor.ReadFull(updates[0].File, alone, 0); err != nil {
				rt.Fatal(err)
			}
			if err := sameFile(positiveZeros(t, file.Bytes()), positiveZeros(t, alone), model); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// positiveZeros clears the sign of zeros: kernel(1) starts from +0, so that a
// mean is never -0 unless it underflows.
func positiveZeros(t *testing.T, file []byte) []byte {
	t.Helper()
	layout, out := layoutOf(t, file), slices.Clone(file)
	for i, of := range layout.Tensors() {
		if !of.DType.Float() {
			continue
		}
		size := of.DType.Size()
		for at := layout.Offset(i); at < layout.Offset(i)+of.Bytes(); at += size {
			number := out[at : at+size]
			if number[size-1] == 0x80 && bytes.Count(number, []byte{0}) == int(size)-1 {
				number[size-1] = 0
			}
		}
	}
	return out
}

func TestAggregateRefuses(t *testing.T) {
	t.Parallel()
	model := float32Model(t, 2)
	good := update(t, "good", 1, 1, 2)
	nan := float32(math.NaN())
	for _, c := range []struct {
		name    string
		updates []aggregator.Update
		options aggregator.Options
		want    error
		reason  aggregator.Refusal
		text    string
	}{
		{name: "none", want: aggregator.ErrInput, text: "0 updates"},
		{name: "twice", updates: []aggregator.Update{good, update(t, "x", 1, 3, 4), good}, want: aggregator.ErrInput, text: "two updates"},
		{name: "heavy", updates: []aggregator.Update{update(t, "x", 1<<29, 1, 2)}, want: aggregator.ErrInput, text: "2^29"},
		{name: "weightless", updates: []aggregator.Update{update(t, "x", 0, 1, 2)}, want: aggregator.ErrInput, text: "weights are 0"},
		{name: "tiny tile", updates: []aggregator.Update{good}, options: aggregator.Options{TileBytes: 63}, want: aggregator.ErrInput},
		{name: "huge tile", updates: []aggregator.Update{good}, options: aggregator.Options{TileBytes: 1 << 30}, want: aggregator.ErrInput},
		{name: "many threads", updates: []aggregator.Update{good}, options: aggregator.Options{Threads: 5000}, want: aggregator.ErrInput},
		{name: "no threads", updates: []aggregator.Update{good}, options: aggregator.Options{Threads: -1}, want: aggregator.ErrInput},
		{name: "NaN", updates: []aggregator.Update{good, update(t, "x", 1, 1, nan)}, want: aggregator.ErrNotFinite, text: `tensor "w", element 1`},
		{name: "shape", updates: []aggregator.Update{good, update(t, "x", 1, 1)}, reason: aggregator.RefusedShape, text: "peer 78"},
		{name: "format", updates: []aggregator.Update{{Peer: []byte("x"), File: bytes.NewReader(nil), Weight: 1}}, reason: aggregator.RefusedFormat},
	} {
		_, err := aggregator.Aggregate(t.Context(), model, c.updates, io.Discard, c.options)
		reason, refused := aggregator.ReasonOf(err)
		if c.want != nil && !errors.Is(err, c.want) || refused != (c.reason != "") || reason != c.reason {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v lacks %q", c.name, err, c.text)
		}
	}
}

// failingFile fails reads of its data from the given byte on.
type failingFile struct {
	io.ReaderAt
	from int64
	err  error
}

func (f failingFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.from {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, off)
}

type failingWriter struct {
	left int
	err  error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, w.err
	}
	return len(p), nil
}

// TestFailureEndsAllThreads lets a disk fail in the middle: the failure itself
// is reported, and no thread is left waiting for its turn (goleak looks).
func TestFailureEndsAllThreads(t *testing.T) {
	t.Parallel()
	model, broken := float32Model(t, 10_000), errors.New("the disk is on fire")
	updates := aggregatortest.Updates(t, model, 3, 1)
	options := aggregator.Options{TileBytes: 64, Threads: 7}
	for _, at := range []int64{1, 20_000, 39_900} {
		bad := slices.Clone(updates)
		bad[1].File = failingFile{bad[1].File, at, broken}
		if _, err := aggregator.Aggregate(t.Context(), model, bad, io.Discard, options); !errors.Is(err, broken) {
			t.Errorf("reading fails at byte %d: %v", at, err)
		}
		if _, err := aggregator.Aggregate(t.Context(), model, updates, &failingWriter{int(at), broken}, options); !errors.Is(err, broken) {
			t.Errorf("writing fails at byte %d: %v", at, err)
		}
	}
}

// cancelling cancels a context at the n-th write.
type cancelling struct {
	n      int
	cancel context.CancelFunc
}

func (c *cancelling) Write(p []byte) (int, error) {
	if c.n--; c.n == 0 {
		c.cancel()
	}
	return len(p), nil
}

func TestCancel(t *testing.T) {
	t.Parallel()
	model := float32Model(t, 10_000)
	updates := aggregatortest.Updates(t, model, 3, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := aggregator.Aggregate(ctx, model, updates, &cancelling{10, cancel}, aggregator.Options{TileBytes: 64, Threads: 3})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in the middle: %v", err)
	}
	if _, err = aggregator.Aggregate(ctx, model, updates, io.Discard, aggregator.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

// TestMemoryIsFlat holds aggregator(2) by what is allocated in all, which
// bounds the peak: averaging 4 updates of 4 MB, or 64, or 4 of 16 MB, allocates
// less than the 10 MiB that two threads' tiles may take.
func TestMemoryIsFlat(t *testing.T) { //nolint:paralleltest // it counts the process's allocations
	small, large := float32Model(t, 1_000_000), float32Model(t, 4_000_000)
	few := aggregatortest.Updates(t, small, 4, 1)
	many := make([]aggregator.Update, 64)
	for i := range many {
		many[i] = few[i%4]
		many[i].Peer = []byte{byte(i)}
	}
	for _, c := range []struct {
		name    string
		model   tensor.Layout
		updates []aggregator.Update
	}{
		{"4 updates", small, few},
		{"64 updates", small, many},
		{"4 large updates", large, aggregatortest.Updates(t, large, 4, 1)},
	} {
		n := allocated(func() {
			if _, err := aggregator.Aggregate(t.Context(), c.model, c.updates, io.Discard, aggregator.Options{Threads: 2}); err != nil {
				t.Error(err)
			}
		})
		if n > 10<<20 {
			t.Errorf("%s: %d bytes allocated", c.name, n)
		}
	}
}

// allocated returns the bytes that the process allocates while do runs.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func BenchmarkAggregate(b *testing.B) {
	model := float32Model(b, 1_000_000)
	updates := aggregatortest.Updates(b, model, 8, 1)
	b.SetBytes(8 * 4_000_000)
	for b.Loop() {
		if _, err := aggregator.Aggregate(b.Context(), model, updates, io.Discard, aggregator.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
