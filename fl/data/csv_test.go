package data

import (
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

var twoColumns = CSV{Columns: 2, Classes: 3, Offset: 1, Scale: 4, MaxRows: 3}

func TestReadCSV(t *testing.T) {
	t.Parallel()
	got, err := ReadCSV(strings.NewReader("1, 2,0\r\n\n-4,1e1,2"), twoColumns)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Features, []float32{0, 0.25, -1.25, 2.25}) || !slices.Equal(got.Labels, []int32{0, 2}) {
		t.Errorf("got %+v", got)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func TestReadCSVRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"empty":             {"", "has none"},
		"blank":             {"\n \n", "has none"},
		"too few fields":    {"1,2,0\n1,0", "read line 2: 2 fields"},
		"too many fields":   {"1,2,3,0", "label is \"3,0\""},
		"a word":            {"1,x,0", "feature 1 is \"x\""},
		"NaN":               {"NaN,1,0", "feature 0"},
		"infinity":          {"1,-Inf,0", "feature 1"},
		"beyond float32":    {"1e300,1,0", "feature 0"},
		"beyond float64":    {"1e999,1,0", "feature 0"},
		"label a fraction":  {"1,1,0.5", "label"},
		"label negative":    {"1,1,-1", "label"},
		"label too large":   {"1,1,3", "[0, 3)"},
		"label beyond 2^32": {"1,1,4294967296", "label"},
		"too many rows":     {"1,1,0\n1,1,0\n1,1,0\n1,1,0", "line 4: more than 3 rows"},
		"an endless line":   {strings.Repeat("1", maxLine+1), "read line 1: longer"},
	}
	for name, c := range cases {
		if _, err := ReadCSV(strings.NewReader(c.text), twoColumns); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrInvalid and %q", name, err, c.want)
		}
	}
	broken := io.MultiReader(strings.NewReader("1,1,0\n"), iotest.ErrReader(io.ErrClosedPipe))
	if _, err := ReadCSV(broken, twoColumns); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrInvalid) {
		t.Errorf("a broken reader: %v, want its own error", err)
	}
	for _, c := range []CSV{
		{},
		{Columns: MaxColumns + 1, Classes: 1, Scale: 1, MaxRows: 1},
		{Columns: 1, Classes: MaxClasses + 1, Scale: 1, MaxRows: 1},
		{Columns: 1, Classes: 1, Scale: 0, MaxRows: 1},
		{Columns: 1, Classes: 1, Offset: math.NaN(), Scale: 1, MaxRows: 1},
		{Columns: 1, Classes: 1, Scale: 1, MaxRows: 0},
		{Columns: MaxColumns, Classes: 1, Scale: 1, MaxRows: MaxFeatures},
	} {
		if _, err := ReadCSV(strings.NewReader("1,1,0"), c); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v, want ErrInvalid", c, err)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{"1,2,0\n3,4,2\n", "1,2", ",,", "NaN,Inf,1", "1e38,1e39,0", "1,2,-0", "\r\n1,2,1\r\n", "0x1p-2,1_0,1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ReadCSV(strings.NewReader(string(text)), twoColumns)
		if err != nil {
			return
		}
		if err := d.Validate(); err != nil || d.Rows > twoColumns.MaxRows {
			t.Errorf("%d rows, %v", d.Rows, err)
		}
	})
}
