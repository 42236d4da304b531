package tensor_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/aggregator/tensor"
)

func TestFits(t *testing.T) {
	t.Parallel()
	w := tensor.Tensor{Name: "w", DType: tensor.F32, Shape: []int64{2, 3}}
	b := tensor.Tensor{Name: "b", DType: tensor.F32, Shape: []int64{3}}
	changed := func(f func(*tensor.Tensor)) []tensor.Tensor {
		c := w
		f(&c)
		return []tensor.Tensor{b, c}
	}
	model := newLayout(t, w, b)
	for _, c := range []struct {
		name    string
		tensors []tensor.Tensor
		kind    tensor.Kind
		tensor  string
	}{
		{"equal", []tensor.Tensor{b, w}, "", ""},
		{"nothing", nil, tensor.KindMissing, "b"},
		{"last missing", []tensor.Tensor{b}, tensor.KindMissing, "w"},
		{"first missing", []tensor.Tensor{w}, tensor.KindMissing, "b"},
		{"one before", []tensor.Tensor{b, w, {Name: "a", DType: tensor.U8}}, tensor.KindUnexpected, "a"},
		{"one behind", []tensor.Tensor{b, w, {Name: "x", DType: tensor.U8}}, tensor.KindUnexpected, "x"},
		{"renamed", changed(func(t *tensor.Tensor) { t.Name = "v" }), tensor.KindUnexpected, "v"},
		{"other type of equal size", changed(func(t *tensor.Tensor) { t.DType = tensor.I32 }), tensor.KindWrongDType, "w"},
		{"transposed", changed(func(t *tensor.Tensor) { t.Shape = []int64{3, 2} }), tensor.KindWrongShape, "w"},
		{"flat", changed(func(t *tensor.Tensor) { t.Shape = []int64{6} }), tensor.KindWrongShape, "w"},
	} {
		err := newLayout(t, c.tensors...).Fits(model)
		var differs *tensor.Error
		if c.kind == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		} else if !errors.As(err, &differs) || differs.Kind != c.kind || differs.Tensor != c.tensor {
			t.Errorf("%s: %v, want %s about %q", c.name, err, c.kind, c.tensor)
		}
	}
}

func TestNewLayoutRefuses(t *testing.T) {
	t.Parallel()
	u8 := func(name string, shape ...int64) tensor.Tensor {
		return tensor.Tensor{Name: name, DType: tensor.U8, Shape: shape}
	}
	for _, c := range []struct {
		name    string
		tensors []tensor.Tensor
		kind    tensor.Kind
	}{
		{"twice", []tensor.Tensor{u8("a"), u8("b"), u8("a")}, tensor.KindDuplicate},
		{"no name", []tensor.Tensor{u8("")}, tensor.KindName},
		{"reserved name", []tensor.Tensor{u8("__metadata__")}, tensor.KindName},
		{"not UTF-8", []tensor.Tensor{u8("\xff")}, tensor.KindName},
		{"no type", []tensor.Tensor{{Name: "a"}}, tensor.KindDType},
		{"negative", []tensor.Tensor{u8("a", -1)}, tensor.KindShape},
		{"overflow", []tensor.Tensor{u8("a", 1<<32, 1<<32)}, tensor.KindShape},
		{"overflow of the sum", []tensor.Tensor{u8("a", 1<<62), u8("b", 1<<62)}, tensor.KindShape},
		{"largest", []tensor.Tensor{u8("a", math.MaxInt64)}, tensor.KindShape},
	} {
		_, err := tensor.NewLayout(c.tensors, tensor.Limits{})
		var wrong *tensor.Error
		if !errors.As(err, &wrong) || wrong.Kind != c.kind {
			t.Errorf("%s: %v, want %s", c.name, err, c.kind)
		}
	}
	_, err := tensor.NewLayout([]tensor.Tensor{u8("a")}, tensor.Limits{HeaderBytes: 8})
	var wrong *tensor.Error
	if !errors.As(err, &wrong) || wrong.Kind != tensor.KindHeaderSize {
		t.Errorf("small header limit: %v", err)
	}
}

// drawTensors draws descriptions with distinct names.
func drawTensors(t *rapid.T) []tensor.Tensor {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z"\\é/. ]{1,6}`), 0, 8, rapid.ID[string]).Draw(t, "names")
	tensors := make([]tensor.Tensor, len(names))
	for i, name := range names {
		tensors[i] = tensor.Tensor{
			Name:  name,
			DType: tensor.DType(rapid.IntRange(int(tensor.F64), int(tensor.Bool)).Draw(t, "dtype")),
			Shape: rapid.SliceOfN(rapid.Int64Range(0, 4), 0, 3).Draw(t, "shape"),
		}
	}
	return tensors
}

// TestHeaderAgainstJSON compares the canonical header with what encoding/json
// makes of the same description, and reads it back.
func TestHeaderAgainstJSON(t *testing.T) {
	t.Parallel()
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int64  `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	rapid.Check(t, func(t *rapid.T) {
		tensors := drawTensors(t)
		layout, err := tensor.NewLayout(tensors, tensor.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		twin := make(map[string]entry) // encoding/json sorts the keys of maps
		for _, of := range layout.Tensors() {
			twin[of.Name] = entry{of.DType.String(), append([]int64{}, of.Shape...), [2]int64{of.Begin, of.End}}
		}
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(twin); err != nil {
			t.Fatal(err)
		}
		header := layout.Header()
		if got := strings.TrimRight(string(header[8:]), " "); got != strings.TrimSpace(want.String()) {
			t.Fatalf("header\n%s\nwant\n%s", got, want.String())
		}
		file := append(header, make([]byte, layout.DataBytes())...)
		back, err := tensor.ReadLayout(bytes.NewReader(file), int64(len(file)), tensor.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := back.Fits(layout); err != nil {
			t.Fatal(err)
		}
		for i, of := range back.Tensors() {
			if of.Begin != layout.Tensors()[i].Begin {
				t.Fatalf("%q begins at %d", of.Name, of.Begin)
			}
		}
	})
}

// TestCanonicalOfAnyOrder holds tensor(4): descriptions in any order make one
// file.
func TestCanonicalOfAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tensors := drawTensors(t)
		a, err := tensor.NewLayout(tensors, tensor.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := tensor.NewLayout(rapid.Permutation(tensors).Draw(t, "order"), tensor.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Header(), b.Header()) || !bytes.Equal(a.Header(), a.Canonical().Header()) {
			t.Fatal("the order of the descriptions shows in the file")
		}
		if !slices.IsSortedFunc(a.Tensors(), func(x, y tensor.Tensor) int { return strings.Compare(x.Name, y.Name) }) {
			t.Fatal("not by name")
		}
	})
}

func newLayout(t *testing.T, tensors ...tensor.Tensor) tensor.Layout {
	t.Helper()
	layout, err := tensor.NewLayout(tensors, tensor.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return layout
}
