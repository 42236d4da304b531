package searchtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// hostile are texts that a back end must take for nothing but text.
var hostile = []string{
	`'; DROP TABLE documents; --`, `" OR 1=1 --`, `%`, `_`, `*`, `{"match_all":{}}`, `f_kind`, `NEAR(a b)`, `a" OR "b`, `\`, `?`, `?1`, "null",
	"<script>alert(1)</script>", "\u202egnp.exe", "日本 語", "naïve ÉCOLE", "a\x00b", "^x", "-y", "NOT", "col:val", "𝔘nicode", "ß",
}

var plainWords = []string{"model", "models", "round", "open", "closed", "loss", "transfer", "fedavg", "policy", "a1", "2026"}

// Text returns a text that strangers might write.
func Text(r *rand.Rand) string {
	var s strings.Builder
	for range 1 + r.IntN(6) {
		if r.IntN(4) == 0 {
			s.WriteString(hostile[r.IntN(len(hostile))] + " ")
		} else {
			s.WriteString(plainWords[r.IntN(len(plainWords))] + " ")
		}
	}
	return s.String()
}

func word(r *rand.Rand) string {
	if r.IntN(5) == 0 {
		return hostile[r.IntN(len(hostile))]
	}
	return fmt.Sprintf("k%02d", r.IntN(12))
}

// Documents returns n documents of the schema: each field is there or not.
func Documents(r *rand.Rand, schema *document.Schema, n int) []document.Document {
	out := make([]document.Document, n)
	for i := range out {
		kinds := document.Kinds()
		d := document.Document{Kind: kinds[r.IntN(len(kinds))], ID: fmt.Sprintf("%s/%d", word(r), r.IntN(n)), Height: uint64(r.IntN(40)), Fields: document.Values{}}
		for _, f := range schema.Fields() {
			switch f.Name {
			case document.FieldKind, document.FieldID, document.FieldHeight:
				continue
			}
			if r.IntN(3) == 0 {
				d.Fields[f.Name] = value(r, f)
			}
		}
		out[i] = d
	}
	return out
}

func value(r *rand.Rand, f document.Field) any {
	switch f.Type {
	case document.Keyword:
		if f.Many {
			return []string{"a" + word(r), "b" + word(r)}
		}
		return word(r)
	case document.Text:
		return Text(r)
	case document.Integer:
		return int64(r.IntN(30)) - 3
	case document.Time:
		return 1_700_000_000_000 + int64(r.IntN(10_000_000))
	case document.Number:
		return float64(r.IntN(1000)) / 8
	case document.Amount:
		return []string{"0", "7", "35000000000000000000000000000", "115792089237316195423570985008687907853269984665640564039457584007913129639935"}[r.IntN(4)]
	case document.Flag:
		return r.IntN(2) == 0
	}
	panic("searchtest: unknown type")
}

// Tree returns a random tree whose terms fit the schema.
func Tree(r *rand.Rand, schema *document.Schema, depth int) query.Node {
	if depth > 0 && r.IntN(2) == 0 {
		nodes := []query.Node{Tree(r, schema, depth-1), Tree(r, schema, depth-1)}
		switch r.IntN(3) {
		case 0:
			return query.And{Nodes: nodes}
		case 1:
			return query.Or{Nodes: nodes}
		default:
			return query.Not{Node: nodes[0]}
		}
	}
	fields := schema.Fields()
	return leaf(r, fields[r.IntN(len(fields))])
}

func leaf(r *rand.Rand, f document.Field) query.Node {
	if f.Type == document.Text || r.IntN(6) == 0 {
		words := document.Words(Text(r))
		if len(words) > 3 {
			words = words[:1+r.IntN(3)]
		}
		if len(words) == 0 {
			return query.All{}
		}
		w := query.Words{Words: words, Prefix: r.IntN(3) == 0 && utf8.RuneCountInString(words[len(words)-1]) >= query.MinPrefix}
		if f.Type == document.Text {
			w.Field = f.Name
		}
		return w
	}
	v := any(word(r))
	switch {
	case f.Name == document.FieldKind:
		kinds := document.Kinds()
		v = string(kinds[r.IntN(len(kinds))])
	case f.Name == document.FieldHeight:
		v = int64(r.IntN(40))
	case !f.Many:
		v = value(r, f)
	case r.IntN(2) == 0:
		v = value(r, f).([]string)[0]
	}
	switch n := r.IntN(4); {
	case n == 0:
		return query.Exists{Field: f.Name}
	case n == 1 && f.Type == document.Keyword && utf8.RuneCountInString(v.(string)) >= query.MinPrefix:
		// Characters, not bytes: half a character can't be written as a query.
		return query.Prefix{Field: f.Name, Text: string([]rune(v.(string))[:query.MinPrefix])}
	case n == 2 && !f.Many && f.Type != document.Flag:
		return between(r, f, v)
	}
	return query.Equal{Field: f.Name, Value: v}
}

func between(r *rand.Rand, f document.Field, from any) query.Node {
	if text, ok := from.(string); ok && f.Type == document.Amount {
		from = query.AmountNumber(text)
	}
	n := query.Range{Field: f.Name, From: from, FromOpen: r.IntN(2) == 0}
	if r.IntN(2) == 0 {
		n = query.Range{Field: f.Name, To: from, ToOpen: r.IntN(2) == 0}
	}
	return n
}
