package document

import (
	"encoding/hex"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/librum/librum/chain/ledger"
)

// Event is what a contract said, as it is read by who does not know its type.
type Event struct {
	Type string
	Data map[string]any
}

// newDecoder returns a decoder for what contracts wrote: any deterministic CBOR,
// since contracts of later versions say new things.
func newDecoder() (cbor.DecMode, error) {
	return cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 16, MaxArrayElements: 1 << 16, MaxMapPairs: 1 << 16,
		DefaultMapType: reflect.TypeFor[map[string]any](),
	}.DecMode()
}

func (e Event) id(name string) (ledger.ID, bool) {
	b, ok := e.Data[name].([]byte)
	if !ok || len(b) != len(ledger.ID{}) {
		return ledger.ID{}, false
	}
	return ledger.ID(b), !ledger.ID(b).IsZero()
}

func (e Event) digest(name string) (ledger.Digest, bool) {
	b, ok := e.Data[name].([]byte)
	if !ok || len(b) != len(ledger.Digest{}) {
		return ledger.Digest{}, false
	}
	return ledger.Digest(b), !ledger.Digest(b).IsZero()
}

func (e Event) number(name string) uint64 {
	n, _ := e.Data[name].(uint64)
	return n
}

// take sets the fields that data name, where they hold what the field holds, and
// returns the texts of all others, which are found by their words. Lists and
// maps are looked through; the order is that of their names.
func (s *Schema) take(v Values, data map[string]any) (words []string) {
	names := make([]string, 0, len(data))
	for name := range data {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, set := v[name]; !set && s.set(v, name, data[name]) {
			continue
		}
		words = s.wordsOf(v, data[name], words)
	}
	return words
}

func (s *Schema) wordsOf(v Values, value any, words []string) []string {
	switch value := value.(type) {
	case string:
		return append(words, value)
	case map[string]any:
		return append(words, s.take(v, value)...)
	case []any:
		for _, item := range value {
			words = s.wordsOf(v, item, words)
		}
	}
	return words
}

// set reports whether the schema has a field of the name for the value.
func (s *Schema) set(v Values, name string, value any) bool {
	f, ok := s.Field(name)
	if !ok || slices.Contains(own(), name) {
		return false
	}
	switch value := value.(type) {
	case []byte:
		return setBytes(v, f, value)
	case string:
		if f.Type != Keyword || f.Many || strings.TrimSpace(value) == "" {
			return false
		}
		v.keyword(name, value)
	case uint64:
		if value > math.MaxInt64 || !wholeFits(f.Type, int64(value)) {
			return false
		}
		v[name] = int64(value)
	case int64:
		if !wholeFits(f.Type, value) {
			return false
		}
		v[name] = value
	case float64:
		if f.Type != Number || math.IsNaN(value) || math.IsInf(value, 0) {
			return false
		}
		v[name] = value
	case bool:
		if f.Type != Flag {
			return false
		}
		v[name] = value
	case []any:
		return setMany(v, f, value)
	default:
		return false
	}
	return true
}

// wholeFits reports whether a field of the type may hold a whole number.
func wholeFits(t Type, n int64) bool {
	return t == Integer || t == Time && n > -MaxTime && n < MaxTime
}

func setBytes(v Values, f Field, b []byte) bool {
	switch {
	case f.Type == Amount && len(b) <= 32:
		v[f.Name] = new(big.Int).SetBytes(b).String()
	case f.Type == Keyword && !f.Many && (len(b) == len(ledger.ID{}) || len(b) == len(ledger.Digest{})):
		if strings.Trim(string(b), "\x00") != "" {
			v[f.Name] = hex.EncodeToString(b)
		}
	default:
		return false
	}
	return true
}

func setMany(v Values, f Field, items []any) bool {
	if !f.Many {
		return false
	}
	list := make([]string, 0, len(items))
	for _, item := range items {
		switch item := item.(type) {
		case []byte:
			list = append(list, hex.EncodeToString(item))
		case string:
			list = append(list, item)
		default:
			return false
		}
	}
	v.many(f.Name, list)
	return true
}

// own are the fields that say where a document stands and who may see it: no
// contract's data set them.
func own() []string {
	return []string{
		FieldKind, FieldID, FieldHeight, FieldTime, FieldTransaction, FieldSender, FieldContract, FieldMethod, FieldCode, FieldType,
		FieldText, FieldOwner, FieldPublic,
	}
}
