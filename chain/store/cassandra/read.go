package cassandra

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gocql/gocql"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Applied implements [store.Store].
func (s *Store) Applied(ctx context.Context) (store.Applied, bool, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return store.Applied{}, false, err
	}
	defer leave()
	a := s.applied.Load()
	if a == nil {
		return store.Applied{}, false, nil
	}
	out := *a
	out.Floor = s.floor.Load()
	out.Commitment = slices.Clone(a.Commitment)
	return out, true, nil
}

// begin is enter, and bounds how long the call may take.
func (s *Store) begin(ctx context.Context) (context.Context, func(), error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Patience, store.ErrAway)
	return ctx, func() { cancel(); leave() }, nil
}

// Latest implements [store.Store].
func (s *Store) Latest(ctx context.Context, key []byte) (value []byte, ok bool, err error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, false, err
	}
	defer done()
	if len(key) == 0 {
		return nil, false, nil
	}
	_, value, ok, _, err = s.latest(ctx, key)
	return value, ok, err
}

// latest returns the row of table latest, and whether there is one.
func (s *Store) latest(ctx context.Context, key []byte) (height uint64, value []byte, ok, written bool, err error) {
	row, written, err := s.one(ctx, getLatest, s.bucket(key), key)
	if err != nil || !written {
		return 0, nil, false, false, wrap(err, "read row %q", key)
	}
	height, value, ok, err = parseLatest(row)
	return height, value, ok, true, wrap(err, "read row %q", key)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// reach refuses heights that are not there yet.
func (s *Store) reach(height uint64) error {
	a := s.applied.Load()
	switch {
	case a == nil:
		return fmt.Errorf("%w: %d, there is none", store.ErrNotApplied, height)
	case height > a.Height:
		return fmt.Errorf("%w: %d, the last is %d", store.ErrNotApplied, height, a.Height)
	}
	return nil
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, height uint64, key []byte) (value []byte, ok bool, err error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, false, err
	}
	defer done()
	if err := s.reach(height); err != nil || len(key) == 0 {
		return nil, false, err
	}
	// A row last written at or below the height is what it was then; one never
	// written was nothing at any height.
	at, value, ok, written, err := s.latest(ctx, key)
	if err == nil && written && at > height {
		value, ok, err = s.version(ctx, height, key)
	}
	if err == nil {
		err = s.above(height)
	}
	if err != nil {
		return nil, false, err
	}
	return value, ok, nil
}

// above refuses heights below the floor. It is asked after the read: a prune may
// have begun meanwhile.
func (s *Store) above(height uint64) error {
	if floor := s.floor.Load(); height < floor {
		return fmt.Errorf("%w: height %d, the lowest is %d", store.ErrPruned, height, floor)
	}
	return nil
}

// version looks for the newest version at or below a height, era by era from
// the newest one that has any.
func (s *Store) version(ctx context.Context, height uint64, key []byte) (value []byte, ok bool, err error) {
	for below := era(height); ; below-- {
		var found int64
		err := s.scanOne(ctx, getEra, []any{&found}, key, below)
		if errors.Is(err, gocql.ErrNotFound) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, wrap(err, "read row %q at height %d", key, height)
		}
		row, there, err := s.one(ctx, getVersion, key, found, int64(height))
		if err != nil {
			return nil, false, wrap(err, "read row %q at height %d", key, height)
		}
		if there {
			value, ok, err = parseVersion(row)
			return value, ok, wrap(err, "read row %q at height %d", key, height)
		}
		below = found
	}
}

// Block implements [store.Store].
func (s *Store) Block(ctx context.Context, height uint64) ([]byte, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if s.reach(height) != nil {
		return nil, fmt.Errorf("read block %d: %w", height, store.ErrNotFound)
	}
	var block []byte
	err = s.again(ctx, func() error {
		block = nil
		rows := s.query(ctx, getBlock, int64(height)).PageSize(4).Iter()
		var part []byte
		for rows.Scan(&part) {
			block = append(block, part...)
			if part = nil; len(block) > ledger.MaxBlockBytes {
				return errors.Join(fmt.Errorf("%w: it is too long", store.ErrCorrupt), rows.Close())
			}
		}
		return rows.Close()
	})
	if err == nil {
		err = s.above(height)
	}
	if err == nil && len(block) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, wrap(err, "read block %d", height)
	}
	return block, nil
}

// Header implements [store.Store].
func (s *Store) Header(ctx context.Context, height uint64) ([]byte, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if s.reach(height) != nil {
		return nil, fmt.Errorf("read header %d: %w", height, store.ErrNotFound)
	}
	row, ok, err := s.one(ctx, getHeader, era(height), int64(height))
	if err == nil && !ok {
		err = s.above(height)
	}
	if err == nil && !ok {
		err = store.ErrNotFound
	}
	return row, wrap(err, "read header %d", height)
}

// Transaction implements [store.Store].
func (s *Store) Transaction(ctx context.Context, id ledger.Digest) (height uint64, index uint32, ok bool, err error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return 0, 0, false, err
	}
	defer done()
	var at int64
	var place int
	err = s.scanOne(ctx, getPlace, []any{&at, &place}, id[:], int64(s.floor.Load()))
	switch {
	case errors.Is(err, gocql.ErrNotFound):
		return 0, 0, false, nil
	case err != nil:
		return 0, 0, false, wrap(err, "look up transaction %s", id)
	case s.reach(uint64(at)) != nil: // its block is being written
		return 0, 0, false, nil
	}
	return uint64(at), uint32(place), true, nil
}
