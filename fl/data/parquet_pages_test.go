package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// field is a whole number of a message, or a struct where it has fields.
type field struct {
	id     int
	value  int64
	fields []field
}

// thriftMessage writes a struct in the compact protocol, with each field's number in
// full, so that it may be any.
func thriftMessage(fields ...field) []byte {
	var b []byte
	zigzag := func(v int64) { b = binary.AppendUvarint(b, uint64(v<<1)^uint64(v>>63)) }
	for _, f := range fields {
		if f.fields != nil {
			b = append(b, thriftStruct)
			zigzag(int64(f.id))
			b = append(b, thriftMessage(f.fields...)...)
			continue
		}
		b = append(b, thriftI32)
		zigzag(int64(f.id))
		zigzag(f.value)
	}
	return append(b, 0)
}

// TestPageHeaders: what the walk looks at is what the library will look at, so that
// a page can't be checked by one header and read by another.
func TestPageHeaders(t *testing.T) {
	t.Parallel()
	page := func(typ int64, headers ...field) []field {
		return append([]field{{id: 1, value: typ}, {id: 2, value: 8}, {id: 3, value: 8}}, headers...)
	}
	data := field{id: 5, fields: []field{{id: 1, value: 3}, {id: 2}, {id: 3, value: 3}, {id: 4, value: 3}}}
	newer := field{id: 8, fields: []field{{id: 1, value: 1}, {id: 2}, {id: 3, value: 1}, {id: 4}, {id: 5}, {id: 6}}}
	dictionary := func(encoding int64) field {
		return field{id: 7, fields: []field{{id: 1, value: 2}, {id: 2, value: encoding}}}
	}
	for name, c := range map[string]struct {
		fields []field
		values int64
		want   string
	}{
		"of data":                        {page(dataPage, data), 3, ""},
		"of data, newer":                 {page(dataPageV2, newer), 1, ""},
		"of a dictionary":                {page(dictionaryPage, dictionary(0)), 2, ""},
		"of a dictionary, as before":     {page(dictionaryPage, dictionary(2)), 2, ""},
		"of a dictionary, packed deltas": {page(dictionaryPage, dictionary(5)), 2, "DELTA_BINARY_PACKED"},
		"of a dictionary in runs":        {page(dictionaryPage, dictionary(3)), 2, "RLE"},
		"with the header of another":     {page(dataPage, data, newer), 0, "header of another"},
		"with a dictionary's header":     {page(dataPage, data, dictionary(0)), 0, "header of another"},
		"with another's header alone":    {page(dictionaryPage, data), 0, "header of another"},
		"of an index":                    {page(1, data), 0, "neither"},
		"of no type":                     {page(-1, data), 0, "neither"},
		"of a type to come":              {page(4, data), 0, "neither"},
		"without a type":                 {[]field{{id: 2, value: 8}, data}, 0, "neither"},
		"with a header twice":            {page(dataPage, data, data), 0, "out of order"},
		"with a type at the end":         {append(page(dataPage, data), field{id: 1, value: dictionaryPage}), 0, "out of order"},
	} {
		b := thriftMessage(c.fields...)
		p, err := readPageHeader(bytes.NewReader(b), 0, int64(len(b)))
		if c.want == "" {
			if err != nil || p.values != c.values || p.header != int64(len(b)) || p.packed != 8 || p.unpacked != 8 {
				t.Errorf("a page %s: %+v, %v", name, p, err)
			}
		} else if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a page %s: %+v, %v, want %s", name, p, err, c.want)
		}
	}
}
