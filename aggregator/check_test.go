package aggregator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/aggregatortest"
	"github.com/librum/librum/aggregator/tensor"
)

func check(t *testing.T, model tensor.Layout, file []byte, limits aggregator.Limits) error {
	t.Helper()
	return aggregator.Check(t.Context(), model, bytes.NewReader(file), int64(len(file)), sha256.Sum256(file), limits)
}

// TestCheckReasons gives each reason a file, and files that several reasons
// apply to.
func TestCheckReasons(t *testing.T) {
	t.Parallel()
	model := aggregatortest.Mixed(t, 300_000)
	good := aggregatortest.File(t, model, 1, 0.1)
	// with returns good with the element of a tensor replaced.
	with := func(name string, element int64, number ...byte) []byte {
		i, ok := model.Find(name)
		if !ok {
			t.Fatalf("no tensor %s", name)
		}
		return slices.Replace(slices.Clone(good), int(model.Offset(i)+element*int64(len(number))), int(model.Offset(i)+(element+1)*int64(len(number))), number...)
	}
	f64 := func(x float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)) }
	f32 := func(x float64) []byte { return tensor.AppendFloat32(nil, []float32{float32(x)}) }
	other := aggregatortest.File(t, aggregatortest.Mixed(t, 7), 1, 0.1)
	for _, c := range []struct {
		name string
		file []byte
		max  float64
		want aggregator.Refusal
	}{
		{"good", good, 0, ""},
		{"below the norm", good, 1e9, ""},
		{"empty", nil, 0, aggregator.RefusedFormat},
		{"truncated", good[:len(good)-1], 0, aggregator.RefusedFormat},
		{"longer by a byte", append(slices.Clone(good), 0), 0, aggregator.RefusedFormat},
		{"oversized", make([]byte, aggregator.MaxUpdateBytes(model)+1), 0, aggregator.RefusedFormat},
		{"header of 2 MiB", bigHeader(model, good), 0, aggregator.RefusedFormat},
		{"a BOOL of 2", with("t.BOOL", 299_999, 2), 0, aggregator.RefusedFormat},
		{"other shapes", other, 0, aggregator.RefusedShape},
		{"NaN in F32", with("t.F32", 299_999, f32(math.NaN())...), 0, aggregator.RefusedNaN},
		{"infinity in F32", with("t.F32", 0, f32(math.Inf(-1))...), 0, aggregator.RefusedNaN},
		{"NaN in F64", with("t.F64", 150_000, f64(math.NaN())...), 0, aggregator.RefusedNaN},
		{"huge F64", with("t.F64", 3, f64(1e300)...), 0, aggregator.RefusedNaN},
		{"large F64", with("t.F64", 3, f64(1e140)...), 0, ""},
		{"infinity in F16", with("t.F16", 77_777, 0, 0x7c), 0, aggregator.RefusedNaN},
		{"NaN in BF16", with("t.BF16", 77_777, 0xc0, 0x7f), 0, aggregator.RefusedNaN},
		{"NaN in the scalar", with("scalar", 0, f32(math.NaN())...), 0, aggregator.RefusedNaN},
		{"bits of a NaN in I32", with("t.I32", 5, f32(math.NaN())...), 0, ""},
		{"above the norm", good, 10, aggregator.RefusedNorm},
		{"a huge norm", with("t.F64", 3, f64(1e140)...), 1e139, aggregator.RefusedNorm},
		{"NaN above the norm", with("t.F32", 299_999, f32(math.NaN())...), 10, aggregator.RefusedNaN},
	} {
		err := check(t, model, c.file, aggregator.Limits{MaxNorm: c.max})
		if reason, refused := aggregator.ReasonOf(err); reason != c.want || refused != (c.want != "") || err != nil && !refused {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	err := aggregator.Check(t.Context(), model, bytes.NewReader(other), int64(len(other)), [32]byte{}, aggregator.Limits{})
	if reason, _ := aggregator.ReasonOf(err); reason != aggregator.RefusedDigest {
		t.Errorf("other bytes than promised: %v", err)
	}
}

// bigHeader pads the header of a file of the layout to 2 MiB.
func bigHeader(layout tensor.Layout, file []byte) []byte {
	const size = 2 << 20
	header := bytes.Repeat([]byte{' '}, 8+size)
	copy(header, file[:layout.DataStart()])
	binary.LittleEndian.PutUint64(header, size)
	return append(header, file[layout.DataStart():]...)
}

// TestCheckNamesThePlace holds that a refusal's text leads to the number.
func TestCheckNamesThePlace(t *testing.T) {
	t.Parallel()
	values := make([]float32, 100_000)
	values[99_999] = float32(math.Inf(1))
	file := aggregatortest.Encode(t, float32Model(t, 100_000), tensor.AppendFloat32(nil, values))
	err := check(t, float32Model(t, 100_000), file, aggregator.Limits{})
	const want = `update refused (nan): tensor "w": element 99999 is +Inf; finite numbers below 2^480 are allowed`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	err = check(t, float32Model(t, 7), file, aggregator.Limits{})
	var differs *tensor.Error
	if !errors.As(err, &differs) || differs.Kind != tensor.KindWrongShape || differs.Tensor != "w" {
		t.Errorf("wrong shape: %v", err)
	}
}

// TestCheckUnreadable tells a disk that fails from an update that is bad.
func TestCheckUnreadable(t *testing.T) {
	t.Parallel()
	model, broken := float32Model(t, 100), errors.New("the disk is on fire")
	file := aggregatortest.File(t, model, 1, 1)
	r := failingFile{bytes.NewReader(file), 0, broken}
	err := aggregator.Check(t.Context(), model, r, int64(len(file)), sha256.Sum256(file), aggregator.Limits{})
	if _, refused := aggregator.ReasonOf(err); refused || !errors.Is(err, broken) {
		t.Errorf("broken disk: %v", err)
	}
	err = aggregator.Check(t.Context(), model, bytes.NewReader(file), int64(len(file))+1, sha256.Sum256(file), aggregator.Limits{})
	if _, refused := aggregator.ReasonOf(err); refused || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("shorter than said: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = aggregator.Check(ctx, model, bytes.NewReader(file), int64(len(file)), sha256.Sum256(file), aggregator.Limits{})
	if _, refused := aggregator.ReasonOf(err); refused || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// FuzzCheck checks anything against a small model. Whatever passes averages,
// alone and with another update, without an error.
func FuzzCheck(f *testing.F) {
	model := aggregatortest.Layout(f,
		tensor.Tensor{Name: "a", DType: tensor.F32, Shape: []int64{1}},
		tensor.Tensor{Name: "b", DType: tensor.Bool, Shape: []int64{2}},
		tensor.Tensor{Name: "c", DType: tensor.F64, Shape: []int64{1}},
	)
	f.Add(aggregatortest.File(f, model, 1, 0.1))
	f.Add(aggregatortest.File(f, model, 2, 1e30))
	f.Add(aggregatortest.File(f, float32Model(f, 2), 1, 0.1))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	other := aggregatortest.Updates(f, model, 1, 9)[0]
	f.Fuzz(func(t *testing.T, file []byte) {
		err := check(t, model, file, aggregator.Limits{})
		if _, refused := aggregator.ReasonOf(err); err != nil && !refused {
			t.Fatalf("an error without a reason: %v", err)
		}
		if err != nil {
			return
		}
		u := aggregator.Update{Peer: []byte("fuzz"), File: bytes.NewReader(file), Size: int64(len(file)), Weight: 1<<29 - 1}
		result, err := aggregator.Aggregate(t.Context(), model, []aggregator.Update{u, other}, io.Discard, aggregator.Options{TileBytes: 64, Threads: 1})
		if err != nil || result.Weight != u.Weight+other.Weight {
			t.Fatalf("it passed, but does not average: %+v, %v", result, err)
		}
	})
}
