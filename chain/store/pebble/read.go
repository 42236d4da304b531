package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// read returns a copy of a row.
func (s *Store) read(key []byte) (value []byte, ok bool, err error) {
	b, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, corrupt(err)
	}
	value = append(make([]byte, 0, len(b)), b...)
	return value, true, closer.Close()
}

// Latest implements [store.Store].
func (s *Store) Latest(ctx context.Context, key []byte) (value []byte, ok bool, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	_, value, ok, err = s.latest(key)
	return value, ok, err
}

// latest returns the row of l and the height that wrote it.
func (s *Store) latest(key []byte) (height uint64, value []byte, ok bool, err error) {
	b, ok, err := s.read(latestKey(key))
	if err != nil {
		return 0, nil, false, fmt.Errorf("read row %q: %w", key, err)
	}
	if !ok {
		return 0, nil, false, nil
	}
	if len(b) < 8 {
		return 0, nil, false, fmt.Errorf("read row %q: %w: it has %d bytes", key, store.ErrCorrupt, len(b))
	}
	return binary.BigEndian.Uint64(b), b[8:], true, nil
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

// above refuses heights below the floor. It is asked after the read as well: a
// prune may have begun meanwhile.
func (s *Store) above(height uint64) error {
	if floor := s.floor.Load(); height < floor {
		return fmt.Errorf("%w: height %d, the lowest is %d", store.ErrPruned, height, floor)
	}
	return nil
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, height uint64, key []byte) (value []byte, ok bool, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	if err := s.reach(height); err != nil {
		return nil, false, err
	}
	// A row last written at or below the height is what it was then.
	written, value, ok, err := s.latest(key)
	if err != nil {
		return nil, false, err
	}
	if !ok || written > height {
		value, ok, err = s.version(height, key)
	}
	if err == nil {
		err = s.above(height)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read row %q at height %d: %w", key, height, err)
	}
	return value, ok, nil
}

func (s *Store) version(height uint64, key []byte) (value []byte, ok bool, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: versionKey(nil, key, height), UpperBound: afterVersions(nil, key),
	})
	if err != nil {
		return nil, false, corrupt(err)
	}
	defer func() { err = errors.Join(err, corrupt(it.Close())) }()
	if !it.First() {
		return nil, false, corrupt(it.Error())
	}
	return versionValue(it)
}

// versionValue returns a copy of the value at the iterator, false for a
// deletion.
func versionValue(it *pebble.Iterator) ([]byte, bool, error) {
	b, err := it.ValueAndErr()
	switch {
	case err != nil:
		return nil, false, corrupt(err)
	case len(b) == 1 && b[0] == versionDeleted:
		return nil, false, nil
	case len(b) > 0 && b[0] == versionSet:
		return append(make([]byte, 0, len(b)-1), b[1:]...), true, nil
	default:
		return nil, false, fmt.Errorf("%w: version of %d bytes has no flag", store.ErrCorrupt, len(b))
	}
}

// Scan implements [store.Store].
func (s *Store) Scan(ctx context.Context, height uint64, prefix, after []byte, limit int) ([]store.Row, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := s.reach(height); err != nil {
		return nil, err
	}
	if limit < 1 || limit > store.MaxScanRows {
		return nil, fmt.Errorf("scan rows: limit is %d, want 1 to %d", limit, store.MaxScanRows)
	}
	rows, err := s.scan(height, prefix, after, limit)
	if err == nil {
		err = s.above(height)
	}
	if err != nil {
		return nil, fmt.Errorf("scan rows under %q at height %d: %w", prefix, height, err)
	}
	return rows, nil
}

func (s *Store) scan(height uint64, prefix, after []byte, limit int) (rows []store.Row, err error) {
	lower := appendEscaped([]byte{prefixVersion}, prefix)
	upper := successor(lower)
	if after != nil {
		if behind := afterVersions(nil, after); bytes.Compare(behind, lower) > 0 {
			lower = behind
		}
	}
	if bytes.Compare(lower, upper) >= 0 {
		return nil, nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, corrupt(err)
	}
	defer func() { err = errors.Join(err, corrupt(it.Close())) }()
	var seek []byte
	for valid := it.First(); valid && len(rows) < limit; {
		key, at, err := parseVersionKey(it.Key())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", store.ErrCorrupt, err)
		}
		if at > height { // on to the version that counts, or to another key
			seek = versionKey(seek[:0], key, height)
			valid = it.SeekGE(seek)
			continue
		}
		value, ok, err := versionValue(it)
		if err != nil {
			return nil, err
		}
		if ok {
			rows = append(rows, store.Row{Key: key, Value: value})
		}
		seek = afterVersions(seek[:0], key)
		valid = it.SeekGE(seek)
	}
	return rows, corrupt(it.Error())
}

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

// Block implements [store.Store].
func (s *Store) Block(ctx context.Context, height uint64) ([]byte, error) {
	return s.at(ctx, prefixBlock, "block", height)
}

// Header implements [store.Store].
func (s *Store) Header(ctx context.Context, height uint64) ([]byte, error) {
	return s.at(ctx, prefixHeader, "header", height)
}

func (s *Store) at(ctx context.Context, prefix byte, what string, height uint64) ([]byte, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if s.reach(height) != nil { // it may be written and not yet durable
		return nil, fmt.Errorf("read %s %d: %w", what, height, store.ErrNotFound)
	}
	b, ok, err := s.read(heightKey(prefix, height))
	if below := s.above(height); err == nil && below != nil && (prefix == prefixBlock || !ok) {
		err = below
	}
	if err == nil && !ok {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read %s %d: %w", what, height, err)
	}
	return b, nil
}

// Transaction implements [store.Store].
func (s *Store) Transaction(ctx context.Context, id ledger.Digest) (height uint64, index uint32, ok bool, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, 0, false, err
	}
	defer leave()
	b, ok, err := s.read(transactionKey(id))
	if err == nil && ok && (len(b) == 0 || len(b)%placeSize != 0) {
		err = fmt.Errorf("%w: its row has %d bytes", store.ErrCorrupt, len(b))
	}
	if err != nil || !ok {
		if err != nil {
			err = fmt.Errorf("look up transaction %s: %w", id, err)
		}
		return 0, 0, false, err
	}
	b = placesFrom(b, s.floor.Load())
	if len(b) == 0 || s.reach(binary.BigEndian.Uint64(b)) != nil { // it may be written and not yet durable
		return 0, 0, false, nil
	}
	return binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), true, nil
}

// placesFrom returns the places at and above a height; they ascend.
func placesFrom(places []byte, height uint64) []byte {
	for len(places) >= placeSize && binary.BigEndian.Uint64(places) < height {
		places = places[placeSize:]
	}
	return places
}

// Signatures implements [store.Store].
func (s *Store) Signatures(ctx context.Context, height uint64) (all []ledger.HeaderSignature, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	prefix := heightKey(prefixSignature, height)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return nil, fmt.Errorf("read signatures of height %d: %w", height, corrupt(err))
	}
	defer func() { err = errors.Join(err, corrupt(it.Close())) }()
	s.signatures.Lock()
	defer s.signatures.Unlock()
	for valid := it.First(); valid; valid = it.Next() {
		if s.unsynced[string(it.Key())] > 0 {
			continue // nobody may send it before it is durable
		}
		b, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("read signatures of height %d: %w", height, corrupt(err))
		}
		sig, err := ledger.ParseHeaderSignature(b)
		if err != nil {
			return nil, fmt.Errorf("read signatures of height %d: %w: %w", height, store.ErrCorrupt, err)
		}
		all = append(all, sig)
	}
	return all, nil
}
