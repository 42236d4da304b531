package query

import (
	"slices"
	"strings"

	"github.com/librum/librum/search/document"
)

// Part is a piece of a text: one that was looked for, or what stands around. It
// is text and no markup: whoever shows it escapes it.
type Part struct {
	Text  string `json:"text"`
	Match bool   `json:"match,omitempty"`
}

// Highlight is where in a field's text a query found its words.
type Highlight struct {
	Field string `json:"field"`
	Parts []Part `json:"parts"`
}

const contextRunes = 60 // characters before and behind a match

// Highlights returns where a document's texts have the words of a query.
func Highlights(n Node, d *document.Document, schema *document.Schema) []Highlight {
	var out []Highlight
	for _, f := range schema.Fields() {
		text, ok := d.Fields[f.Name].(string)
		if f.Type != document.Text || !ok {
			continue
		}
		spans := document.Spans(text)
		found := make([]bool, len(spans))
		mark(n, f.Name, spans, found)
		if slices.Contains(found, true) {
			out = append(out, Highlight{Field: f.Name, Parts: parts(text, spans, found)})
		}
	}
	return out
}

// mark says which words the terms of a tree found; what stands below NOT was not
// looked for.
func mark(n Node, field string, spans []document.Span, found []bool) {
	switch n := n.(type) {
	case And:
		for _, m := range n.Nodes {
			mark(m, field, spans, found)
		}
	case Or:
		for _, m := range n.Nodes {
			mark(m, field, spans, found)
		}
	case Words:
		if n.Field != "" && n.Field != field {
			return
		}
		for at := 0; at+len(n.Words) <= len(spans); at++ {
			if n.At(spans[at:]) {
				for i := range n.Words {
					found[at+i] = true
				}
			}
		}
	case All, Not, Exists, Equal, Prefix, Range, In:
	}
}

// At reports whether the words stand at the beginning of the spans.
func (n Words) At(spans []document.Span) bool {
	if len(spans) < len(n.Words) {
		return false
	}
	for i, word := range n.Words {
		last := i == len(n.Words)-1
		if spans[i].Word != word && (!last || !n.Prefix || !strings.HasPrefix(spans[i].Word, word)) {
			return false
		}
	}
	return true
}

// parts cuts the text at its matches, and leaves out what lies far from them.
func parts(text string, spans []document.Span, found []bool) []Part {
	var out []Part
	at := 0
	for i, s := range spans {
		if !found[i] {
			continue
		}
		if before := text[at:s.Start]; before != "" {
			out = append(out, Part{Text: between(before, at > 0, true)})
		}
		out = append(out, Part{Text: text[s.Start:s.End], Match: true})
		at = s.End
	}
	if rest := text[at:]; rest != "" {
		out = append(out, Part{Text: between(rest, true, false)})
	}
	return out
}

// between shortens text to what stands near a match before or behind it.
func between(text string, before, behind bool) string {
	runes := []rune(text)
	if len(runes) <= 2*contextRunes {
		return text
	}
	out := ""
	if before {
		out = string(runes[:contextRunes])
	}
	out += "…"
	if behind {
		out += string(runes[len(runes)-contextRunes:])
	}
	return out
}
