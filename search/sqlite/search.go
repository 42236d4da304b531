package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// Search answers a request. When ctx ends, SQLite is interrupted.
func (x *Index) Search(ctx context.Context, r *query.Request) (*query.Answer, error) {
	answer, err := x.search(ctx, r)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("search: %w", context.Cause(ctx)) // the driver says "interrupted"
	}
	return answer, err
}

func (x *Index) search(ctx context.Context, r *query.Request) (*query.Answer, error) {
	order, err := r.Check(x.schema)
	if err != nil {
		return nil, err
	}
	where, args, err := translate(r.Filter(), x.schema)
	if err != nil {
		return nil, err
	}
	tx, err := x.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	s := &searching{schema: x.schema, tx: tx, where: where, args: args}
	answer := new(query.Answer)
	var ok bool
	if answer.At, ok, err = checkpoint(ctx, tx); err != nil {
		return nil, err
	} else if !ok {
		return nil, query.ErrNotReady
	}
	if err := s.count(ctx, answer); err != nil {
		return nil, fmt.Errorf("count the hits: %w", err)
	}
	if err := s.hits(ctx, r, order, answer); err != nil {
		return nil, fmt.Errorf("read the hits: %w", err)
	}
	answer.Aggregates, err = s.aggregate(ctx, r.Aggregate)
	return answer, wrap("aggregate", err)
}

// searching is a search in its transaction.
type searching struct {
	schema *document.Schema
	tx     *sql.Tx
	where  string
	args   []any
}

func (s *searching) count(ctx context.Context, a *query.Answer) error {
	text := "SELECT count(*) FROM (SELECT 1 FROM documents WHERE " + s.where + " LIMIT ?)"
	err := s.tx.QueryRowContext(ctx, text, with(s.args, query.MaxTotal+1)...).Scan(&a.Total)
	if a.Total > query.MaxTotal {
		a.Total, a.More = query.MaxTotal, true
	}
	return err
}

// with returns the parameters with more behind them.
func with(args []any, more ...any) []any {
	return append(append(make([]any, 0, len(args)+len(more)), args...), more...)
}

func (s *searching) hits(ctx context.Context, r *query.Request, o query.Order, a *query.Answer) (err error) {
	if r.Limit == 0 {
		return nil
	}
	fields := s.schema.Fields()
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = column(f.Name)
	}
	place, further, err := r.Place(o)
	if err != nil {
		return err
	}
	text := "SELECT " + strings.Join(columns, ", ") + " FROM documents WHERE " + s.where //nolint:gosec // names of columns; values are parameters
	args := s.args
	if further {
		condition, more := behind(o, place)
		text, args = text+" AND "+condition, with(args, more...)
	}
	c := ordered(o.Field)
	direction := " DESC"
	if o.Ascending {
		direction = ""
	}
	if o.Field.Name != document.FieldHeight { // that no document lacks
		text += " ORDER BY " + c + " IS NULL, " + c + direction + ", key LIMIT ?"
	} else {
		text += " ORDER BY " + c + direction + ", key LIMIT ?"
	}
	rows, err := s.tx.QueryContext(ctx, text, with(args, r.Limit+1)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if len(a.Hits) == r.Limit {
			a.Next, err = r.NextCursor(o, &a.Hits[len(a.Hits)-1])
			return err
		}
		d, err := scan(rows, fields)
		if err != nil {
			return err
		}
		a.Hits = append(a.Hits, d)
	}
	return rows.Err()
}

// behind is the condition that a document lies behind a place in the order.
func behind(o query.Order, p query.Place) (string, []any) {
	c := ordered(o.Field)
	if p.Value == nil {
		return "(" + c + " IS NULL AND key > ?)", []any{p.Key}
	}
	sign := "<"
	if o.Ascending {
		sign = ">"
	}
	return "(" + c + " IS NULL OR " + c + " " + sign + " ? OR " + c + " = ? AND key > ?)", []any{p.Value, p.Value, p.Key}
}

// scan reads a document from its columns.
func scan(rows *sql.Rows, fields []document.Field) (document.Document, error) {
	values := make([]any, len(fields))
	into := make([]any, len(fields))
	for i := range values {
		into[i] = &values[i]
	}
	d := document.Document{Fields: document.Values{}}
	if err := rows.Scan(into...); err != nil {
		return d, err
	}
	for i, f := range fields {
		v := values[i]
		if v == nil {
			continue
		}
		text, isText := v.(string)
		number, isNumber := v.(int64)
		switch {
		case f.Name == document.FieldKind:
			d.Kind = document.Kind(text)
		case f.Name == document.FieldID:
			d.ID = text
		case f.Name == document.FieldHeight:
			d.Height = uint64(max(0, number))
		case f.Many && isText:
			var list []string
			if err := json.Unmarshal([]byte(text), &list); err != nil {
				return d, fmt.Errorf("field %s: %w", f.Name, err)
			}
			d.Fields[f.Name] = list
		case f.Type == document.Flag && isNumber:
			d.Fields[f.Name] = number != 0
		default:
			d.Fields[f.Name] = v
		}
	}
	return d, nil
}
