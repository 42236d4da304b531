package v1

import "github.com/librum/librum/chain/ledger"

// SearchRequest asks what final blocks hold.
type SearchRequest struct {
	_ struct{} `additionalProperties:"false"`

	Query        string              `json:"query,omitempty" maxLength:"4096" example:"kind:round AND state:final AND accuracy>=0.9" doc:"In the query language of docs/search.md; empty finds all."`
	Sort         string              `json:"sort,omitempty" maxLength:"40" doc:"Field by which hits are ordered; height if missing. What lacks it comes last."`
	Order        string              `json:"order,omitempty" enum:"desc,asc" doc:"desc if missing."`
	Limit        *int                `json:"limit,omitempty" minimum:"0" maximum:"1000" doc:"Hits; 20 if missing. 0 asks for aggregations alone."`
	Cursor       string              `json:"cursor,omitempty" maxLength:"4096" doc:"next_cursor of the page before, of the same search."`
	Highlight    bool                `json:"highlight,omitempty" doc:"Say where the words were found."`
	Aggregations []SearchAggregation `json:"aggregations,omitempty" maxItems:"20" doc:"What to compute over all that is found."`
}

// SearchAggregation is one computation over all documents found.
type SearchAggregation struct {
	_ struct{} `additionalProperties:"false"`

	Op       string              `json:"op" enum:"count,sum,min,max,avg,percentiles,cardinality,terms,date_histogram" doc:"terms and date_histogram make buckets."`
	Field    string              `json:"field,omitempty" maxLength:"40" doc:"Of what; count does without."`
	Size     int                 `json:"size,omitempty" minimum:"0" maximum:"10000" doc:"Buckets of terms; 10 if missing."`
	Interval string              `json:"interval,omitempty" maxLength:"20" example:"1h" doc:"Of a date_histogram, in UTC: a number with ms, s, m, h or d."`
	Percents []float64           `json:"percents,omitempty" maxItems:"20" doc:"In steps of 0.1; 50, 90 and 99 if missing."`
	Within   []SearchAggregation `json:"within,omitempty" maxItems:"20" doc:"Computed for each bucket."`
}

// SearchAnswer is what was found.
type SearchAnswer struct {
	Indexed      Indexed           `json:"indexed"`
	Total        int               `json:"total" doc:"Hits that the caller may see, counted up to 10,000."`
	More         bool              `json:"more,omitempty" doc:"There are more than that."`
	Hits         []SearchHit       `json:"hits" nullable:"false"`
	NextCursor   string            `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
	Aggregations []SearchAggregate `json:"aggregations,omitempty" doc:"One for each that was asked for, in that order."`
}

// Indexed says what an answer holds: all final blocks up to a height.
type Indexed struct {
	Height uint64        `json:"height"`
	Hash   ledger.Digest `json:"hash" doc:"Chain hash at that height."`
	Lowest uint64        `json:"lowest" doc:"Lowest block whose transactions and events are kept."`
}

// SearchHit is a document.
type SearchHit struct {
	Kind       string         `json:"kind" doc:"block, transaction, event, account, identity, job, round, update or model"`
	ID         string         `json:"id"`
	Height     uint64         `json:"height" doc:"Of the block that wrote it last."`
	Fields     map[string]any `json:"fields" doc:"As in /v1/search/fields. Amounts are decimal strings, times ms."`
	Proof      string         `json:"proof" doc:"Where the proof of what it says is: of its transaction's result, of its block, or the genesis."`
	Highlights []Highlight    `json:"highlights,omitempty"`
}

// Highlight is where words were found in a text. Parts are text and no markup.
type Highlight struct {
	Field string          `json:"field"`
	Parts []HighlightPart `json:"parts" nullable:"false"`
}

// HighlightPart is a piece of a text.
type HighlightPart struct {
	Text  string `json:"text"`
	Match bool   `json:"match,omitempty"`
}

// SearchAggregate is what an aggregation computed.
type SearchAggregate struct {
	Value       *float64           `json:"value,omitempty" doc:"Missing where there is nothing to compute it from."`
	Percentiles []SearchPercentile `json:"percentiles,omitempty"`
	Buckets     []SearchBucket     `json:"buckets,omitempty"`
}

// SearchPercentile is the value at or below which so many of a hundred lie.
type SearchPercentile struct {
	Percent float64 `json:"percent"`
	Value   float64 `json:"value"`
}

// SearchBucket is the documents with one value, or of one interval.
type SearchBucket struct {
	Key    any               `json:"key" doc:"A text, a whole number, or the beginning of an interval in ms."`
	Count  int64             `json:"count"`
	Within []SearchAggregate `json:"within,omitempty"`
}

// SearchFields lists what can be searched.
type SearchFields struct {
	Fields []SearchField `json:"fields" nullable:"false"`
}

// SearchField is a field of documents.
type SearchField struct {
	Name string `json:"name"`
	Type string `json:"type" doc:"keyword, text, integer, number, time, amount or flag"`
	Many bool   `json:"many,omitempty" doc:"It holds several."`
	Doc  string `json:"doc"`
}
