package query

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
)

// Place is where hits end: the order's value of the last one, nil where it has
// none, and its key.
type Place struct {
	Value any
	Key   string
}

// cursor is a place as it is written, with the search that it belongs to.
type cursor struct {
	Search string          `json:"s"`
	Value  json.RawMessage `json:"v"`
	Key    string          `json:"k"`
}

const maxCursorBytes = 4 << 10

// search is what a cursor belongs to; what the reader may see can change between.
func (r *Request) search(o Order) string {
	text := ""
	if r.Query != nil {
		text = String(r.Query)
	}
	return ledger.Hash(fmt.Appendf(nil, "%s\x00%s\x00%t", text, o.Field.Name, o.Ascending)).String()[:16]
}

// NextCursor names the place behind a document.
func (r *Request) NextCursor(o Order, d *document.Document) (string, error) {
	value, err := json.Marshal(SortValue(d, o.Field))
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(cursor{Search: r.search(o), Value: value, Key: d.Key()})
	return base64.RawURLEncoding.EncodeToString(b), err
}

// SortValue is what a document is ordered by: as in [Range], nil where it has
// none.
func SortValue(d *document.Document, f document.Field) any {
	switch f.Name {
	case document.FieldKind:
		return string(d.Kind)
	case document.FieldID:
		return d.ID
	case document.FieldHeight:
		return int64(d.Height)
	}
	v, ok := d.Fields[f.Name]
	if !ok {
		return nil
	}
	if text, is := v.(string); is && f.Type == document.Amount {
		return AmountNumber(text)
	}
	return v
}

// Place returns where the request goes on, or false where it begins.
func (r *Request) Place(o Order) (Place, bool, error) {
	if r.Cursor == "" {
		return Place{}, false, nil
	}
	wrong := fmt.Errorf("%w: cursor: it is none of this search; begin without one", ErrRequest)
	if len(r.Cursor) > maxCursorBytes {
		return Place{}, false, wrong
	}
	b, err := base64.RawURLEncoding.DecodeString(r.Cursor)
	if err != nil {
		return Place{}, false, wrong
	}
	var c cursor
	if json.Unmarshal(b, &c) != nil || c.Search != r.search(o) {
		return Place{}, false, wrong
	}
	value, err := readValue(c.Value, o.Field.Type)
	if err != nil {
		return Place{}, false, wrong
	}
	return Place{Value: value, Key: c.Key}, true, nil
}

// readValue reads a value in the type that the field is ordered by.
func readValue(b json.RawMessage, t document.Type) (any, error) {
	if string(b) == "null" {
		return nil, nil //nolint:nilnil // documents without the field have none
	}
	var err error
	switch t {
	case document.Integer, document.Time:
		var v int64
		err = json.Unmarshal(b, &v)
		return v, err
	case document.Number, document.Amount:
		var v float64
		err = json.Unmarshal(b, &v)
		return v, err
	case document.Flag:
		var v bool
		err = json.Unmarshal(b, &v)
		return v, err
	case document.Keyword, document.Text:
	}
	var v string
	err = json.Unmarshal(b, &v)
	return v, err
}
