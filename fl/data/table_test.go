package data

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

const patients = `
columns:
  - {name: age, type: integer, min: 0, max: 120, required: true}
  - {name: marker, type: number, min: -2.5, max: 2.5}
  - {name: sex, type: category, values: [f, m, x]}
  - {name: ill, type: category, values: ["no", "yes"]}
`

func schemaOf(t testing.TB, text string) Schema {
	t.Helper()
	s, err := ParseSchema([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadTable(t *testing.T) {
	t.Parallel()
	// Another order than the schema's, a column that is none of its business, a
	// mark, quotes, a line break in a cell, Windows line ends.
	const text = "\uFEFFill,name,marker,\"age\",sex\r\nyes,\"Ann\nLee, \"\"A\"\"\",-2.5,60,m\r\nno,=cmd(),,120,\r\n"
	got, err := ReadTable(strings.NewReader(text), schemaOf(t, patients), "ill")
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{0, -1, 0, 1, 0, 1, 0, 0, 0, 0}
	if got.Rows != 2 || got.Columns != 5 || got.Classes != 2 || !slices.Equal(got.Features, want) || !slices.Equal(got.Labels, []int32{1, 0}) {
		t.Errorf("got %+v", got)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	byAge, err := ReadTable(strings.NewReader(text), schemaOf(t, patients), "age")
	if err != nil || byAge.Classes != 121 || byAge.Labels[1] != 120 || byAge.Columns != 6 {
		t.Errorf("labelled by age: %+v, %v", byAge, err)
	}
}

// TestReadTableRefuses also wants no error to show what stands in a cell.
func TestReadTableRefuses(t *testing.T) {
	t.Parallel()
	const head = "age,marker,sex,ill\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                {"", "no rows"},
		"header alone":           {head, "no rows"},
		"columns missing":        {"age,ill\n1,no\n", "line 1: missing are 2 columns of the schema: \"marker\", \"sex\""},
		"column twice":           {"age,marker,sex,ill,age\n", "\"age\" stands there twice"},
		"a million columns":      {strings.Repeat("c,", 1_000_000) + "\n", "record 1: a record is longer than"},
		"many columns":           {strings.Repeat(",", MaxColumns) + "\n", "65537 columns, at most"},
		"too few cells":          {head + "1,2,m\n", "line 2, byte 1: wrong number of fields"},
		"too many cells":         {head + "1,2,m,no,1\n", "wrong number of fields"},
		"formula":                {head + "=SECRET(1),1,m,no\n", "line 2: column \"age\": the cell is a formula"},
		"formula with a minus":   {head + "-SECRET(1),1,m,no\n", "a formula"},
		"formula as category":    {head + "1,1,@SECRET,no\n", "column \"sex\": the cell is a formula"},
		"a word":                 {head + "SECRET,1,m,no\n", "line 2: column \"age\": the cell is not an integer from 0 to 120"},
		"a fraction":             {head + "1.5,1,m,no\n", "integer from"},
		"out of range":           {head + "121,1,m,no\n", "from 0 to 120"},
		"NaN":                    {head + "1,NaN,m,no\n", "column \"marker\""},
		"infinity":               {head + "1,Inf,m,no\n", "column \"marker\""},
		"unknown category":       {head + "1,1,SECRET,no\n", "one of the 3 values"},
		"required is empty":      {head + "1,1,m,no\n ,1,m,no\n", "line 3: column \"age\": the cell is empty"},
		"label is empty":         {head + "1,1,m,\n", "a label is required"},
		"UTF-16":                 {"\xff\xfea\x00", "UTF-16"},
		"Latin-1":                {head + "1,1,\xe4SECRET,no\n", "not UTF-8"},
		"Latin-1 header":         {"\xe4,age,marker,sex,ill\n", "not UTF-8"},
		"NUL":                    {head + "1,1,m\x00,no\n", "a zero byte"},
		"bare quote":             {head + "1,1,m\"SECRET,no\n", "bare \""},
		"a quote without an end": {head + "1,1,\"" + strings.Repeat("SECRET\n", 300_000), "record 2: a record is longer than"},
		"a huge line":            {head + strings.Repeat("1", 2*maxRecord), "longer than"},
	} {
		_, err := ReadTable(strings.NewReader(c.text), schemaOf(t, patients), "ill")
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SECRET") || len(err.Error()) > 400 {
			t.Errorf("%s: %v, want ErrInvalid and %q", name, err, c.want)
		}
	}
	broken := io.MultiReader(strings.NewReader(head), iotest.ErrReader(io.ErrClosedPipe))
	if _, err := ReadTable(broken, schemaOf(t, patients), "ill"); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrInvalid) {
		t.Errorf("a broken reader: %v", err)
	}
	for label, want := range map[string]string{"weight": "no column", "income": "must be a category"} {
		schema := schemaOf(t, patients+"  - {name: income, type: integer, min: 0, max: 10000000}\n")
		if _, err := ReadTable(strings.NewReader(head), schema, label); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("label %s: %v, want %q", label, err, want)
		}
	}
}

func TestSchemaListsAllProblems(t *testing.T) {
	t.Parallel()
	const bad = `
columns:
  - {name: age, type: int, min: 0}
  - {name: age, type: number, min: 3, max: 3, values: [a]}
  - {name: "", type: category, values: [a, a], max: 1}
  - {name: n, type: integer, min: 0.5, max: 2}
  - {name: w, type: number, min: -1.7e308, max: 1.7e308}
`
	_, err := ParseSchema([]byte(bad))
	if !errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
	for _, want := range []string{
		`type is "int"`, "listed twice", "values are for categories", "min below max", "name has 0 bytes", "min and max are for numbers",
		"a value is listed twice", "whole numbers", `columns[4] "w": min and max`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	for _, text := range []string{"", "columns: []", "columns:\n", "column: [x]", "columns: [{name: a, type: number, min: .nan, max: 1}]"} {
		if _, err := ParseSchema([]byte(text)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", text, err)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	schema := schemaOf(f, patients)
	for _, s := range []string{"age,marker,sex,ill\n1,2,m,no\n", "\uFEFFage,ill,sex,marker\n\"1\",no,,\n", "\xff\xfe", "age,\"", "age,marker,sex,ill\n=1,,,"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ReadTable(strings.NewReader(string(b)), schema, "ill")
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v does not wrap ErrInvalid", err)
			}
			return
		}
		if err := d.Validate(); err != nil || slices.Max(d.Features) > 1 || slices.Min(d.Features) < -1 {
			t.Errorf("%v: %+v", err, d)
		}
	})
}

func FuzzParseSchema(f *testing.F) {
	f.Add([]byte(patients))
	f.Add([]byte("columns: [{name: a, type: integer, min: 1e400, max: 2}, {name: b}]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSchema(b)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v does not wrap ErrInvalid", err)
			}
			return
		}
		if problems := s.problems(); len(problems) > 0 {
			t.Errorf("accepted with %v", problems)
		}
	})
}

// TestReadTableOfTargets: a label of type number is what regression is to find.
func TestReadTableOfTargets(t *testing.T) {
	t.Parallel()
	schema, err := ParseSchema([]byte("columns:\n  - {name: x, type: number, min: 0, max: 10}\n  - {name: y, type: number, min: -2, max: 2}\n"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := ReadTable(strings.NewReader("y,x\n1,5\n-2,10\n"), schema, "y")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(); err != nil || d.Classes != 0 || !slices.Equal(d.Targets, []float32{0.5, -1}) || !slices.Equal(d.Features, []float32{0, 1}) {
		t.Errorf("%+v, %v", d, err)
	}
	sub, err := d.Subset([]int{1})
	if err != nil || !slices.Equal(sub.Targets, []float32{-1}) || sub.Validate() != nil {
		t.Errorf("a subset is %+v, %v", sub, err)
	}
	if _, err := Dirichlet(d, 1, 1, 1, 1); !errors.Is(err, ErrInvalid) {
		t.Errorf("split by label: %v", err)
	}
	for cell, want := range map[string]string{"": "a label is required", "3": "a number from -2 to 2", "high": "a number from -2 to 2"} {
		if _, err := ReadTable(strings.NewReader("y,x\n"+cell+",5\n"), schema, "y"); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `line 2: column "y"`) {
			t.Errorf("%q: %v", cell, err)
		}
	}
}
