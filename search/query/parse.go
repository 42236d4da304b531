package query

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/librum/librum/search/document"
)

// Bounds of a query.
const (
	MaxBytes  = 4 << 10
	MaxDepth  = 32
	MaxTerms  = 100
	MinPrefix = 2 // characters
)

// Parse reads a query over the fields of a schema. An empty one finds all.
func Parse(text string, schema *document.Schema) (Node, error) {
	p := &parser{lexer: lexer{text: text}, schema: schema}
	switch {
	case len(text) > MaxBytes:
		p.text = ""
		return nil, p.fail(0, fmt.Sprintf("at most %d bytes", MaxBytes), fmt.Sprintf("%d", len(text)))
	case !utf8.ValidString(text):
		p.text = ""
		return nil, p.fail(0, "UTF-8", "other bytes")
	}
	if err := p.step(false); err != nil {
		return nil, err
	}
	if p.token.kind == tokenEnd {
		return All{}, nil
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.unexpected("AND, OR, NOT or the end")
	}
	return n, nil
}

// parser descends; token is the one that comes next.
type parser struct {
	lexer

	schema *document.Schema
	token  token
	depth  int
	terms  int
}

func (p *parser) step(afterField bool) (err error) {
	p.token, err = p.next(afterField)
	return err
}

func (p *parser) unexpected(expected string) error {
	return p.fail(p.token.at, expected, p.token.String())
}

func (p *parser) deeper() error {
	if p.depth++; p.depth > MaxDepth {
		return p.fail(p.token.at, fmt.Sprintf("at most %d levels", MaxDepth), "one more")
	}
	return nil
}

func (p *parser) or() (Node, error) {
	return p.several(p.and, func() (bool, error) {
		if !p.token.is("OR") {
			return false, nil
		}
		return true, p.step(false)
	}, func(nodes []Node) Node { return Or{nodes} })
}

func (p *parser) and() (Node, error) {
	return p.several(p.not, func() (bool, error) {
		if p.token.is("AND") {
			return true, p.step(false)
		}
		return p.token.kind != tokenEnd && !p.token.is("OR") && !p.token.is(")"), nil
	}, func(nodes []Node) Node { return And{nodes} })
}

// several reads operands as long as more says so.
func (p *parser) several(operand func() (Node, error), more func() (bool, error), join func([]Node) Node) (Node, error) {
	var nodes []Node
	for {
		n, err := operand()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		again, err := more()
		if err != nil {
			return nil, err
		}
		if !again {
			break
		}
	}
	if len(nodes) == 1 {
		return nodes[0], nil
	}
	return join(nodes), nil
}

func (p *parser) not() (Node, error) {
	if !p.token.is("NOT") && (p.token.kind != tokenSign || p.token.text != "-") {
		return p.primary()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	if err := p.step(false); err != nil {
		return nil, err
	}
	n, err := p.not()
	p.depth--
	return Not{n}, err
}

func (p *parser) primary() (Node, error) {
	if p.terms++; p.terms > MaxTerms {
		return nil, p.fail(p.token.at, fmt.Sprintf("at most %d terms", MaxTerms), "one more")
	}
	switch {
	case p.token.is("("):
		return p.group()
	case p.token.is("*"):
		return All{}, p.step(false)
	case p.token.is("AND"), p.token.is("OR"):
		return nil, p.unexpected(`a term; write "and" in quotes or small letters to look for the word`)
	case p.token.kind == tokenWord:
		word := p.token
		if err := p.step(false); err != nil {
			return nil, err
		}
		if p.token.glued && p.token.kind == tokenSign && slices.Contains([]string{":", "<", "<=", ">", ">="}, p.token.text) {
			return p.field(word)
		}
		return p.words(word, "")
	case p.token.kind == tokenString:
		text := p.token
		if err := p.step(false); err != nil {
			return nil, err
		}
		return p.words(text, "")
	}
	return nil, p.unexpected("a field, a word, a string or (")
}

func (p *parser) group() (Node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	if err := p.step(false); err != nil {
		return nil, err
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.token.is(")") {
		return nil, p.unexpected("AND, OR, NOT or )")
	}
	p.depth--
	return n, p.step(false)
}

// star reads a * that stands directly behind what was read.
func (p *parser) star() (bool, error) {
	if !p.token.glued || !p.token.is("*") || p.token.kind != tokenSign {
		return false, nil
	}
	return true, p.step(false)
}

// words makes a term of text; the token behind it is read already.
func (p *parser) words(t token, field string) (Node, error) {
	words := document.Words(t.text)
	if len(words) == 0 {
		return nil, p.fail(t.at, "letters or digits to look for", quoteShort(t.text))
	}
	prefix, err := p.star()
	if err != nil {
		return nil, err
	}
	if last := words[len(words)-1]; prefix && utf8.RuneCountInString(last) < MinPrefix {
		return nil, p.fail(t.at, fmt.Sprintf("at least %d characters before *", MinPrefix), quoteShort(last))
	}
	return Words{Field: field, Words: words, Prefix: prefix}, nil
}

// field reads what stands behind a name: the token is its sign.
func (p *parser) field(name token) (Node, error) {
	f, ok := p.schema.Field(name.text)
	if !ok {
		return nil, p.fail(name.at, "a field"+p.near(name.text), quoteShort(name.text)+"; in quotes it is looked for as text")
	}
	sign := p.token
	if err := p.step(true); err != nil {
		return nil, err
	}
	switch {
	case sign.text != ":":
		return p.compare(f, sign)
	case p.token.kind == tokenSign && (p.token.text == "[" || p.token.text == "{"):
		return p.bounds(f)
	case p.token.is("*") && p.token.kind == tokenSign:
		return Exists{f.Name}, p.step(false)
	case p.token.kind != tokenWord && p.token.kind != tokenString:
		return nil, p.unexpected("a value, a range or *")
	}
	value := p.token
	if err := p.step(false); err != nil {
		return nil, err
	}
	if f.Type == document.Text {
		return p.words(value, f.Name)
	}
	prefix, err := p.star()
	if err != nil {
		return nil, err
	}
	if prefix {
		switch {
		case f.Type != document.Keyword:
			return nil, p.fail(value.at, fmt.Sprintf("a whole value: %s is a %s", f.Name, f.Type), "one that ends in *")
		case utf8.RuneCountInString(value.text) < MinPrefix:
			return nil, p.fail(value.at, fmt.Sprintf("at least %d characters before *", MinPrefix), quoteShort(value.text))
		}
		return Prefix{f.Name, value.text}, nil
	}
	v, err := p.value(f, value, false)
	return Equal{f.Name, v}, err
}

// near names the fields that begin as the name does, or some.
func (p *parser) near(name string) string {
	var near []string
	for _, f := range p.schema.Fields() {
		if len(name) > 1 && strings.HasPrefix(f.Name, name[:2]) && len(near) < 4 {
			near = append(near, f.Name)
		}
	}
	if len(near) == 0 {
		return ", as kind, height or text"
	}
	return ", as " + strings.Join(near, ", ")
}

func (p *parser) compare(f document.Field, sign token) (Node, error) {
	if p.token.kind != tokenWord && p.token.kind != tokenString {
		return nil, p.unexpected("a value")
	}
	v, err := p.value(f, p.token, true)
	if err != nil {
		return nil, err
	}
	r := Range{Field: f.Name}
	if open := len(sign.text) == 1; sign.text[0] == '<' {
		r.To, r.ToOpen = v, open
	} else {
		r.From, r.FromOpen = v, open
	}
	return r, p.step(false)
}

func (p *parser) bounds(f document.Field) (Node, error) {
	r := Range{Field: f.Name, FromOpen: p.token.text == "{"}
	at := p.token.at
	var err error
	if r.From, err = p.bound(f); err != nil {
		return nil, err
	}
	if err := p.step(true); err != nil {
		return nil, err
	}
	if !p.token.is("TO") {
		return nil, p.unexpected("TO")
	}
	if r.To, err = p.bound(f); err != nil {
		return nil, err
	}
	if err := p.step(false); err != nil {
		return nil, err
	}
	if p.token.kind != tokenSign || p.token.text != "]" && p.token.text != "}" {
		return nil, p.unexpected("] or }")
	}
	if r.From == nil && r.To == nil {
		return nil, p.fail(at, "a bound; "+f.Name+":* asks for documents that have the field", "none")
	}
	r.ToOpen = p.token.text == "}"
	r.FromOpen, r.ToOpen = r.FromOpen && r.From != nil, r.ToOpen && r.To != nil
	return r, p.step(false)
}

// bound reads one bound of a range; * is none.
func (p *parser) bound(f document.Field) (any, error) {
	if err := p.step(true); err != nil {
		return nil, err
	}
	if p.token.kind == tokenSign && p.token.text == "*" {
		return nil, nil //nolint:nilnil // no bound
	}
	if p.token.kind != tokenWord && p.token.kind != tokenString {
		return nil, p.unexpected("a value or *")
	}
	return p.value(f, p.token, true)
}
