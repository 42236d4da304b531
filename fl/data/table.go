package data

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxRecord bounds the bytes of one record, quoted line breaks included.
const maxRecord = 1 << 20

// ReadTable reads the columns of a schema from comma-separated text (RFC 4180)
// with a header line, in UTF-8. label names the column with the class, or, where
// it is a number, with what regression is to find. Numbers are mapped from
// [Min, Max] to [-1, 1], targets too, categories to one feature a value.
//
// Errors name line and column and wrap ErrInvalid, or are the reader's. They
// never hold what stands in a cell: that may be somebody's data.
func ReadTable(r io.Reader, schema Schema, label string) (Dataset, error) {
	t, err := newTable(schema, label)
	if err != nil {
		return Dataset{}, fmt.Errorf("read table: %w", err)
	}
	bounded := &budget{r: r, left: maxRecord}
	start := bufio.NewReader(bounded)
	if err := skipMark(start); err != nil {
		return Dataset{}, fmt.Errorf("read table: %w", err)
	}
	records := csv.NewReader(start)
	records.ReuseRecord = true
	for number := 0; ; number++ {
		bounded.left = maxRecord
		record, err := records.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line := 0
		if err == nil {
			line, _ = records.FieldPos(0)
			if number == 0 {
				err = t.header(record)
			} else {
				err = t.row(record)
			}
		}
		if err != nil {
			return Dataset{}, fmt.Errorf("read table: %w", explain(err, number+1, line))
		}
	}
	if t.Rows == 0 {
		return Dataset{}, fmt.Errorf("read table: it has no rows: %w", ErrInvalid)
	}
	return t.Dataset, nil
}

// explain says where an error is, by the record where the line is 0, and makes
// those of the text wrap ErrInvalid.
func explain(err error, record, line int) error {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		if !errors.Is(parse.Err, csv.ErrBareQuote) && !errors.Is(parse.Err, csv.ErrQuote) && !errors.Is(parse.Err, csv.ErrFieldCount) {
			return err
		}
		return fmt.Errorf("line %d, byte %d: %w: %w", parse.Line, parse.Column, parse.Err, ErrInvalid)
	}
	if line == 0 {
		return fmt.Errorf("record %d: %w", record, err)
	}
	return fmt.Errorf("line %d: %w", line, err)
}

// skipMark skips the mark that some programs begin UTF-8 with, and tells UTF-16
// from it.
func skipMark(r *bufio.Reader) error {
	mark, err := r.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.HasPrefix(mark, []byte{0xFF, 0xFE}) || bytes.HasPrefix(mark, []byte{0xFE, 0xFF}) {
		return fmt.Errorf("it is UTF-16; save it as UTF-8: %w", ErrInvalid)
	}
	if bytes.Equal(mark, []byte{0xEF, 0xBB, 0xBF}) {
		_, err = r.Discard(3)
		return err
	}
	return nil
}

// budget bounds what a record may take from the reader below: a quote that is
// never closed would otherwise take the whole file into memory. Buffers between
// may read a little ahead, so that a record just within the bound may fail.
type budget struct {
	r    io.Reader
	left int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, fmt.Errorf("a record is longer than %d bytes: %w", maxRecord, ErrInvalid)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// table collects the rows.
type table struct {
	Dataset

	columns []Column // features in order, the label last
	at      []int    // where each of them stands in a record
	maxRows int
}

func newTable(schema Schema, label string) (*table, error) {
	t := &table{}
	for _, c := range schema.Columns {
		if c.Name == label {
			t.Classes = c.classes()
			continue
		}
		t.columns = append(t.columns, c)
		t.Columns += c.features()
	}
	i := slices.IndexFunc(schema.Columns, func(c Column) bool { return c.Name == label })
	switch {
	case i < 0:
		return nil, fmt.Errorf("label: the schema has no column %.40q: %w", label, ErrInvalid)
	case t.Classes == 0 && schema.Columns[i].Type != TypeNumber:
		return nil, fmt.Errorf("label: column %.40q must be a %s, a %s, or an %s with at most %d values: %w",
			label, TypeCategory, TypeNumber, TypeInteger, MaxClasses, ErrInvalid)
	case t.Columns < 1 || t.Columns > MaxColumns:
		return nil, fmt.Errorf("the schema has %d features, want 1 to %d: %w", t.Columns, MaxColumns, ErrInvalid)
	}
	t.columns = append(t.columns, schema.Columns[i])
	for _, c := range t.columns {
		t.Sources = append(t.Sources, c.Name)
	}
	t.maxRows = MaxFeatures / t.Columns
	return t, nil
}

// header finds the columns of the schema.
func (t *table) header(names []string) error {
	if len(names) > MaxColumns {
		return fmt.Errorf("%d columns, at most %d are allowed: %w", len(names), MaxColumns, ErrInvalid)
	}
	for _, name := range names {
		if err := checkText(name); err != nil {
			return err
		}
	}
	var missing []string
	for _, c := range t.columns {
		i := slices.Index(names, c.Name)
		if i < 0 {
			missing = append(missing, fmt.Sprintf("%.40q", c.Name))
		} else if slices.Contains(names[i+1:], c.Name) {
			return fmt.Errorf("column %.40q stands there twice: %w", c.Name, ErrInvalid)
		}
		t.at = append(t.at, i)
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing are %d columns of the schema: %s: %w", len(missing), strings.Join(missing[:min(len(missing), 8)], ", "), ErrInvalid)
	}
	return nil
}

func (t *table) row(cells []string) error {
	if t.Rows == t.maxRows {
		return fmt.Errorf("more than %d rows: %w", t.maxRows, ErrInvalid)
	}
	last := len(t.columns) - 1
	for i := range t.columns {
		c := &t.columns[i]
		cell := cells[t.at[i]]
		err := checkText(cell)
		if err == nil && i < last {
			t.Features, err = c.appendFeatures(t.Features, strings.TrimSpace(cell))
		} else if err == nil {
			err = t.label(c, strings.TrimSpace(cell))
		}
		if err != nil {
			return fmt.Errorf("column %.40q: %w", c.Name, err)
		}
	}
	t.Rows++
	return nil
}

// label appends what a cell of the label names.
func (t *table) label(c *Column, cell string) error {
	if cell == "" {
		return fmt.Errorf("the cell is empty, a label is required: %w", ErrInvalid)
	}
	if t.Classes == 0 {
		targets, err := c.appendFeatures(t.Targets, cell)
		t.Targets = targets
		return err
	}
	class, err := c.class(cell)
	t.Labels = append(t.Labels, class)
	return err
}

func checkText(s string) error {
	switch {
	case !utf8.ValidString(s):
		return fmt.Errorf("not UTF-8; save the file as UTF-8: %w", ErrInvalid)
	case strings.ContainsRune(s, 0):
		return fmt.Errorf("a zero byte: %w", ErrInvalid)
	}
	return nil
}

// appendFeatures appends what a cell stands for.
func (c *Column) appendFeatures(to []float32, cell string) ([]float32, error) {
	if cell == "" && c.Required {
		return to, fmt.Errorf("the cell is empty, a value is required: %w", ErrInvalid)
	}
	if c.Type == TypeCategory {
		i := slices.Index(c.Values, cell)
		if i < 0 && cell != "" {
			return to, c.wrong(cell)
		}
		for j := range c.Values {
			x := float32(0)
			if i == j {
				x = 1
			}
			to = append(to, x)
		}
		return to, nil
	}
	if cell == "" {
		return append(to, 0), nil // the middle of the range
	}
	x, err := c.number(cell)
	if err != nil {
		return to, err
	}
	// Halves first: the sum and the difference of the bounds may overflow.
	middle, half := *c.Min/2+*c.Max/2, *c.Max/2-*c.Min/2
	return append(to, float32(max(-1, min(1, (x-middle)/half)))), nil
}

// class returns the class that a cell of the label names.
func (c *Column) class(cell string) (int32, error) {
	if c.Type == TypeCategory {
		i := slices.Index(c.Values, cell)
		if i < 0 {
			return 0, c.wrong(cell)
		}
		return int32(i), nil
	}
	x, err := c.number(cell)
	if err != nil {
		return 0, err
	}
	return int32(x - *c.Min), nil
}

func (c *Column) number(cell string) (float64, error) {
	x, err := strconv.ParseFloat(cell, 64)
	if err != nil || !(x >= *c.Min && x <= *c.Max) || c.Type == TypeInteger && x != math.Trunc(x) {
		return 0, c.wrong(cell)
	}
	return x, nil
}

// wrong says what is allowed, and whether a spreadsheet's formula is the cause.
func (c *Column) wrong(cell string) error {
	allowed := fmt.Sprintf("one of the %d values of the schema", len(c.Values))
	if c.Type != TypeCategory {
		article := map[string]string{TypeNumber: "a", TypeInteger: "an"}[c.Type]
		allowed = fmt.Sprintf("%s %s from %v to %v", article, c.Type, *c.Min, *c.Max)
	}
	if strings.ContainsAny(cell[:1], "=+@") || cell[0] == '-' && strings.ContainsAny(cell, "(!:") {
		return fmt.Errorf("the cell is a formula, want %s; save values instead of formulas: %w", allowed, ErrInvalid)
	}
	return fmt.Errorf("the cell is not %s: %w", allowed, ErrInvalid)
}
