package data

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
)

// Shape of the embedded digits: the first DigitsPoolRows rows of the file are
// for training, the last DigitsHeldOutRows, by other writers, for measuring.
const (
	DigitsColumns     = 64 // cells of an image, row by row
	DigitsWidth       = 8  // cells of a row
	DigitsClasses     = 10
	DigitsPoolRows    = 1437
	DigitsHeldOutRows = 360

	// Counts of ink run from 0 to 16 and are centred, (count - 8) / 8: a
	// perceptron learns faster from inputs around zero (LeCun et al. 1998,
	// "Efficient BackProp", §4.3). DigitsBlank is a cell without ink.
	DigitsBlank = -1
	digitsHalf  = 8
)

//go:embed digits.csv.gz
var digitsCSV []byte

// Digits returns the UCI digits, features scaled to [-1, 1]: the pool that is
// split among peers and the held-out rows that no peer sees. Each call decodes
// afresh (a few milliseconds), so the caller owns what it gets.
func Digits() (pool, heldOut Dataset, err error) {
	text, err := gzip.NewReader(bytes.NewReader(digitsCSV))
	if err != nil {
		return Dataset{}, Dataset{}, fmt.Errorf("open the embedded digits: %w", err)
	}
	const rows = DigitsPoolRows + DigitsHeldOutRows
	all, err := ReadCSV(text, CSV{
		Columns: DigitsColumns, Classes: DigitsClasses, Offset: digitsHalf, Scale: digitsHalf, MaxRows: rows,
	})
	if err != nil {
		return Dataset{}, Dataset{}, fmt.Errorf("decode the embedded digits: %w", err)
	}
	if all.Rows != rows {
		return Dataset{}, Dataset{}, fmt.Errorf("decode the embedded digits: %d rows instead of %d: %w",
			all.Rows, rows, ErrInvalid)
	}
	return all.slice(0, DigitsPoolRows), all.slice(DigitsPoolRows, rows), nil
}

// The split of the digits among the peers of a network.
const (
	MaxDigitsParts = 100
	digitsAlpha    = 0.5 // of the Dirichlet distribution: lower is more uneven
	digitsMinRows  = 8
)

// DigitsParts splits the pool of the digits among peers, unevenly by label. The
// parts of peers that were given the same numbers do not overlap.
func DigitsParts(parts int, seed uint64) ([]Dataset, error) {
	pool, _, err := Digits()
	if err != nil {
		return nil, err
	}
	splits, err := Dirichlet(pool, digitsAlpha, parts, digitsMinRows, seed)
	if err != nil {
		return nil, fmt.Errorf("split the digits among %d peers: %w", parts, err)
	}
	all := make([]Dataset, parts)
	for i, rows := range splits {
		if all[i], err = pool.Subset(rows); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// slice returns rows [from, to) without copying; the capacities end with the
// slice so that appending to one part cannot reach into the other.
func (d Dataset) slice(from, to int) Dataset {
	d.Features = d.Features[from*d.Columns : to*d.Columns : to*d.Columns]
	if d.Classes > 0 {
		d.Labels = d.Labels[from:to:to]
	} else {
		d.Targets = d.Targets[from:to:to]
	}
	d.Rows = to - from
	return d
}
