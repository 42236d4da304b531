package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	driver "modernc.org/sqlite" // of database/sql
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// readers is how many searches are at work at once.
const readers = 4

// Index is an index in a file. Apply, Reset and Prune are called by one goroutine
// at a time, searches by any.
type Index struct {
	schema *document.Schema
	path   string
	write  *sql.DB
	read   *sql.DB
	writer *writer
}

// Open opens the index in a file, which is made where it is not there, and made
// anew where it is of no use (invariant 5).
func Open(ctx context.Context, path string, schema *document.Schema) (*Index, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open the index: %w", err)
	}
	x := &Index{schema: schema, path: path}
	err := x.open(ctx)
	if err == nil {
		return x, nil
	}
	if !useless(err) {
		return nil, errors.Join(fmt.Errorf("open the index %s: %w", path, err), x.Close())
	}
	if err := errors.Join(x.Close(), remove(path)); err != nil {
		return nil, fmt.Errorf("make the index %s anew: %w", path, err)
	}
	if err := x.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the index %s: %w", path, err), x.Close())
	}
	return x, nil
}

var errOther = errors.New("it was made for other fields")

// useless reports whether an error tells that the file holds no index of these
// fields; a disk that is full or fails, or a file in use, tells nothing of that.
func useless(err error) bool {
	if errors.Is(err, errOther) || errors.Is(err, sql.ErrNoRows) {
		return true
	}
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB: // the first: there is no such table
		return true
	}
	return false
}

func (x *Index) open(ctx context.Context) (err error) {
	// A file of its own rights before SQLite makes one of the usual.
	f, err := durable.OpenFile(x.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// The index can be built again: what a crash of the machine takes is less than
	// a sync for each block.
	if x.write, err = sql.Open("sqlite", address(x.path, "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-32768)", "temp_store(MEMORY)", "busy_timeout(10000)")); err != nil {
		return err
	}
	x.write.SetMaxOpenConns(1)
	list := statements(x.schema)
	if err := x.create(ctx, list); err != nil {
		return err
	}
	var is string
	if err := x.write.QueryRowContext(ctx, "SELECT made FROM meta").Scan(&is); err != nil {
		return err
	}
	if is != made(list) {
		return errOther
	}
	if x.read, err = sql.Open("sqlite", address(x.path, "query_only(1)", "busy_timeout(10000)", "cache_size(-8192)", "temp_store(MEMORY)")); err != nil {
		return err
	}
	x.read.SetMaxOpenConns(readers)
	x.writer = newWriter(x.schema)
	return nil
}

// create makes the tables unless they are there.
func (x *Index) create(ctx context.Context, list []string) error {
	var n int
	if err := x.write.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&n); err != nil || n > 0 {
		return err
	}
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for _, s := range list {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("make the tables: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO meta(one, made) VALUES (1, ?)", made(list)); err != nil {
		return err
	}
	return tx.Commit()
}

// address is the file as the driver wants it. A path may hold any characters.
func address(path string, pragmas ...string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + url.Values{"_pragma": pragmas}.Encode()
}

// remove removes the file and what SQLite keeps beside it.
func remove(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Close closes the file. Searches must have ended.
func (x *Index) Close() error {
	var errs []error
	for _, db := range []*sql.DB{x.read, x.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	x.read, x.write, x.writer = nil, nil, nil
	return errors.Join(errs...)
}

// Checkpoint returns what the index holds, or false where it holds nothing whole.
func (x *Index) Checkpoint(ctx context.Context) (query.Checkpoint, bool, error) {
	return checkpoint(ctx, x.write)
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func checkpoint(ctx context.Context, q querier) (at query.Checkpoint, ok bool, err error) {
	var text sql.NullString
	if err := q.QueryRowContext(ctx, "SELECT checkpoint FROM meta").Scan(&text); err != nil || !text.Valid {
		return at, false, wrap("read the checkpoint", err)
	}
	err = json.Unmarshal([]byte(text.String), &at)
	return at, err == nil, wrap("read the checkpoint", err)
}

// Reset empties the index. Searches go on, and are told that it is being built.
func (x *Index) Reset(ctx context.Context) error {
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("empty the index: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for _, s := range []string{
		"DELETE FROM documents", "DELETE FROM lists", "INSERT INTO words(words) VALUES ('delete-all')", "UPDATE meta SET checkpoint = NULL",
	} {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("empty the index: %w; a damaged file is removed while the node is stopped", err)
		}
	}
	return wrap("empty the index", tx.Commit())
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
