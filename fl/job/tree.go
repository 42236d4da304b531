package job

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxBytes bounds a spec as JSON or YAML.
const MaxBytes = 64 << 10

// maxDepth bounds how deep a document nests; a spec needs three levels.
const maxDepth = 8

// tree is a document as both formats have it, before any field is known.
type tree struct {
	kind    kind
	text    string   // of a scalar, as written
	members []member // of an object, in order
	items   []tree   // of a list
}

type kind int

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

type member struct {
	name  string
	value tree
}

// String shows a value in an error.
func (t *tree) String() string {
	switch t.kind {
	case null:
		return "null"
	case text:
		return strconv.Quote(shorten(t.text))
	case list:
		items := make([]string, 0, len(t.items))
		for i := range t.items {
			items = append(items, t.items[i].String())
		}
		return shorten("[" + strings.Join(items, ", ") + "]")
	case object:
		return fmt.Sprintf("an object of %d fields", len(t.members))
	default:
		return shorten(t.text)
	}
}

// integer returns the value of a whole number in decimal digits.
func (t *tree) integer() (int64, bool) {
	if t.kind != number {
		return 0, false
	}
	n, err := strconv.ParseInt(t.text, 10, 64)
	return n, err == nil
}

// float returns the value of a number; one too large for a float64 has none.
func (t *tree) float() (float64, bool) {
	if t.kind != number {
		return 0, false
	}
	x, err := strconv.ParseFloat(t.text, 64)
	return x + 0, err == nil // −0 becomes 0, so that a value has one encoding
}
