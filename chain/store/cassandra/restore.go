package cassandra

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/gocql/gocql"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// putFloor writes the row "floor". One that says that a restore is done must win
// over the one that says that it began.
func (s *Store) putFloor(ctx context.Context, height uint64, partial bool) error {
	row, err := ledger.Encode(&store.FloorRow{Height: height, Partial: partial})
	if err != nil {
		return err
	}
	stamp := int64(2*height + 1)
	if partial {
		stamp--
	}
	return s.exec(ctx, putMeta, "floor", row, stamp)
}

// loadFloor reads the row "floor" and refuses a keyspace that is not wholly
// restored.
func (s *Store) loadFloor(ctx context.Context) error {
	b, ok, err := s.meta(ctx, "floor")
	if err != nil || !ok {
		return err
	}
	height, err := store.ParseFloor(b)
	if err != nil {
		return err
	}
	s.floor.Store(height)
	return nil
}

// Restore implements [store.Store]. The row "floor" says that it is under way
// until all else was written.
func (s *Store) Restore(ctx context.Context, c *store.Commit, past []store.Past, rows iter.Seq2[store.Row, error]) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := c.CheckRestored(); err != nil {
		return fmt.Errorf("restore to block %d: %w", c.Height, err)
	}
	s.still.RLock()
	defer s.still.RUnlock()
	s.applying.Lock()
	defer s.applying.Unlock()
	if a := s.applied.Load(); a != nil {
		return fmt.Errorf("restore to block %d: a store that holds blocks is not written over, take an empty one: %w", c.Height,
			&store.HeightError{Got: c.Height, Want: a.Height + 1})
	}
	if !s.opts.Topic.IsZero() && c.Topic != s.opts.Topic {
		return fmt.Errorf("restore to block %d: %w", c.Height,
			&store.OwnerError{Field: "log", Have: s.opts.Topic.String(), Want: c.Topic.String()})
	}
	if err := s.restore(ctx, c, past, rows); err != nil {
		partial := fmt.Errorf("%w: %w", store.ErrPartial, err)
		s.failed.CompareAndSwap(nil, &partial)
		return fmt.Errorf("restore to block %d: %w", c.Height, err)
	}
	return nil
}

func (s *Store) restore(ctx context.Context, c *store.Commit, past []store.Past, rows iter.Seq2[store.Row, error]) error {
	if err := s.putFloor(ctx, c.Height, true); err != nil {
		return err
	}
	if err := s.restoreRows(ctx, c, rows); err != nil {
		return err
	}
	for _, p := range past {
		if err := s.exec(ctx, putHeader, era(p.Height), int64(p.Height), p.Header, position(c)); err != nil {
			return err
		}
	}
	if err := s.write(ctx, c); err != nil {
		return err
	}
	if err := s.putFloor(ctx, c.Height, false); err != nil {
		return err
	}
	s.floor.Store(c.Height)
	return nil
}

func (s *Store) restoreRows(ctx context.Context, c *store.Commit, rows iter.Seq2[store.Row, error]) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(s.opts.Writers)
	var failed error
	for row, err := range rows {
		if err == nil && groupCtx.Err() != nil {
			err = context.Cause(groupCtx)
		}
		if err != nil {
			failed = err
			break
		}
		w := ledger.Write{Key: row.Key, Value: row.Value}
		group.Go(func() error {
			for _, put := range s.stateRows(c.Height, w) {
				if err := s.exec(groupCtx, put.statement, append(put.values, position(c))...); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return errorsFirst(group.Wait(), failed)
}

// Prune implements [store.Store]. The floor comes first: what is below it is
// answered no more, whether it is still there or not. A row is deleted with the
// position of the newest commit as its timestamp: what is written later has a
// later one, what is late an earlier one.
func (s *Store) Prune(ctx context.Context, height uint64, keep []uint64) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.reach(height); err != nil {
		return fmt.Errorf("prune below block %d: %w", height, err)
	}
	s.still.RLock()
	defer s.still.RUnlock()
	s.pruning.Lock()
	defer s.pruning.Unlock()
	if height == 0 || height < s.floor.Load() {
		return nil
	}
	if err := s.putFloor(ctx, height, false); err != nil {
		return fmt.Errorf("prune below block %d: %w", height, err)
	}
	s.floor.Store(height)
	p := pruning{Store: s, height: height, stamp: int64(s.applied.Load().NextOffset) + 1, keep: map[int64]bool{}}
	for _, h := range keep {
		p.keep[int64(h)] = true
	}
	for _, table := range []func(context.Context) error{p.versions, p.blocks, p.headers, p.signatures, p.places} {
		if err := table(ctx); err != nil {
			return fmt.Errorf("prune below block %d: %w", height, err)
		}
	}
	return nil
}

// pruning is one under way.
type pruning struct {
	*Store

	height uint64
	stamp  int64
	keep   map[int64]bool
}

func (p *pruning) delete(ctx context.Context, statement string, values ...any) error {
	return p.exec(ctx, statement, append([]any{p.stamp}, values...)...)
}

func (p *pruning) below(height int64) bool { return height < int64(p.height) }

// versions goes from key to key: all that have any version have a row in latest.
func (p *pruning) versions(ctx context.Context) error {
	var bucket int
	var key, row []byte
	return p.walk(ctx, allLatest, []any{&bucket, &key, &row}, func() error {
		key := append([]byte{}, key...)
		err := p.key(ctx, key)
		if err == nil {
			err = p.gone(ctx, bucket, key, row)
		}
		return wrap(err, "row %q", key)
	})
}

// gone forgets a row that was deleted at or below the floor altogether, or the rows
// that each block makes and a later one deletes would be scanned over for ever. Its
// versions are gone by now, and it is found by latest, so latest goes last. No
// commit is under way meanwhile: it may write the row anew, and must then know that
// the era has no row any more.
func (p *pruning) gone(ctx context.Context, bucket int, key, row []byte) error {
	height, _, set, err := parseLatest(row)
	if err != nil || set || height > p.height {
		return err
	}
	p.applying.Lock()
	defer p.applying.Unlock()
	if row, ok, err := p.one(ctx, getLatest, bucket, key); err != nil || !ok {
		return err
	} else if height, _, set, err = parseLatest(row); err != nil || set || height > p.height {
		return err // written meanwhile
	}
	if err := p.delete(ctx, dropEra, key, era(height)); err != nil {
		return err
	}
	delete(p.eras, string(key))
	return p.delete(ctx, dropLatest, bucket, key)
}

// key forgets what no height from the floor on reads of a row: versions below
// the newest one at the floor, and that one where it deletes. It goes last: without
// it the one below it would be what the row was at the floor, should pruning be cut
// short between the two.
func (p *pruning) key(ctx context.Context, key []byte) error {
	var eras []int64
	var e int64
	rows := p.query(ctx, getEras, key, era(p.height)).PageSize(1000).Iter()
	for rows.Scan(&e) {
		eras = append(eras, e)
	}
	if err := rows.Close(); err != nil {
		return err
	}
	for i, e := range eras {
		below := int64(p.height) // versions below go
		var row []byte
		err := p.scanOne(ctx, newestVersion, []any{&below, &row}, key, e, below)
		if errors.Is(err, gocql.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		_, set, err := parseVersion(row)
		if err != nil {
			return err
		}
		if !set {
			below++
		}
		for _, older := range slices.Backward(eras[i+1:]) {
			if err := p.delete(ctx, dropVersions, key, older, int64(p.height)); err != nil {
				return err
			}
			if err := p.delete(ctx, dropEra, key, older); err != nil {
				return err
			}
		}
		return p.delete(ctx, dropVersions, key, e, below)
	}
	return nil
}

func (p *pruning) blocks(ctx context.Context) error {
	var height int64
	return p.walk(ctx, allBlocks, []any{&height}, func() error {
		if !p.below(height) {
			return nil
		}
		return p.delete(ctx, dropBlock, height)
	})
}

func (p *pruning) headers(ctx context.Context) error {
	var in, height int64
	return p.walk(ctx, allHeaders, []any{&in, &height}, func() error {
		if !p.below(height) || p.keep[height] {
			return nil
		}
		return p.delete(ctx, dropHeader, in, height)
	})
}

func (p *pruning) signatures(ctx context.Context) error {
	var in, height int64
	var node, row []byte
	return p.walk(ctx, allSignatures, []any{&in, &height, &node, &row}, func() error {
		if !p.below(height) || p.keep[height] {
			return nil
		}
		return p.delete(ctx, dropSignatures, in, height)
	})
}

func (p *pruning) places(ctx context.Context) error {
	var id []byte
	var height int64
	var place int
	return p.walk(ctx, allPlaces, []any{&id, &height, &place}, func() error {
		if !p.below(height) {
			return nil
		}
		return p.delete(ctx, dropPlace, append([]byte{}, id...), height, place)
	})
}
