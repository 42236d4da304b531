package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	good := Dataset{Features: []float32{0, 1, 2, 3}, Labels: []int32{0, 1}, Rows: 2, Columns: 2, Classes: 2}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		change func(*Dataset)
		want   string
	}{
		"no rows":            {func(d *Dataset) { *d = Dataset{Columns: 2, Classes: 2} }, "0 rows"},
		"no columns":         {func(d *Dataset) { d.Columns = 0 }, "0 columns"},
		"no classes":         {func(d *Dataset) { d.Classes = 0 }, "without classes"},
		"targets too":        {func(d *Dataset) { d.Targets = []float32{1, 2} }, "2 targets"},
		"a target NaN":       {func(d *Dataset) { d.Classes, d.Labels, d.Targets = 0, nil, []float32{0, float32(math.NaN())} }, "target NaN of row 1"},
		"a label short":      {func(d *Dataset) { d.Labels = d.Labels[:1] }, "1 labels"},
		"a feature short":    {func(d *Dataset) { d.Features = d.Features[:3] }, "3 features"},
		"a row too many":     {func(d *Dataset) { d.Features = append(d.Features, 1, 1) }, "6 features"},
		"a label too large":  {func(d *Dataset) { d.Labels = []int32{0, 2} }, "label 2 of row 1"},
		"a label below zero": {func(d *Dataset) { d.Labels = []int32{-1, 0} }, "label -1 of row 0"},
		"NaN":                {func(d *Dataset) { d.Features = []float32{0, 0, 0, float32(math.NaN())} }, "row 1, column 1"},
		"infinity":           {func(d *Dataset) { d.Features = []float32{0, 0, float32(math.Inf(-1)), 0} }, "row 1, column 0"},
	}
	for name, c := range cases {
		d := good
		c.change(&d)
		if err := d.Validate(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrInvalid and %q", name, err, c.want)
		}
	}
}

func TestSubset(t *testing.T) {
	t.Parallel()
	d := Dataset{Features: []float32{0, 1, 10, 11, 20, 21}, Labels: []int32{0, 1, 2}, Rows: 3, Columns: 2, Classes: 3}
	s, err := d.Subset([]int{2, 0, 2})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Features, []float32{20, 21, 0, 1, 20, 21}) || !slices.Equal(s.Labels, []int32{2, 0, 2}) || s.Rows != 3 {
		t.Errorf("got %+v", s)
	}
	if s.Features[0] = 99; d.Features[4] != 20 {
		t.Error("a subset shares memory with its data set")
	}
	for _, row := range []int{-1, 3} {
		if _, err := d.Subset([]int{row}); !errors.Is(err, ErrInvalid) {
			t.Errorf("row %d: %v, want ErrInvalid", row, err)
		}
	}
}

// TestHoldOut takes a data set apart, the same way each time.
func TestHoldOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(2, 60).Draw(t, "rows")
		d := Dataset{Rows: rows, Columns: 1, Classes: 1, Labels: make([]int32, rows), Features: make([]float32, rows)}
		for i := range d.Features {
			d.Features[i] = float32(i)
		}
		share, seed := rapid.Float64Range(0.001, 0.999).Draw(t, "share"), rapid.Uint64().Draw(t, "seed")
		rest, held, err := d.HoldOut(share, seed)
		if err != nil || rest.Rows < 1 || held.Rows < 1 || math.Abs(float64(held.Rows)-share*float64(rows)) > 1 {
			t.Fatalf("%g of %d rows: %d and %d, %v", share, rows, rest.Rows, held.Rows, err)
		}
		all := append(slices.Clone(rest.Features), held.Features...)
		if slices.Sort(all); !slices.Equal(all, d.Features) {
			t.Fatalf("the parts are not the whole: %v", all)
		}
		_, again, err := d.HoldOut(share, seed)
		if err != nil || !slices.Equal(again.Features, held.Features) {
			t.Fatalf("other rows the second time: %v", err)
		}
	})
	for _, share := range []float64{0, 1, -1, math.NaN()} {
		if _, _, err := (Dataset{Rows: 3, Columns: 1, Classes: 1, Labels: make([]int32, 3), Features: make([]float32, 3)}).HoldOut(share, 1); !errors.Is(err, ErrInvalid) {
			t.Errorf("share %g: %v", share, err)
		}
	}
}
