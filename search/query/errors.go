package query

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrRequest tells that a search asks for what can't be answered; the text says
// what to ask instead.
var ErrRequest = errors.New("the search can't be answered")

// ErrTooManyGroups tells that an aggregation would have too many buckets: ask
// for longer intervals or a narrower query.
var ErrTooManyGroups = fmt.Errorf("%w: an aggregation has too many buckets", ErrRequest)

// ErrNotReady tells that an index holds nothing whole yet: ask again later.
var ErrNotReady = errors.New("the index is being built")

// ErrAway tells that an index cannot be opened or reached: ask again later, or at
// another node.
var ErrAway = errors.New("the index cannot be opened")

// SyntaxError says where a query is wrong.
type SyntaxError struct {
	Position        int // in characters, from 1
	Expected, Found string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("query, character %d: expected %s, found %s", e.Position, e.Expected, e.Found)
}

func quoteShort(s string) string {
	const longest = 40
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "…"
	}
	return strconv.Quote(s)
}
