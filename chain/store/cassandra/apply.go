package cassandra

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Apply implements [store.Store]. Where Cassandra does not answer it waits as
// long as ctx lets it.
func (s *Store) Apply(ctx context.Context, c *store.Commit) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := c.Check(); err != nil {
		return fmt.Errorf("apply block %d: %w", c.Height, err)
	}
	s.still.RLock()
	defer s.still.RUnlock()
	s.applying.Lock()
	defer s.applying.Unlock()
	if err := s.next(c); err != nil {
		return err
	}
	err = s.stage(ctx, c)
	if err == nil {
		err = s.write(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("apply block %d: %w", c.Height, s.fail(err))
	}
	return nil
}

// next refuses a commit that does not follow the last one, in height, on the
// same log, at a later position (invariant 2).
func (s *Store) next(c *store.Commit) error {
	a := s.applied.Load()
	switch {
	case a == nil && c.Height != 0:
		return &store.HeightError{Got: c.Height, Want: 0}
	case a == nil:
		return nil
	case c.Height != a.Height+1:
		return &store.HeightError{Got: c.Height, Want: a.Height + 1}
	case c.Topic != a.Topic:
		return &store.OwnerError{Field: "log", Have: a.Topic.String(), Want: c.Topic.String()}
	case c.NextOffset <= a.NextOffset:
		return &store.CommitError{Height: c.Height, Field: "next offset", Reason: fmt.Sprintf("%d is not behind %d", c.NextOffset, a.NextOffset)}
	}
	return nil
}

func position(c *store.Commit) int64 { return int64(c.NextOffset) + 1 }

// writeRows is step two of a commit (invariant 1).
func (s *Store) writeRows(ctx context.Context, c *store.Commit) error {
	group, ctx2 := errgroup.WithContext(ctx)
	group.SetLimit(s.opts.Writers)
	put := func(statement string, values ...any) {
		group.Go(func() error { return s.exec(ctx2, statement, append(values, position(c))...) })
	}
	height := int64(c.Height)
	for _, w := range c.Writes {
		for _, row := range s.stateRows(c.Height, w) {
			put(row.statement, row.values...)
		}
	}
	placed := make(map[ledger.Digest]bool, len(c.Transactions))
	for i, id := range c.Transactions {
		if !id.IsZero() && !placed[id] { // of copies in a block the first one counts
			placed[id] = true
			put(putPlace, id[:], height, i, []byte{})
		}
	}
	if c.Height > 0 {
		for i, part := range parts(c.Block) {
			put(putBlock, height, i, part)
		}
		put(putHeader, era(c.Height), height, c.Header)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.rememberEras(c)
	return nil
}

// maxEras bounds the keys whose era is remembered; about 100 bytes each.
const maxEras = 1 << 17

// rememberEras takes note of rows of table eras that are there, so that the next
// block of the era does not write them again.
func (s *Store) rememberEras(c *store.Commit) {
	if len(s.eras)+len(c.Writes) > maxEras {
		clear(s.eras)
	}
	for _, w := range c.Writes[:min(len(c.Writes), maxEras)] {
		s.eras[string(w.Key)] = era(c.Height)
	}
}

// insert is a statement with its values but for the timestamp.
type insert struct {
	statement string
	values    []any
}

// stateRows are the rows of one write.
func (s *Store) stateRows(height uint64, w ledger.Write) []insert {
	rows := []insert{
		{putVersion, []any{w.Key, era(height), int64(height), versionRow(w)}},
		{putLatest, []any{s.bucket(w.Key), w.Key, latestRow(height, w)}},
	}
	if known, ok := s.eras[string(w.Key)]; !ok || known != era(height) {
		rows = append(rows, insert{putEra, []any{w.Key, era(height), []byte{}}})
	}
	return rows
}

// write is steps two and three of a commit (invariant 1).
func (s *Store) write(ctx context.Context, c *store.Commit) error {
	if err := s.writeRows(ctx, c); err != nil {
		return err
	}
	next := &store.Applied{
		Height: c.Height, NextOffset: c.NextOffset, LastRecord: c.LastRecord, Topic: c.Topic, Commitment: slices.Clone(c.Commitment),
	}
	row, err := ledger.Encode(&appliedRow{
		Height: next.Height, NextOffset: next.NextOffset, LastRecord: next.LastRecord, Topic: next.Topic, Commitment: next.Commitment,
	})
	if err != nil {
		return err
	}
	if err := s.exec(ctx, putMeta, "applied", row, position(c)); err != nil {
		return err
	}
	s.applied.Store(next)
	return nil
}

func (s *Store) bucket(key []byte) int {
	h := fnv.New32a()
	_, _ = h.Write(key) // never fails
	return int(h.Sum32() % uint32(s.buckets))
}

// Flags in front of a value.
const (
	rowDeleted = 0
	rowSet     = 1
)

func versionRow(w ledger.Write) []byte {
	if w.Delete {
		return []byte{rowDeleted}
	}
	return append([]byte{rowSet}, w.Value...)
}

func latestRow(height uint64, w ledger.Write) []byte {
	return append(binary.BigEndian.AppendUint64(nil, height), versionRow(w)...)
}

// parseVersion returns a value, false for a deletion.
func parseVersion(row []byte) (value []byte, ok bool, err error) {
	switch {
	case len(row) == 1 && row[0] == rowDeleted:
		return nil, false, nil
	case len(row) > 0 && row[0] == rowSet:
		return append([]byte{}, row[1:]...), true, nil
	}
	return nil, false, fmt.Errorf("%w: a row is %d bytes that mean nothing", store.ErrCorrupt, len(row))
}

func parseLatest(row []byte) (height uint64, value []byte, ok bool, err error) {
	if len(row) < 9 {
		return 0, nil, false, fmt.Errorf("%w: a row is %d bytes that mean nothing", store.ErrCorrupt, len(row))
	}
	value, ok, err = parseVersion(row[8:])
	return binary.BigEndian.Uint64(row), value, ok, err
}
