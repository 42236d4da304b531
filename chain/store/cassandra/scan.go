package cassandra

import (
	"bytes"
	"context"
	"fmt"

	"github.com/gocql/gocql"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/store"
)

// Scan implements [store.Store]. It reads all buckets at once, in pages, and
// merges them: their keys ascend.
func (s *Store) Scan(ctx context.Context, height uint64, prefix, after []byte, limit int) ([]store.Row, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if limit < 1 || limit > store.MaxScanRows {
		return nil, fmt.Errorf("scan rows %q: a limit of %d, want 1 to %d", prefix, limit, store.MaxScanRows)
	}
	if err := s.reach(height); err != nil {
		return nil, err
	}
	var rows []store.Row
	// A page that could not be read ends the iterators; what came before stands.
	err = s.again(ctx, func() error {
		from := bytes.Clone(prefix)
		if after != nil && bytes.Compare(after, prefix) >= 0 {
			from = append(bytes.Clone(after), 0) // the next key behind after
		}
		if n := len(rows); n > 0 {
			from = append(bytes.Clone(rows[n-1].Key), 0)
		}
		return s.merge(ctx, height, prefix, from, limit, &rows)
	})
	if err == nil {
		err = s.above(height)
	}
	if err != nil {
		return nil, wrap(err, "scan rows %q at height %d", prefix, height)
	}
	return rows, nil
}

// cursor is where the merge stands in one bucket.
type cursor struct {
	rows *gocql.Iter
	key  []byte
	row  []byte
	ok   bool
}

func (c *cursor) next() error {
	c.key, c.row = nil, nil
	if c.ok = c.rows.Scan(&c.key, &c.row); !c.ok {
		return c.rows.Close()
	}
	return nil
}

func (s *Store) merge(ctx context.Context, height uint64, prefix, from []byte, limit int, rows *[]store.Row) (err error) {
	if len(from) == 0 {
		from = []byte{} // a null would match nothing
	}
	cursors := make([]cursor, s.buckets)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range cursors {
		group.Go(func() error {
			cursors[i].rows = s.query(ctx, scanLatest, i, from).PageSize(min(limit-len(*rows)+1, 500)).Iter()
			return errorsFirst(groupCtx.Err(), cursors[i].next())
		})
	}
	err = group.Wait()
	defer func() {
		for i := range cursors {
			if cursors[i].rows != nil && cursors[i].ok {
				_ = cursors[i].rows.Close() // the rows that are wanted were read
			}
		}
	}()
	if err != nil {
		return err
	}
	for len(*rows) < limit {
		first := -1
		for i := range cursors {
			if cursors[i].ok && (first < 0 || bytes.Compare(cursors[i].key, cursors[first].key) < 0) {
				first = i
			}
		}
		if first < 0 || !bytes.HasPrefix(cursors[first].key, prefix) {
			return nil // keys that are not smaller than the prefix and do not have it lie behind all that have it
		}
		at, value, ok, err := parseLatest(cursors[first].row)
		if err == nil && at > height {
			value, ok, err = s.version(ctx, height, cursors[first].key)
		}
		if err != nil {
			return wrap(err, "row %q", cursors[first].key)
		}
		if ok {
			*rows = append(*rows, store.Row{Key: cursors[first].key, Value: value})
		}
		if err := cursors[first].next(); err != nil {
			return err
		}
	}
	return nil
}

func errorsFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
