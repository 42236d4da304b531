package sqlite

import (
	"fmt"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
)

// layout numbers what the tables look like.
const layout = 1

// column is the column of a field; no name of a field is one of SQL's then.
func column(name string) string { return "f_" + name }

// numberColumn is that of an amount in double precision.
func numberColumn(name string) string { return "n_" + name }

// ordered is the column by whose values a field is compared and ordered.
func ordered(f document.Field) string {
	if f.Type == document.Amount {
		return numberColumn(f.Name)
	}
	return column(f.Name)
}

func columnType(t document.Type) string {
	switch t {
	case document.Integer, document.Time, document.Flag:
		return "INTEGER"
	case document.Number:
		return "REAL"
	case document.Keyword, document.Text, document.Amount:
	}
	return "TEXT"
}

// statements make the tables for the fields.
func statements(schema *document.Schema) []string {
	var columns, texts []string
	var indexes []string
	for _, f := range schema.Fields() {
		columns = append(columns, column(f.Name)+" "+columnType(f.Type))
		if f.Type == document.Amount {
			columns = append(columns, numberColumn(f.Name)+" REAL")
		}
		if f.Type == document.Text {
			texts = append(texts, column(f.Name))
		}
		if f.Indexed && !f.Many {
			indexes = append(indexes, fmt.Sprintf("CREATE INDEX i_%s ON documents(%s, f_height) WHERE %s IS NOT NULL", f.Name, column(f.Name), column(f.Name)))
		}
	}
	return append([]string{
		// The checkpoint is there once the base is complete.
		"CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK (one = 1), made TEXT NOT NULL, checkpoint TEXT)",
		"CREATE TABLE documents(doc INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, " + strings.Join(columns, ", ") + ")",
		"CREATE TABLE lists(field TEXT NOT NULL, value TEXT NOT NULL, doc INTEGER NOT NULL, PRIMARY KEY (field, value, doc)) WITHOUT ROWID",
		"CREATE INDEX i_lists ON lists(doc)",
		// Words are split by document.Words; what is not ASCII is part of a word here.
		"CREATE VIRTUAL TABLE words USING fts5(" + strings.Join(texts, ", ") + ", content='', contentless_delete=1, tokenize='ascii')",
		"CREATE INDEX i_kind ON documents(f_kind, f_height)",
		"CREATE INDEX i_height ON documents(f_height, key)",
		"CREATE INDEX i_time ON documents(f_time)",
	}, indexes...)
}

// made names the tables that statements make.
func made(list []string) string {
	return ledger.Hash([]byte(fmt.Sprint(layout, list))).String()
}
