package data

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxRecords bounds the bytes of the cells that ReadRecords holds.
const maxRecords = 1 << 30

// MaxGroups bounds the groups of [Records.By].
const MaxGroups = 10_000

// Records are the rows of a comma-separated table as they stand there, in the
// order of the rows that [ReadTable] gives.
type Records struct {
	Header []string
	Rows   [][]string
}

// ReadRecords reads all cells of a table. Errors name the line, never what stands
// there, and wrap ErrInvalid, or are the reader's.
func ReadRecords(r io.Reader) (Records, error) {
	bounded := &budget{r: r, left: maxRecord}
	start := bufio.NewReader(bounded)
	if err := skipMark(start); err != nil {
		return Records{}, fmt.Errorf("read records: %w", err)
	}
	reader := csv.NewReader(start)
	var all Records
	bytes := 0
	for number := 0; ; number++ {
		bounded.left = maxRecord
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Records{}, fmt.Errorf("read records: %w", explain(err, number+1, 0))
		}
		for _, cell := range record {
			bytes += len(cell)
		}
		if bytes > maxRecords {
			return Records{}, fmt.Errorf("read records: more than %d bytes: %w", maxRecords, ErrInvalid)
		}
		if number == 0 {
			all.Header = record
		} else {
			all.Rows = append(all.Rows, record)
		}
	}
	return all, nil
}

// Write writes the header and some of the rows, by their numbers.
func (r *Records) Write(w io.Writer, rows []int) error {
	out := csv.NewWriter(w)
	if err := out.Write(r.Header); err != nil {
		return err
	}
	for _, row := range rows {
		if err := out.Write(r.Rows[row]); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Group is the rows that have a value in a column.
type Group struct {
	Value string
	Rows  []int // ascending
}

// By puts the rows that have the same value in a column into a group: a
// partition that the data have by themselves. Groups come in the order of their
// values, numbers before other texts; rows without a value are in none.
func (r *Records) By(column string) (groups []Group, without int, err error) {
	at := slices.Index(r.Header, column)
	if at < 0 || slices.Contains(r.Header[at+1:], column) {
		return nil, 0, fmt.Errorf("group by %.40q: want a column that stands there once: %w", column, ErrInvalid)
	}
	places := map[string]int{}
	for row, record := range r.Rows {
		value := strings.TrimSpace(record[at])
		if value == "" {
			without++
			continue
		}
		place, known := places[value]
		if !known {
			if len(groups) == MaxGroups {
				return nil, 0, fmt.Errorf("group by %.40q: more than %d values: %w", column, MaxGroups, ErrInvalid)
			}
			place = len(groups)
			places[value] = place
			groups = append(groups, Group{Value: value})
		}
		groups[place].Rows = append(groups[place].Rows, row)
	}
	slices.SortFunc(groups, func(a, b Group) int { return compareValues(a.Value, b.Value) })
	return groups, without, nil
}

func compareValues(a, b string) int {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	switch {
	case errX == nil && errY == nil && x != y:
		return cmp.Compare(x, y)
	case errX == nil && errY != nil:
		return -1
	case errX != nil && errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}
