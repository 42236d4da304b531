package data

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// ErrInvalid is wrapped by every error about a data set, a text or a partition
// that breaks an invariant of this package. The caller has to change its input.
var ErrInvalid = errors.New("invalid data")

// Dataset is a labelled table. Training reads it and never writes to it, so
// one Dataset may serve many trainers at once. A row has a class, or a number
// that regression is to find.
type Dataset struct {
	Features []float32 // Rows×Columns, row-major
	Labels   []int32   // one per row, in [0, Classes); nil where there are targets
	Targets  []float32 // one per row, where Classes is 0; else nil
	Rows     int
	Columns  int
	Classes  int
	Sources  []string // names of a table's columns that were looked at, the label's last; nil where they have none
}

// Row returns the features of row i, Columns long, sharing memory with d.
func (d Dataset) Row(i int) []float32 {
	return d.Features[i*d.Columns : (i+1)*d.Columns : (i+1)*d.Columns]
}

// Validate reports the first break of invariant 1, wrapping ErrInvalid.
func (d Dataset) Validate() error {
	switch {
	case d.Rows < 1 || d.Columns < 1 || d.Classes < 0:
		return fmt.Errorf("data set of %d rows, %d columns, %d classes: rows and columns must be at least 1, classes 0 or more: %w",
			d.Rows, d.Columns, d.Classes, ErrInvalid)
	case d.Classes > 0 && (len(d.Labels) != d.Rows || d.Targets != nil):
		return fmt.Errorf("data set of %d rows and %d classes has %d labels and %d targets: %w", d.Rows, d.Classes, len(d.Labels), len(d.Targets), ErrInvalid)
	case d.Classes == 0 && (len(d.Targets) != d.Rows || d.Labels != nil):
		return fmt.Errorf("data set of %d rows without classes has %d targets and %d labels: %w", d.Rows, len(d.Targets), len(d.Labels), ErrInvalid)
	case len(d.Features)/d.Columns != d.Rows || len(d.Features)%d.Columns != 0:
		return fmt.Errorf("data set of %d rows and %d columns has %d features: %w",
			d.Rows, d.Columns, len(d.Features), ErrInvalid)
	}
	for i, label := range d.Labels {
		if label < 0 || int(label) >= d.Classes {
			return fmt.Errorf("label %d of row %d is outside [0, %d): %w", label, i, d.Classes, ErrInvalid)
		}
	}
	for i, x := range d.Targets {
		if notFinite(x) {
			return fmt.Errorf("target %v of row %d: must be finite: %w", x, i, ErrInvalid)
		}
	}
	for i, x := range d.Features {
		if notFinite(x) {
			return fmt.Errorf("feature %v in row %d, column %d: must be finite: %w",
				x, i/d.Columns, i%d.Columns, ErrInvalid)
		}
	}
	return nil
}

func notFinite(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) }

// Subset returns a copy of the named rows, in the order given. A row may be
// named more than once; a row outside the data set is an error.
func (d Dataset) Subset(rows []int) (Dataset, error) {
	s := Dataset{
		Features: make([]float32, 0, len(rows)*d.Columns),
		Rows:     len(rows),
		Columns:  d.Columns,
		Classes:  d.Classes,
		Sources:  d.Sources,
	}
	for _, r := range rows {
		if r < 0 || r >= d.Rows {
			return Dataset{}, fmt.Errorf("take row %d: outside [0, %d): %w", r, d.Rows, ErrInvalid)
		}
		s.Features = append(s.Features, d.Row(r)...)
		if d.Classes > 0 {
			s.Labels = append(s.Labels, d.Labels[r])
		} else {
			s.Targets = append(s.Targets, d.Targets[r])
		}
	}
	return s, nil
}

// HoldOut sets a share of the rows aside, drawn by seed: at least one, and not
// all. It wraps ErrInvalid where the share is not above 0 and below 1, or there is
// one row alone.
func (d Dataset) HoldOut(share float64, seed uint64) (rest, held Dataset, err error) {
	if !(share > 0 && share < 1) || d.Rows < 2 {
		return rest, held, fmt.Errorf("hold out %v of %d rows: want a share above 0 and below 1 of at least two rows: %w", share, d.Rows, ErrInvalid)
	}
	order := rand.New(newSource("hold out", seed)).Perm(d.Rows) //nolint:gosec // a repeatable split is the purpose
	n := min(max(1, int(share*float64(d.Rows))), d.Rows-1)
	aside, stay := order[:n], order[n:]
	slices.Sort(aside)
	slices.Sort(stay)
	if held, err = d.Subset(aside); err != nil {
		return rest, held, err
	}
	rest, err = d.Subset(stay)
	return rest, held, err
}

// LabelCounts returns how many rows carry each label, Classes long: none where the
// rows have targets.
func (d Dataset) LabelCounts() []int {
	counts := make([]int, d.Classes)
	for _, label := range d.Labels {
		counts[label]++
	}
	return counts
}
