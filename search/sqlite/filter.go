package sqlite

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// translation is a condition in SQL with its parameters. What a reader wrote is
// in the parameters alone.
type translation struct {
	schema *document.Schema
	sql    strings.Builder
	args   []any
}

// translate returns the condition of a tree. Every leaf is true or false and
// never NULL, so that NOT finds what lacks the field.
func translate(n query.Node, schema *document.Schema) (string, []any, error) {
	t := &translation{schema: schema}
	err := t.node(n)
	return t.sql.String(), t.args, err
}

func (t *translation) add(sql string, args ...any) {
	t.sql.WriteString(sql)
	t.args = append(t.args, args...)
}

func (t *translation) node(n query.Node) error {
	switch n := n.(type) {
	case query.All:
		t.add("1")
	case query.And:
		return t.join(" AND ", n.Nodes)
	case query.Or:
		return t.join(" OR ", n.Nodes)
	case query.Not:
		t.add("NOT ")
		return t.join("", []query.Node{n.Node})
	case query.Words:
		return t.words(n)
	case query.Exists:
		return t.field(n.Field, func(f document.Field) { t.add("(" + column(f.Name) + " IS NOT NULL)") })
	case query.Equal:
		return t.field(n.Field, func(f document.Field) { t.compare(f, column(f.Name), "=", n.Value) })
	case query.In:
		values, err := json.Marshal(n.Values)
		if err != nil {
			return err
		}
		return t.field(n.Field, func(f document.Field) { t.compare(f, column(f.Name), "IN", string(values)) })
	case query.Prefix:
		return t.field(n.Field, func(f document.Field) { t.prefix(f, n.Text) })
	case query.Range:
		return t.field(n.Field, func(f document.Field) { t.bounds(f, n) })
	default:
		return fmt.Errorf("translate the query: no %T is known", n)
	}
	return nil
}

func (t *translation) join(sign string, nodes []query.Node) error {
	t.add("(")
	for i, n := range nodes {
		if i > 0 {
			t.add(sign)
		}
		if err := t.node(n); err != nil {
			return err
		}
	}
	t.add(")")
	return nil
}

func (t *translation) field(name string, with func(document.Field)) error {
	f, ok := t.schema.Field(name)
	if !ok {
		return fmt.Errorf("%w: there is no field %.40q", query.ErrRequest, name)
	}
	with(f)
	return nil
}

// compare compares a column, or any value of a list, with a parameter.
func (t *translation) compare(f document.Field, column, sign string, value any) {
	place := "?"
	if sign == "IN" {
		place = "(SELECT value FROM json_each(?))"
	}
	if f.Many {
		t.add("(documents.doc IN (SELECT doc FROM lists WHERE field = ? AND value "+sign+" "+place+"))", f.Name, value)
		return
	}
	t.add("("+column+" IS NOT NULL AND "+column+" "+sign+" "+place+")", value)
}

// prefix finds what lies from the text on and before all that begins otherwise:
// UTF-8 is ordered as its characters are.
func (t *translation) prefix(f document.Field, text string) {
	end := text + string(utf8.MaxRune)
	if f.Many {
		t.add("(documents.doc IN (SELECT doc FROM lists WHERE field = ? AND value >= ? AND value < ?))", f.Name, text, end)
		return
	}
	c := column(f.Name)
	t.add("("+c+" IS NOT NULL AND "+c+" >= ? AND "+c+" < ?)", text, end)
}

func (t *translation) bounds(f document.Field, r query.Range) {
	c := ordered(f)
	t.add("(" + c + " IS NOT NULL")
	bound := func(value any, sign string, open bool) {
		if value == nil {
			return
		}
		if !open {
			sign += "="
		}
		t.add(" AND "+c+" "+sign+" ?", value)
	}
	bound(r.From, ">", r.FromOpen)
	bound(r.To, "<", r.ToOpen)
	t.add(")")
}

// words asks FTS5. Words are letters, marks and digits; in quotes none of them
// is a sign of its language.
func (t *translation) words(w query.Words) error {
	match := `"` + strings.Join(w.Words, " ") + `"`
	if strings.Contains(strings.Join(w.Words, ""), `"`) {
		return fmt.Errorf("%w: a word holds a quotation mark", query.ErrRequest)
	}
	if w.Prefix {
		match += " *"
	}
	if w.Field == "" {
		t.add("(documents.doc IN (SELECT rowid FROM words WHERE words MATCH ?))", match)
		return nil
	}
	return t.field(w.Field, func(f document.Field) {
		t.add("(documents.doc IN (SELECT rowid FROM words WHERE words MATCH ?))", "{"+column(f.Name)+"} : "+match)
	})
}
