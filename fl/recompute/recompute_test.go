package recompute_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/recompute"
	"github.com/librum/librum/fl/train"
)

// small is the spec of a model with 15 parameters.
func small() *job.Spec {
	spec := job.Defaults()
	spec.Model.Layers = []int64{4, 3}
	return &spec
}

// updates puts one file per list of values and returns what the ledger would
// say of them.
func updates(ctx context.Context, store blob.Store, spec *job.Spec, files [][]float32, weights []uint64) ([]fl.Averaged, error) {
	var set []fl.Averaged
	for i, values := range files {
		b, err := encode(spec, values)
		if err != nil {
			return nil, err
		}
		digest, _, err := store.Put(ctx, bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return nil, err
		}
		set = append(set, fl.Averaged{Peer: ledger.ID{byte(i + 1)}, Digest: digest, Weight: weights[i]})
	}
	return set, nil
}

// encode writes the values into the model's parameters, one after the other.
func encode(spec *job.Spec, values []float32) ([]byte, error) {
	params, err := train.InitialModel(train.FromJob(spec))
	if err != nil {
		return nil, err
	}
	for _, p := range params {
		values = values[copy(p.Values, values):]
	}
	return train.EncodeFile(params)
}

func decode(t *rapid.T, spec *job.Spec, b []byte) []float32 {
	params, err := train.DecodeFile(bytes.NewReader(b), int64(len(b)), train.FromJob(spec))
	if err != nil {
		t.Fatal(err)
	}
	var values []float32
	for _, p := range params {
		values = append(values, p.Values...)
	}
	return values
}

func memory(t *testing.T) *file.Store {
	t.Helper()
	store, err := file.Open(t.Context(), vfs.NewMem(), "blobs", file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// TestAverageIsTheNaiveMean compares with a loop over float64, whatever the
// number of threads and the order in which the updates are named.
func TestAverageIsTheNaiveMean(t *testing.T) {
	t.Parallel()
	store, spec := memory(t), small()
	n := int(spec.Model.Parameters())
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 6).Draw(t, "updates")
		values := rapid.SliceOfN(rapid.SliceOfN(rapid.Float32Range(-8, 8), n, n), k, k).Draw(t, "values")
		weights := rapid.SliceOfN(rapid.Uint64Range(1, job.MaxExamples), k, k).Draw(t, "weights")
		named, err := updates(context.Background(), store, spec, values, weights)
		if err != nil {
			t.Fatal(err)
		}
		s, err := recompute.New(spec, store.Get)
		if err != nil {
			t.Fatal(err)
		}
		refused, err := s.Check(context.Background(), named)
		if err != nil || refused != nil {
			t.Fatalf("refused %v, error %v", refused, err)
		}
		shuffled := rapid.Permutation(named).Draw(t, "order")
		var out bytes.Buffer
		result, err := s.Average(context.Background(), recompute.Start{}, shuffled, strategy.Output{Model: &out}, rapid.IntRange(1, 3).Draw(t, "threads"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if ledger.Digest(result.Model.Digest) != ledger.Hash(out.Bytes()) || result.Model.Size != int64(out.Len()) {
			t.Fatalf("result %x of %d bytes does not belong to the file of %d bytes", result.Model.Digest, result.Model.Size, out.Len())
		}
		for i, got := range decode(t, spec, out.Bytes()) {
			sum, total := 0.0, 0.0
			for j := range named {
				sum += float64(float64(values[j][i]) * float64(weights[j]))
				total += float64(weights[j])
			}
			if want := float32(sum / total); got != want {
				t.Fatalf("coordinate %d is %g, the naive mean is %g", i, got, want)
			}
		}
	})
}

func TestCheckNamesEachRefusal(t *testing.T) {
	t.Parallel()
	store, spec := memory(t), small()
	good, err := encode(spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(good)
	binary.LittleEndian.PutUint32(bad[len(bad)-4:], math.Float32bits(float32(math.NaN())))
	other := small()
	other.Model.Layers = []int64{3, 4}
	wrong, err := encode(other, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := [][]byte{bad, good, wrong, good[:len(good)-1], good}
	var named []fl.Averaged
	for i, b := range files {
		digest, _, err := store.Put(t.Context(), bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		named = append(named, fl.Averaged{Peer: ledger.ID{byte(i)}, Digest: digest, Weight: 1})
	}
	s, err := recompute.New(spec, store.Get)
	if err != nil {
		t.Fatal(err)
	}
	refused, err := s.Check(t.Context(), named)
	if err != nil {
		t.Fatal(err)
	}
	want := []fl.Refused{
		{Peer: ledger.ID{0}, Reason: aggregator.RefusedNaN},
		{Peer: ledger.ID{2}, Reason: aggregator.RefusedShape},
		{Peer: ledger.ID{3}, Reason: aggregator.RefusedFormat},
	}
	if !slices.Equal(refused, want) {
		t.Errorf("refused %v, want %v", refused, want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// opened counts files that are open.
type opened struct {
	blob.Blob
	open *int
}

func (o opened) Close() error {
	*o.open--
	return o.Blob.Close()
}

// TestMissingFileIsNoRefusal cites recompute(2), and looks that what was opened
// before is closed.
func TestMissingFileIsNoRefusal(t *testing.T) {
	t.Parallel()
	store, spec := memory(t), small()
	named, err := updates(t.Context(), store, spec, [][]float32{{1}, {2}, {3}}, []uint64{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	named[2].Digest[0] ^= 1
	open := 0
	s, err := recompute.New(spec, func(ctx context.Context, digest ledger.Digest) (blob.Blob, error) {
		b, err := store.Get(ctx, digest)
		if err != nil {
			return nil, err
		}
		open++
		return opened{b, &open}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	refused, err := s.Check(t.Context(), named)
	if !errors.Is(err, blob.ErrNotFound) || refused != nil {
		t.Errorf("refused %v, error %v, want %v", refused, err, blob.ErrNotFound)
	}
	if open != 2 {
		t.Errorf("%d files are open, want 2", open)
	}
	if err := s.Close(); err != nil || open != 0 {
		t.Errorf("%d files are open after Close, error %v", open, err)
	}
}

// TestCheckTwiceKeepsOneFileEach has a caller check the same updates again.
func TestCheckTwiceKeepsOneFileEach(t *testing.T) {
	t.Parallel()
	store, spec := memory(t), small()
	named, err := updates(t.Context(), store, spec, [][]float32{{1}, {2}}, []uint64{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	s, err := recompute.New(spec, func(ctx context.Context, digest ledger.Digest) (blob.Blob, error) {
		b, err := store.Get(ctx, digest)
		open++
		return opened{b, &open}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Check(t.Context(), named); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil || open != 0 {
		t.Errorf("%d files are open after Close, error %v", open, err)
	}
}

// TestAverageWithoutCheck has a caller average what it never checked.
func TestAverageWithoutCheck(t *testing.T) {
	t.Parallel()
	s, err := recompute.New(small(), memory(t).Get)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Average(t.Context(), recompute.Start{}, []fl.Averaged{{Peer: ledger.ID{1}, Weight: 1}}, strategy.Output{Model: &bytes.Buffer{}}, 1); err == nil {
		t.Error("an update that was not checked was averaged")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestNewRefusesASpecWithoutModel(t *testing.T) {
	t.Parallel()
	spec := job.Defaults()
	if _, err := recompute.New(&spec, nil); !errors.Is(err, train.ErrInvalid) {
		t.Errorf("error %v, want %v", err, train.ErrInvalid)
	}
}
