package train_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

// drawSpec draws a small model.
func drawSpec(t *rapid.T) train.Spec {
	s := job.Defaults()
	s.Model.Layers = rapid.SliceOfN(rapid.Int64Range(2, 6), 2, 4).Draw(t, "layers")
	s.Seed = rapid.Uint64Range(0, job.MaxSeed).Draw(t, "seed")
	return train.FromJob(&s)
}

// drawParams draws any bits for the model's parameters, NaN among them.
func drawParams(t *rapid.T, spec train.Spec) []train.Param {
	params, err := train.InitialModel(spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		for i := range p.Values {
			p.Values[i] = math.Float32frombits(rapid.Uint32().Draw(t, "bits"))
		}
	}
	return params
}

func sameBits(a, b []train.Param) bool {
	return slices.EqualFunc(a, b, func(a, b train.Param) bool {
		return a.Name == b.Name && slices.Equal(a.Shape, b.Shape) && slices.EqualFunc(a.Values, b.Values, func(x, y float32) bool {
			return math.Float32bits(x) == math.Float32bits(y)
		})
	})
}

func TestFileRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		params := drawParams(t, spec)
		b, err := train.EncodeFile(params)
		if err != nil {
			t.Fatal(err)
		}
		layout, err := train.FileLayout(spec)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(b)) != layout.FileBytes() || !bytes.HasPrefix(b, layout.Header()) {
			t.Fatalf("the file has %d bytes, its layout says %d", len(b), layout.FileBytes())
		}
		back, err := train.DecodeFile(bytes.NewReader(b), int64(len(b)), spec)
		if err != nil {
			t.Fatal(err)
		}
		if !sameBits(params, back) {
			t.Fatalf("%+v became %+v", params, back)
		}
		// The order in which parameters are handed over is of no account.
		again, err := train.EncodeFile(rapid.Permutation(params).Draw(t, "order"))
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("the same parameters in another order gave another file, error %v", err)
		}
	})
}

// TestDecodeFileOfAnyOrder reads a file that is no canonical one: tensors in
// another order, with metadata.
func TestDecodeFileOfAnyOrder(t *testing.T) {
	t.Parallel()
	spec := train.Spec{Layers: []int{2, 2}, LocalEpochs: 1, BatchSize: 1, LearningRate: 0.1}
	header := `{"__metadata__":{"by":"hand"},` +
		`"layer0.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},` +
		`"layer0.bias":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}}`
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	b = tensor.AppendFloat32(b, []float32{1, 2, 3, 4, 5, 6})
	params, err := train.DecodeFile(bytes.NewReader(b), int64(len(b)), spec)
	if err != nil {
		t.Fatal(err)
	}
	want := []train.Param{
		{Name: "layer0.weight", Shape: []int{2, 2}, Values: []float32{1, 2, 3, 4}},
		{Name: "layer0.bias", Shape: []int{2}, Values: []float32{5, 6}},
	}
	if !sameBits(params, want) {
		t.Errorf("read %+v, want %+v", params, want)
	}
}

func TestDecodeFileRefuses(t *testing.T) {
	t.Parallel()
	spec := train.Spec{Layers: []int{4, 3, 2}, LocalEpochs: 1, BatchSize: 1, LearningRate: 0.1}
	encode := func(layers ...int) []byte {
		other := spec
		other.Layers = layers
		params, err := train.InitialModel(other)
		if err != nil {
			t.Fatal(err)
		}
		b, err := train.EncodeFile(params)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := encode(4, 3, 2)
	for name, b := range map[string][]byte{
		"wider layer":     encode(4, 4, 2),
		"fewer layers":    encode(4, 2),
		"more layers":     encode(4, 3, 2, 2),
		"truncated":       good[:len(good)-1],
		"a byte too many": append(slices.Clone(good), 0),
		"header alone":    good[:16],
		"empty":           {},
		"another name":    bytes.Replace(good, []byte("layer0.bias"), []byte("layer9.bias"), 1),
		"another type":    bytes.ReplaceAll(good, []byte(`"F32"`), []byte(`"I32"`)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			params, err := train.DecodeFile(bytes.NewReader(b), int64(len(b)), spec)
			if _, ok := errors.AsType[*tensor.Error](err); !ok || params != nil {
				t.Errorf("read %+v, error %v, want a tensor.Error", params, err)
			}
		})
	}
	bad := spec
	bad.Layers = nil
	if _, err := train.DecodeFile(bytes.NewReader(good), int64(len(good)), bad); !errors.Is(err, train.ErrInvalid) {
		t.Errorf("a spec without layers: %v, want %v", err, train.ErrInvalid)
	}
	if _, err := train.FileLayout(bad); !errors.Is(err, train.ErrInvalid) {
		t.Errorf("the layout of a spec without layers: %v, want %v", err, train.ErrInvalid)
	}
}

func TestEncodeFileRefuses(t *testing.T) {
	t.Parallel()
	for name, params := range map[string][]train.Param{
		"a name twice":    {{Name: "a", Shape: []int{1}, Values: []float32{1}}, {Name: "a", Shape: []int{1}, Values: []float32{2}}},
		"too few values":  {{Name: "a", Shape: []int{2}, Values: []float32{1}}},
		"too many values": {{Name: "a", Shape: []int{1}, Values: []float32{1, 2}}},
		"negative shape":  {{Name: "a", Shape: []int{-1}, Values: nil}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if b, err := train.EncodeFile(params); err == nil {
				t.Errorf("encoded as %d bytes, want an error", len(b))
			}
		})
	}
}

func TestDecodeFileNeverPanics(t *testing.T) {
	t.Parallel()
	spec := train.Spec{Layers: []int{4, 3}, LocalEpochs: 1, BatchSize: 1, LearningRate: 0.1}
	params, err := train.InitialModel(spec)
	if err != nil {
		t.Fatal(err)
	}
	good, err := train.EncodeFile(params)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := slices.Clone(good)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		if _, err := train.DecodeFile(bytes.NewReader(b), int64(len(b)), spec); err != nil {
			if _, ok := errors.AsType[*tensor.Error](err); !ok {
				t.Fatalf("a changed file gives %v, want a tensor.Error", err)
			}
		}
	})
}
