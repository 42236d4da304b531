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
	from := bytes.Clone(prefix)
	if after != nil && bytes.Compare(after, prefix) >= 0 {
		from = behind(after)
	}
	// A page that could not be read ends the iterators; what came before stands,
	// rows that were deleted too.
	err = s.again(ctx, func() error { return s.merge(ctx, height, prefix, &from, limit, &rows) })
	if err == nil {
		err = s.above(height)
	}
	if err != nil {
		return nil, wrap(err, "scan rows %q at height %d", prefix, height)
	}
	return rows, nil
}

// behind is the next key after one.
func behind(key []byte) []byte { return append(bytes.Clone(key), 0) }

// minPage is how many rows a page has at least: many may be deleted ones.
const minPage = 100

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

// merge adds rows and moves from behind what it has seen.
func (s *Store) merge(ctx context.Context, height uint64, prefix []byte, from *[]byte, limit int, rows *[]store.Row) (err error) {
	first := *from
	if len(first) == 0 {
		first = []byte{} // a null would match nothing
	}
	cursors := make([]cursor, s.buckets)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range cursors {
		group.Go(func() error {
			cursors[i].rows = s.query(ctx, scanLatest, i, first).PageSize(min(max(limit-len(*rows)+1, minPage), 500)).Iter()
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
		*from = behind(cursors[first].key)
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
