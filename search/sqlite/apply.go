package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// Apply writes documents and, unless it is nil, the checkpoint that they make.
func (x *Index) Apply(ctx context.Context, documents []document.Document, at *query.Checkpoint) error {
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write documents: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	w, err := x.writer.begin(ctx, tx)
	if err != nil {
		return fmt.Errorf("write documents: %w", err)
	}
	for i := range documents {
		if err := w.document(ctx, &documents[i]); err != nil {
			return fmt.Errorf("write document %s: %w", documents[i].Key(), err)
		}
	}
	if err := setCheckpoint(ctx, tx, at); err != nil {
		return fmt.Errorf("write the checkpoint: %w", err)
	}
	return wrap("write documents", tx.Commit())
}

func setCheckpoint(ctx context.Context, tx *sql.Tx, at *query.Checkpoint) error {
	if at == nil {
		return nil
	}
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE meta SET checkpoint = ?", string(text))
	return err
}

// writer knows what documents look like.
type writer struct {
	schema *document.Schema
	texts  []document.Field
}

func newWriter(schema *document.Schema) *writer {
	w := &writer{schema: schema}
	for _, f := range schema.Fields() {
		if f.Type == document.Text {
			w.texts = append(w.texts, f)
		}
	}
	return w
}

// batch is a writer in a transaction, with statements that end with it. Those
// that insert are one for each set of fields, of which there are about as many
// as kinds.
type batch struct {
	*writer

	tx      *sql.Tx
	inserts map[string]*sql.Stmt
	find    *sql.Stmt
	words   *sql.Stmt
	list    *sql.Stmt
	drop    []*sql.Stmt
}

func (w *writer) begin(ctx context.Context, tx *sql.Tx) (*batch, error) {
	b := &batch{writer: w, tx: tx, inserts: map[string]*sql.Stmt{}}
	columns := make([]string, len(w.texts))
	for i, f := range w.texts {
		columns[i] = column(f.Name)
	}
	var err error
	prepare := func(text string) *sql.Stmt {
		s, failed := tx.PrepareContext(ctx, text)
		err = errors.Join(err, failed)
		return s
	}
	b.find = prepare("SELECT doc, f_height FROM documents WHERE key = ?")
	b.words = prepare("INSERT INTO words(rowid, " + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)) + ")")
	b.list = prepare("INSERT INTO lists(field, value, doc) VALUES (?, ?, ?)")
	for _, table := range []string{"documents WHERE doc", "lists WHERE doc", "words WHERE rowid"} {
		b.drop = append(b.drop, prepare("DELETE FROM "+table+" = ?"))
	}
	return b, err
}

// document writes a document unless a newer one is there.
func (b *batch) document(ctx context.Context, d *document.Document) error {
	var doc any // NULL: the next number
	var old, height int64
	switch err := b.find.QueryRowContext(ctx, d.Key()).Scan(&old, &height); {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case height > int64(d.Height):
		return nil
	default:
		for _, s := range b.drop {
			if _, err := s.ExecContext(ctx, old); err != nil {
				return err
			}
		}
		doc = old
	}
	names, values, err := b.row(d)
	if err != nil {
		return err
	}
	insert, err := b.insert(ctx, names)
	if err != nil {
		return err
	}
	result, err := insert.ExecContext(ctx, append([]any{doc, d.Key(), string(d.Kind), d.ID, int64(d.Height)}, values...)...)
	if err != nil {
		return err
	}
	number, err := result.LastInsertId()
	if err != nil {
		return err
	}
	return b.beside(ctx, number, d)
}

// beside writes the words and lists of a document.
func (b *batch) beside(ctx context.Context, number int64, d *document.Document) error {
	words, any := b.wordsOf(number, d)
	if any {
		if _, err := b.words.ExecContext(ctx, words...); err != nil {
			return err
		}
	}
	for name, value := range d.Fields {
		list, ok := value.([]string)
		if !ok {
			continue
		}
		for _, item := range list {
			if _, err := b.list.ExecContext(ctx, name, item, number); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *batch) wordsOf(number int64, d *document.Document) (row []any, any bool) {
	row = append(row, number)
	for _, f := range b.texts {
		text, _ := d.Fields[f.Name].(string)
		words := strings.Join(document.Words(text), " ")
		row, any = append(row, words), any || words != ""
	}
	return row, any
}

// row returns the columns of a document's fields, ascending, and their values.
func (b *batch) row(d *document.Document) (columns []string, values []any, err error) {
	names := make([]string, 0, len(d.Fields))
	for name := range d.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f, ok := b.schema.Field(name)
		if !ok {
			return nil, nil, fmt.Errorf("field %s is not in the schema", name)
		}
		value := d.Fields[name]
		if list, many := value.([]string); many {
			text, err := json.Marshal(list)
			if err != nil {
				return nil, nil, err
			}
			value = string(text)
		}
		columns, values = append(columns, column(name)), append(values, value)
		if text, is := value.(string); is && f.Type == document.Amount {
			columns, values = append(columns, numberColumn(name)), append(values, query.AmountNumber(text))
		}
	}
	return columns, values, nil
}

func (b *batch) insert(ctx context.Context, columns []string) (*sql.Stmt, error) {
	list := strings.Join(append([]string{"doc", "key", "f_kind", "f_id", "f_height"}, columns...), ", ")
	if s, ok := b.inserts[list]; ok {
		return s, nil
	}
	s, err := b.tx.PrepareContext(ctx, "INSERT INTO documents("+list+") VALUES (?"+strings.Repeat(", ?", len(columns)+4)+")") //nolint:gosec // names of columns, from the schema
	if err == nil {
		b.inserts[list] = s
	}
	return s, err
}

// pruneStep is how many documents are taken out in one transaction.
const pruneStep = 10_000

// Prune takes out documents of what happened at one height, and at a lower one
// than the given.
func (x *Index) Prune(ctx context.Context, below uint64) error {
	lasting := make([]string, 0, len(document.Lasting()))
	for _, k := range document.Lasting() {
		lasting = append(lasting, string(k))
	}
	kinds, err := json.Marshal(lasting)
	if err != nil {
		return err
	}
	for {
		n, err := x.pruneSome(ctx, below, string(kinds))
		if err != nil {
			return fmt.Errorf("prune below block %d: %w", below, err)
		}
		if n < pruneStep {
			return nil
		}
	}
}

func (x *Index) pruneSome(ctx context.Context, below uint64, lasting string) (int64, error) {
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if at, ok, err := checkpoint(ctx, tx); err != nil {
		return 0, err
	} else if ok && at.Lowest < below {
		at.Lowest = below
		if err := setCheckpoint(ctx, tx, &at); err != nil {
			return 0, err
		}
	}
	const chosen = "SELECT doc FROM documents WHERE f_height < ? AND f_kind NOT IN (SELECT value FROM json_each(?)) ORDER BY f_height, key LIMIT ?"
	var n int64
	for _, table := range []string{"lists WHERE doc", "words WHERE rowid", "documents WHERE doc"} { // the last takes what is chosen
		result, err := tx.ExecContext(ctx, "DELETE FROM "+table+" IN ("+chosen+")", int64(below), lasting, pruneStep) //nolint:gosec // of constants
		if err != nil {
			return 0, err
		}
		if n, err = result.RowsAffected(); err != nil {
			return 0, err
		}
	}
	return n, tx.Commit()
}
