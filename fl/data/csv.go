package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Bounds of what ReadCSV accepts; a text beyond them is refused before memory
// is set aside for it.
const (
	MaxColumns  = 1 << 16 // features of one row
	MaxClasses  = 1 << 16 // distinct labels
	MaxFeatures = 1 << 28 // features of a whole data set: 1 GiB of float32
	maxLine     = 1 << 20 // bytes of one line
)

// CSV says how to read comma-separated text: one row a line, the features
// first, the label, an integer, last; no header, no quotes.
type CSV struct {
	Columns int     // features per row, 1 to MaxColumns
	Classes int     // labels lie in [0, Classes), 1 to MaxClasses
	Offset  float64 // subtracted from each feature; finite
	Scale   float64 // each feature is divided by it after that; finite and above 0
	MaxRows int     // rows accepted at most, at least 1
}

func (c CSV) validate() error {
	switch {
	case c.Columns < 1 || c.Columns > MaxColumns:
		return fmt.Errorf("%d columns: must be 1 to %d: %w", c.Columns, MaxColumns, ErrInvalid)
	case c.Classes < 1 || c.Classes > MaxClasses:
		return fmt.Errorf("%d classes: must be 1 to %d: %w", c.Classes, MaxClasses, ErrInvalid)
	case math.IsNaN(c.Offset) || math.IsInf(c.Offset, 0):
		return fmt.Errorf("offset %v: must be finite: %w", c.Offset, ErrInvalid)
	case !(c.Scale > 0) || math.IsInf(c.Scale, 1):
		return fmt.Errorf("scale %v: must be finite and above 0: %w", c.Scale, ErrInvalid)
	case c.MaxRows < 1 || c.MaxRows > MaxFeatures/c.Columns:
		return fmt.Errorf("at most %d rows of %d columns: must be 1 to %d rows: %w",
			c.MaxRows, c.Columns, MaxFeatures/c.Columns, ErrInvalid)
	}
	return nil
}

// ReadCSV reads a data set from text as c describes it. Empty lines are
// skipped. An error names the line and wraps ErrInvalid, or is the reader's.
func ReadCSV(r io.Reader, c CSV) (Dataset, error) {
	if err := c.validate(); err != nil {
		return Dataset{}, fmt.Errorf("read rows: %w", err)
	}
	d := Dataset{Columns: c.Columns, Classes: c.Classes}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	number := 0
	for lines.Scan() {
		number++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if d.Rows == c.MaxRows {
			return Dataset{}, fmt.Errorf("read line %d: more than %d rows: %w", number, c.MaxRows, ErrInvalid)
		}
		if err := d.appendLine(line, c); err != nil {
			return Dataset{}, fmt.Errorf("read line %d: %w", number, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return Dataset{}, fmt.Errorf("read line %d: longer than %d bytes: %w", number+1, maxLine, ErrInvalid)
	} else if err != nil {
		return Dataset{}, fmt.Errorf("read line %d: %w", number+1, err)
	}
	if d.Rows == 0 {
		return Dataset{}, fmt.Errorf("read rows: the text has none: %w", ErrInvalid)
	}
	return d, nil
}

func (d *Dataset) appendLine(line []byte, c CSV) error {
	for column := range d.Columns {
		field, rest, more := bytes.Cut(line, []byte{','})
		if !more {
			return fmt.Errorf("%d fields: must be %d features and a label: %w", column+1, d.Columns, ErrInvalid)
		}
		x, err := strconv.ParseFloat(string(bytes.TrimSpace(field)), 64)
		// The check comes after rounding: 1e300 is a finite float64 and an
		// infinite float32.
		scaled := float32((x - c.Offset) / c.Scale)
		if err != nil || math.IsNaN(float64(scaled)) || math.IsInf(float64(scaled), 0) {
			return fmt.Errorf("feature %d is %.32q: must be a number finite in float32: %w", column, field, ErrInvalid)
		}
		d.Features = append(d.Features, scaled)
		line = rest
	}
	label, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 32)
	if err != nil || label < 0 || label >= int64(d.Classes) {
		return fmt.Errorf("label is %.32q: must be a whole number in [0, %d): %w", line, d.Classes, ErrInvalid)
	}
	d.Labels = append(d.Labels, int32(label))
	d.Rows++
	return nil
}
