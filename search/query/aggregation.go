package query

import (
	"fmt"
	"slices"
	"time"

	"github.com/librum/librum/search/document"
)

// Op is what an aggregation computes.
type Op string

// The aggregations. Terms and histogram make buckets, in which others compute.
const (
	OpCount       Op = "count" // of documents that have the field; without one, of all
	OpSum         Op = "sum"
	OpMin         Op = "min"
	OpMax         Op = "max"
	OpAvg         Op = "avg"
	OpPercentiles Op = "percentiles" // by nearest rank
	OpCardinality Op = "cardinality" // how many different values
	OpTerms       Op = "terms"       // a bucket for each value, the most frequent first, then by value
	OpHistogram   Op = "date_histogram"
)

// Ops lists them.
func Ops() []Op {
	return []Op{OpCount, OpSum, OpMin, OpMax, OpAvg, OpPercentiles, OpCardinality, OpTerms, OpHistogram}
}

// Bounds of aggregations.
const (
	MaxAggregations = 20
	MaxNesting      = 3
	MaxTermBuckets  = 10_000
	DefaultBuckets  = 10
	MaxBuckets      = 10_000 // of one aggregation in all
)

// Aggregation is one computation over all documents found.
type Aggregation struct {
	Op       Op
	Field    string
	Size     int           // buckets of terms; 0: [DefaultBuckets]
	Interval time.Duration // of a histogram, in UTC
	Percents []float64     // of percentiles, to a tenth; none: 50, 90, 99
	Within   []Aggregation // computed for each bucket
}

// Aggregate is what an aggregation computed: the part that its op has.
type Aggregate struct {
	Value   *float64 // nil where there is nothing to compute it from
	Values  []Percentile
	Buckets []Bucket
}

// Percentile is the value below or at which so many of a hundred lie.
type Percentile struct{ Percent, Value float64 }

// Bucket is the documents with one value, or of one interval of time.
type Bucket struct {
	Text   string // of terms
	Number int64  // of terms of whole numbers; of histograms the beginning, ms
	Count  int64
	Within []Aggregate
}

// Buckets reports whether the op makes buckets.
func (o Op) Buckets() bool { return o == OpTerms || o == OpHistogram }

// TermSize is how many buckets the terms may make.
func (a *Aggregation) TermSize() int {
	if a.Size == 0 {
		return DefaultBuckets
	}
	return a.Size
}

// PercentList is the percents asked for.
func (a *Aggregation) PercentList() []float64 {
	if len(a.Percents) == 0 {
		return []float64{50, 90, 99}
	}
	return a.Percents
}

func checkAggregations(list []Aggregation, schema *document.Schema, depth int, number *int) error {
	if depth > MaxNesting && len(list) > 0 {
		return fmt.Errorf("%w: aggregations: more than %d within each other", ErrRequest, MaxNesting)
	}
	for i := range list {
		if *number++; *number > MaxAggregations {
			return fmt.Errorf("%w: aggregations: more than %d", ErrRequest, MaxAggregations)
		}
		a := &list[i]
		if err := a.check(schema); err != nil {
			return fmt.Errorf("%w: aggregation %s of %.40q: %w", ErrRequest, a.Op, a.Field, err)
		}
		if err := checkAggregations(a.Within, schema, depth+1, number); err != nil {
			return err
		}
	}
	return nil
}

func (a *Aggregation) check(schema *document.Schema) error {
	f, known := schema.Field(a.Field)
	switch {
	case !slices.Contains(Ops(), a.Op):
		return fmt.Errorf("want one of %v", Ops())
	case a.Op == OpCount && a.Field == "":
	case !known:
		return fmt.Errorf("there is no such field")
	}
	switch {
	case len(a.Within) > 0 && !a.Op.Buckets():
		return fmt.Errorf("only terms and date_histogram have others within")
	case a.Size != 0 && (a.Op != OpTerms || a.Size < 1 || a.Size > MaxTermBuckets):
		return fmt.Errorf("size: %d, want 1 to %d, of terms alone", a.Size, MaxTermBuckets)
	case (a.Interval != 0) != (a.Op == OpHistogram) || a.Interval%time.Millisecond != 0 || a.Interval < 0:
		return fmt.Errorf("interval: want one of at least 1ms for date_histogram, and for nothing else")
	case len(a.Percents) > 0 && a.Op != OpPercentiles || len(a.Percents) > 20:
		return fmt.Errorf("percents: want at most 20, of percentiles alone")
	}
	for _, p := range a.Percents {
		if !(p > 0 && p <= 100) || p*10 != float64(int(p*10)) {
			return fmt.Errorf("percents: %v, want above 0 to 100, in steps of 0.1", p)
		}
	}
	return a.Op.fits(f)
}

// fits says whether the op can be computed of the field.
func (o Op) fits(f document.Field) error {
	switch o {
	case OpCount:
		return nil
	case OpSum, OpMin, OpMax, OpAvg, OpPercentiles:
		if !f.Type.Numeric() {
			return fmt.Errorf("it is a %s, want numbers", f.Type)
		}
	case OpHistogram:
		if f.Type != document.Time {
			return fmt.Errorf("it is a %s, want a time", f.Type)
		}
	case OpTerms, OpCardinality:
		if f.Type != document.Keyword && f.Type != document.Integer {
			return fmt.Errorf("it is a %s, want a keyword or whole numbers", f.Type)
		}
	}
	return nil
}
