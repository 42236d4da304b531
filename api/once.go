package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// jsonFormat is the framework's, but for fields that are given twice, of which it
// would take the last.
func jsonFormat() huma.Format {
	return huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: func(b []byte, v any) error {
		if err := json.Unmarshal(b, v); err != nil {
			return err
		}
		return checkOnce(b)
	}}
}

// strictNames has the framework take fields by their exact names. By default it
// goes by any case, and by the last of several, while it checks but one of them.
// That is a setting of the framework as a whole, hence once.
var strictNames = sync.OnceFunc(func() { huma.ValidateStrictCasing = true })

// level is an object or list that a walk is inside of.
type level struct {
	seen  map[string]bool // names so far, of an object; nil of a list
	value bool            // the next token is the value of a name
}

// checkOnce refuses JSON in which an object has two fields of one name. It is
// valid JSON, so that it is nested as deep as the decoder allows at most.
func checkOnce(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var inside []level
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		top := len(inside) - 1
		if name, ok := token.(string); ok && top >= 0 && inside[top].seen != nil && !inside[top].value {
			if inside[top].seen[name] {
				return fmt.Errorf("the field %.64q is given twice", name)
			}
			inside[top].seen[name], inside[top].value = true, true
			continue
		}
		if top >= 0 {
			inside[top].value = false
		}
		switch token {
		case json.Delim('{'):
			inside = append(inside, level{seen: map[string]bool{}})
		case json.Delim('['):
			inside = append(inside, level{})
		case json.Delim('}'), json.Delim(']'):
			inside = inside[:top]
		}
	}
}
