package elastic

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// maxNested is how deep clauses stand in each other before the rest is wrapped:
// Elasticsearch reads 30 levels in one go (indices.query.bool.max_nested_depth),
// and a wrapped query anew.
const maxNested = 16

// translation makes a query in Elasticsearch's language. What a reader wrote is
// in values alone.
type translation struct{ schema *document.Schema }

// clause is a query and how many levels it has.
type clause struct {
	query  object
	levels int
}

func leaf(kind string, content any) clause { return clause{object{kind: content}, 1} }

// translate returns the query of a tree.
func translate(n query.Node, schema *document.Schema) (object, error) {
	t := &translation{schema}
	c, err := t.node(n)
	return c.query, err
}

func (t *translation) node(n query.Node) (clause, error) {
	switch n := n.(type) {
	case query.All:
		return leaf("match_all", object{}), nil
	case query.And:
		return t.and(n.Nodes)
	case query.Or:
		list, levels, err := t.list(n.Nodes)
		if err != nil {
			return clause{}, err
		}
		return nested(object{"should": list, "minimum_should_match": 1}, levels)
	case query.Not:
		return t.and([]query.Node{n})
	case query.Words:
		return t.words(n)
	case query.Exists:
		return t.field(n.Field, func(f document.Field) clause {
			name := f.Name
			if f.Type == document.Text {
				name = wordsOf(name)
			}
			return leaf("exists", object{"field": name})
		})
	case query.Equal:
		return t.field(n.Field, func(f document.Field) clause { return leaf("term", object{f.Name: n.Value}) })
	case query.In:
		values := append([]string{}, n.Values...) // none is an empty list and no null
		return t.field(n.Field, func(f document.Field) clause { return leaf("terms", object{f.Name: values}) })
	case query.Prefix:
		return t.field(n.Field, func(f document.Field) clause { return leaf("prefix", object{f.Name: n.Text}) })
	case query.Range:
		return t.field(n.Field, func(f document.Field) clause { return leaf("range", object{ordered(f): bounds(n)}) })
	}
	return clause{}, fmt.Errorf("translate the query: no %T is known", n)
}

// nested is a bool of clauses, wrapped where it has too many levels.
func nested(content object, levels int) (clause, error) {
	c := clause{object{"bool": content}, levels + 1}
	if c.levels < maxNested {
		return c, nil
	}
	b, err := json.Marshal(c.query)
	if err != nil {
		return clause{}, err
	}
	return leaf("wrapper", object{"query": base64.StdEncoding.EncodeToString(b)}), nil
}

func (t *translation) list(nodes []query.Node) (list []object, levels int, err error) {
	for _, n := range nodes {
		c, err := t.node(n)
		if err != nil {
			return nil, 0, err
		}
		list, levels = append(list, c.query), max(levels, c.levels)
	}
	return list, levels, nil
}

// and makes one clause of nodes and of what must not be.
func (t *translation) and(nodes []query.Node) (clause, error) {
	var must, not []query.Node
	for _, n := range nodes {
		if inner, is := n.(query.Not); is {
			not = append(not, inner.Node)
		} else {
			must = append(must, n)
		}
	}
	content := object{}
	filter, levels, err := t.list(must)
	if err != nil {
		return clause{}, err
	}
	without, more, err := t.list(not)
	if err != nil {
		return clause{}, err
	}
	if len(filter) > 0 {
		content["filter"] = filter
	}
	if len(without) > 0 {
		content["must_not"] = without
	}
	return nested(content, max(levels, more))
}

func (t *translation) field(name string, with func(document.Field) clause) (clause, error) {
	f, ok := t.schema.Field(name)
	if !ok {
		return clause{}, fmt.Errorf("%w: there is no field %.40q", query.ErrRequest, name)
	}
	return with(f), nil
}

func bounds(r query.Range) object {
	o := object{}
	bound := func(value any, sign string, open bool) {
		if value == nil {
			return
		}
		if !open {
			sign += "e"
		}
		o[sign] = value
	}
	bound(r.From, "gt", r.FromOpen)
	bound(r.To, "lt", r.ToOpen)
	return o
}

// words looks in one text or in all of them.
func (t *translation) words(w query.Words) (clause, error) {
	if w.Field != "" {
		return t.field(w.Field, func(f document.Field) clause { return phrase(wordsOf(f.Name), w) })
	}
	var list []object
	levels := 0
	for _, f := range t.schema.Fields() {
		if f.Type == document.Text {
			c := phrase(wordsOf(f.Name), w)
			list, levels = append(list, c.query), max(levels, c.levels)
		}
	}
	if len(list) == 1 {
		return clause{list[0], levels}, nil
	}
	return nested(object{"should": list, "minimum_should_match": 1}, levels)
}

// phrase finds words that follow each other. The words of a beginning are looked
// up all, and refused where there are too many: match_phrase_prefix would leave
// some out.
func phrase(field string, w query.Words) clause {
	last := len(w.Words) - 1
	switch {
	case last == 0 && w.Prefix:
		return leaf("prefix", object{field: w.Words[0]})
	case last == 0:
		return leaf("term", object{field: w.Words[0]})
	case !w.Prefix:
		return leaf("match_phrase", object{field: strings.Join(w.Words, " ")})
	}
	var clauses []object
	for _, word := range w.Words[:last] {
		clauses = append(clauses, object{"span_term": object{field: word}})
	}
	clauses = append(clauses, object{"span_multi": object{"match": object{"prefix": object{field: w.Words[last]}}}})
	const levels = 3
	return clause{object{"span_near": object{"clauses": clauses, "slop": 0, "in_order": true}}, levels}
}
