package query

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
)

// Bounds of a request.
const (
	MaxHits      = 1_000
	DefaultHits  = 20
	MaxTotal     = 10_000 // hits are counted so far
	DefaultOrder = document.FieldHeight
)

// Request is a search.
type Request struct {
	Query Node // nil: all
	// Sees narrows what is found to what the reader may see; nil: all. Hits and
	// counts alike are those of both.
	Sees Node
	// Sort is the field by which hits are ordered; empty: by height.
	Sort      string
	Ascending bool
	Limit     int // hits, 0 for none but aggregations; at most [MaxHits]
	Cursor    string
	Aggregate []Aggregation
}

// Filter is what hits must be.
func (r *Request) Filter() Node {
	switch {
	case r.Query == nil && r.Sees == nil:
		return All{}
	case r.Sees == nil:
		return r.Query
	case r.Query == nil:
		return r.Sees
	}
	return And{[]Node{r.Query, r.Sees}}
}

// Order is how hits are ordered.
type Order struct {
	Field     document.Field
	Ascending bool
}

// Check returns the order, or an [ErrRequest] that says what is wrong.
func (r *Request) Check(schema *document.Schema) (Order, error) {
	name := r.Sort
	if name == "" {
		name = DefaultOrder
	}
	f, ok := schema.Field(name)
	if !ok || f.Many || f.Type == document.Text {
		return Order{}, fmt.Errorf("%w: sort: %.40q is no field with an order", ErrRequest, name)
	}
	if r.Limit < 0 || r.Limit > MaxHits {
		return Order{}, fmt.Errorf("%w: limit: %d, want 0 to %d", ErrRequest, r.Limit, MaxHits)
	}
	return Order{f, r.Ascending}, checkAggregations(r.Aggregate, schema, 1, new(int))
}

// Checkpoint says what an index holds: all that final blocks said up to a height.
type Checkpoint struct {
	Chain  ledger.Digest
	Base   uint64 // the height whose state it began with
	Height uint64
	Hash   ledger.Digest // chain hash at the height; the genesis digest at 0
	Lowest uint64        // of the documents of what happened at one height
}

// Answer is what a search found.
type Answer struct {
	At    Checkpoint
	Total int  // hits, counted up to MaxTotal
	More  bool // there are more than that
	Hits  []document.Document
	Next  string // cursor of the hits that follow; empty at the end
	// Aggregates has one entry for each aggregation asked for.
	Aggregates []Aggregate
}
