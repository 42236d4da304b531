package elastic

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// object is a JSON object.
type object = map[string]any

// The fields of a document beside those of the schema, whose names have
// no capitals.
const fieldKey = "documentKey" // kind and id, by which hits of one value are ordered

// numberOf is the field of an amount in double precision.
func numberOf(name string) string { return name + "Number" }

// wordsOf is the field of a text's words, parted by spaces.
func wordsOf(name string) string { return name + "Words" }

// ordered is the field by whose values another is compared and ordered.
func ordered(f document.Field) string {
	if f.Type == document.Amount {
		return numberOf(f.Name)
	}
	return f.Name
}

// layout is what a generation looks like.
type layout struct {
	mappings object
	id       string // digest of the mappings
}

func newLayout(schema *document.Schema) (*layout, error) {
	keyword := object{"type": "keyword"}
	properties := object{fieldKey: keyword}
	for _, f := range schema.Fields() {
		switch f.Type {
		case document.Keyword:
			properties[f.Name] = keyword
		case document.Integer:
			properties[f.Name] = object{"type": "long"}
		case document.Number:
			properties[f.Name] = object{"type": "double"}
		case document.Flag:
			properties[f.Name] = object{"type": "boolean"}
		case document.Time:
			properties[f.Name] = object{"type": "date", "format": "epoch_millis"}
		case document.Amount:
			properties[f.Name], properties[numberOf(f.Name)] = keyword, object{"type": "double"}
		case document.Text:
			// Words are split by document.Words. The text itself is read, not looked for.
			properties[f.Name] = object{"type": "keyword", "index": false, "doc_values": false}
			properties[wordsOf(f.Name)] = object{"type": "text", "analyzer": "whitespace", "norms": false}
		default:
			return nil, fmt.Errorf("field %s: no type %q is known", f.Name, f.Type)
		}
	}
	mappings := object{"dynamic": "strict", "properties": properties}
	b, err := json.Marshal(mappings)
	if err != nil {
		return nil, err
	}
	return &layout{mappings: mappings, id: ledger.Hash(b).String()[:16]}, nil
}

// source is a document as it is written.
func source(d *document.Document, schema *document.Schema) (object, error) {
	o := make(object, len(d.Fields)+6)
	o[document.FieldKind], o[document.FieldID], o[document.FieldHeight], o[fieldKey] = d.Kind, d.ID, d.Height, d.Key()
	for name, value := range d.Fields {
		f, ok := schema.Field(name)
		if !ok {
			return nil, fmt.Errorf("field %s is not in the schema", name)
		}
		o[name] = value
		text, is := value.(string)
		switch {
		case is && f.Type == document.Amount:
			o[numberOf(name)] = query.AmountNumber(text)
		case is && f.Type == document.Text:
			o[wordsOf(name)] = strings.Join(document.Words(text), " ")
		}
	}
	return o, nil
}

// settings are those of an index of documents.
func (x *Index) settings() object {
	var words []string
	for _, f := range x.schema.Fields() {
		if f.Type == document.Text {
			words = append(words, wordsOf(f.Name))
		}
	}
	return object{
		"number_of_shards": x.config.Shards, "number_of_replicas": x.config.Replicas,
		"query.default_field": words, // of Kibana's search bar
	}
}

func (x *Index) stateIndex() string { return x.config.Prefix + "-state" }

func (x *Index) generation(n int) string { return fmt.Sprintf("%s-v%d", x.config.Prefix, n) }
