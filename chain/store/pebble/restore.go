package pebble

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// batchBytes is how much is written at once while restoring and pruning.
const batchBytes = 1 << 20

func (s *Store) putFloor(height uint64, partial bool) error {
	row, err := ledger.Encode(&store.FloorRow{Height: height, Partial: partial})
	if err != nil {
		return err
	}
	return s.db.Set([]byte{prefixFloor}, row, pebble.Sync)
}

// loadFloor reads the row f and refuses a store that is not wholly restored.
func (s *Store) loadFloor() error {
	b, ok, err := s.read([]byte{prefixFloor})
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

// Restore implements [store.Store].
func (s *Store) Restore(ctx context.Context, c *store.Commit, past []store.Past, rows iter.Seq2[store.Row, error]) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if s.readOnly {
		return fmt.Errorf("restore to block %d: %w", c.Height, store.ErrReadOnly)
	}
	if err := c.CheckRestored(); err != nil {
		return fmt.Errorf("restore to block %d: %w", c.Height, err)
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	if a := s.applied.Load(); a != nil {
		return fmt.Errorf("restore to block %d: a store that holds blocks is not written over, take an empty one: %w", c.Height,
			&store.HeightError{Got: c.Height, Want: a.Height + 1})
	}
	if err := s.guard(func() error { return s.restore(ctx, c, past, rows) }); err != nil {
		partial := fmt.Errorf("%w: %w", store.ErrPartial, err)
		s.failed.CompareAndSwap(nil, &partial)
		return fmt.Errorf("restore to block %d: %w", c.Height, err)
	}
	return nil
}

func (s *Store) restore(ctx context.Context, c *store.Commit, past []store.Past, rows iter.Seq2[store.Row, error]) (err error) {
	if err := s.putFloor(c.Height, true); err != nil {
		return err
	}
	b := s.db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	one := store.Commit{Height: c.Height, Writes: make([]ledger.Write, 1)}
	for row, err := range rows {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		one.Writes[0] = ledger.Write{Key: row.Key, Value: row.Value}
		if err := putWrites(b, &one); err != nil {
			return err
		}
		if b.Len() < batchBytes {
			continue
		}
		if err := b.Commit(pebble.NoSync); err != nil { // the last sync makes all of them durable
			return err
		}
		b.Reset()
	}
	for _, p := range past {
		if err := b.Set(heightKey(prefixHeader, p.Height), p.Header, nil); err != nil {
			return err
		}
	}
	row, err := ledger.Encode(&store.FloorRow{Height: c.Height})
	if err != nil {
		return err
	}
	if err := b.Set([]byte{prefixFloor}, row, nil); err != nil {
		return err
	}
	if err := s.finish(b, c); err != nil {
		return err
	}
	s.floor.Store(c.Height)
	return nil
}

// Prune implements [store.Store]. The floor comes first: what is below it is
// answered no more, whether it is still there or not.
func (s *Store) Prune(ctx context.Context, height uint64, keep []uint64) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if s.readOnly {
		return fmt.Errorf("prune below block %d: %w", height, store.ErrReadOnly)
	}
	if err := s.reach(height); err != nil {
		return fmt.Errorf("prune below block %d: %w", height, err)
	}
	s.pruning.Lock()
	defer s.pruning.Unlock()
	if height == 0 || height < s.floor.Load() {
		return nil
	}
	if err := s.guard(func() error { return s.prune(ctx, height, keep) }); err != nil {
		return fmt.Errorf("prune below block %d: %w", height, err)
	}
	return nil
}

func (s *Store) prune(ctx context.Context, height uint64, keep []uint64) error {
	if height > s.floor.Load() {
		if err := s.putFloor(height, false); err != nil {
			return err
		}
		s.floor.Store(height)
	}
	if err := s.pruneHeights(height, keep); err != nil {
		return err
	}
	if err := s.pruneVersions(ctx, height); err != nil {
		return err
	}
	if err := s.pruneTransactions(ctx, height); err != nil {
		return err
	}
	if err := s.db.Flush(); err != nil {
		return err
	}
	return s.db.Compact(ctx, []byte{0}, []byte{0xff}, false) // else the space comes back some day
}

func (s *Store) pruneHeights(height uint64, keep []uint64) (err error) {
	b := s.db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.DeleteRange(heightKey(prefixBlock, 0), heightKey(prefixBlock, height), nil); err != nil {
		return err
	}
	from := uint64(0)
	for _, to := range append(slices.Sorted(slices.Values(keep)), height) {
		if to = min(to, height); from < to {
			for _, prefix := range []byte{prefixHeader, prefixSignature} {
				if err := b.DeleteRange(heightKey(prefix, from), heightKey(prefix, to), nil); err != nil {
					return err
				}
			}
		}
		from = to + 1
	}
	return b.Commit(pebble.Sync)
}

// pruneVersions forgets versions that no height from the floor on reads.
func (s *Store) pruneVersions(ctx context.Context, height uint64) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixVersion}, UpperBound: []byte{prefixVersion + 1}})
	if err != nil {
		return corrupt(err)
	}
	defer func() { err = errors.Join(err, corrupt(it.Close())) }()
	b := s.db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	var seen []byte // the key whose version at the floor was met
	// That version goes too where it deletes, but last: without it the value below it
	// would be what the row was at the floor, should pruning be cut short between the two.
	var deletion []byte
	settle := func() error {
		if deletion == nil {
			return nil
		}
		err := b.Delete(deletion, nil)
		deletion = nil
		return errors.Join(err, flushLarge(ctx, b))
	}
	for valid := it.First(); valid; valid = it.Next() {
		key, at, err := parseVersionKey(it.Key())
		if err != nil {
			return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
		}
		if at > height {
			continue
		}
		older := seen != nil && string(seen) == string(key)
		seen = key
		if !older {
			if err := settle(); err != nil {
				return err
			}
			_, set, err := versionValue(it)
			if err != nil {
				return err
			}
			if !set {
				deletion = slices.Clone(it.Key())
			}
			continue
		}
		if err := b.Delete(it.Key(), nil); err != nil {
			return err
		}
		if err := flushLarge(ctx, b); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return corrupt(err)
	}
	if err := settle(); err != nil {
		return err
	}
	return b.Commit(pebble.Sync)
}

// flushLarge writes a batch that has grown large.
func flushLarge(ctx context.Context, b *pebble.Batch) error {
	if b.Len() < batchBytes {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return err
	}
	b.Reset()
	return nil
}

// pruneRows is how many rows of t are looked at while Apply waits: it may merge
// a place into one of them.
const pruneRows = 4096

func (s *Store) pruneTransactions(ctx context.Context, height uint64) error {
	for from := []byte{prefixTransaction}; from != nil; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		if from, err = s.pruneSomeTransactions(height, from); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) pruneSomeTransactions(height uint64, from []byte) (next []byte, err error) {
	s.applying.Lock()
	defer s.applying.Unlock()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{prefixTransaction + 1}})
	if err != nil {
		return nil, corrupt(err)
	}
	defer func() { err = errors.Join(err, corrupt(it.Close())) }()
	b := s.db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	n := 0
	for valid := it.First(); valid; valid = it.Next() {
		if n++; n > pruneRows {
			next = slices.Clone(it.Key())
			break
		}
		places, err := it.ValueAndErr()
		if err != nil {
			return nil, corrupt(err)
		}
		switch left := placesFrom(places, height); len(left) {
		case len(places):
			continue
		case 0:
			err = b.Delete(it.Key(), nil)
		default:
			err = b.Set(it.Key(), left, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := it.Error(); err != nil {
		return nil, corrupt(err)
	}
	return next, b.Commit(pebble.Sync)
}
