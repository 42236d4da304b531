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

// placeSize is the length of a place in a row t: height and index.
const placeSize = 12

// Flags in front of the value of a version.
const (
	versionDeleted = 0
	versionSet     = 1
)

// Apply implements [store.Store].
func (s *Store) Apply(ctx context.Context, c *store.Commit) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if s.readOnly {
		return fmt.Errorf("apply block %d: %w", c.Height, store.ErrReadOnly)
	}
	if err := c.Check(); err != nil {
		return fmt.Errorf("apply block %d: %w", c.Height, err)
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	want := uint64(0)
	if a := s.applied.Load(); a != nil {
		want = a.Height + 1
	}
	if c.Height != want {
		return &store.HeightError{Got: c.Height, Want: want}
	}
	if err := s.guard(func() error { return s.apply(c) }); err != nil {
		return fmt.Errorf("apply block %d: %w", c.Height, err)
	}
	return nil
}

// guard runs a write. Where Pebble gives up in it, or the disk failed behind it,
// that is the end of the store: what is on the disk is known again once it is
// opened anew.
func (s *Store) guard(write func() error) (err error) {
	if f := s.failed.Load(); f != nil {
		return *f
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case fatal:
			err = s.fail(r)
		default:
			panic(r)
		}
	}()
	err = write()
	if f := s.failed.Load(); f != nil {
		return *f
	}
	return err
}

func (s *Store) apply(c *store.Commit) (err error) {
	b := s.db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := errors.Join(putWrites(b, c), putTransactions(b, c)); err != nil {
		return err
	}
	return s.finish(b, c)
}

// finish adds block and position to a batch, and writes it.
func (s *Store) finish(b *pebble.Batch, c *store.Commit) error {
	if c.Height > 0 {
		if err := errors.Join(b.Set(heightKey(prefixBlock, c.Height), c.Block, nil),
			b.Set(heightKey(prefixHeader, c.Height), c.Header, nil)); err != nil {
			return err
		}
	}
	next := &store.Applied{
		Height: c.Height, NextOffset: c.NextOffset, LastRecord: c.LastRecord,
		Topic: c.Topic, Commitment: slices.Clone(c.Commitment),
	}
	row, err := ledger.Encode(&appliedRow{
		Height: next.Height, NextOffset: next.NextOffset,
		LastRecord: next.LastRecord, Topic: next.Topic, Commitment: next.Commitment,
	})
	if err != nil {
		return err
	}
	if err := b.Set([]byte{prefixApplied}, row, nil); err != nil {
		return err
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	s.applied.Store(next)
	return nil
}

func putWrites(b *pebble.Batch, c *store.Commit) error {
	var key, value []byte
	for _, w := range c.Writes {
		key = append(append(key[:0], prefixLatest), w.Key...)
		value = value[:0]
		var err error
		if w.Delete {
			err = b.Delete(key, nil)
			value = append(value, versionDeleted)
		} else {
			err = b.Set(key, append(binary.BigEndian.AppendUint64(value, c.Height), w.Value...), nil)
			value = append(append(value, versionSet), w.Value...)
		}
		key = versionKey(key[:0], w.Key, c.Height)
		if err := errors.Join(err, b.Set(key, value, nil)); err != nil {
			return err
		}
	}
	return nil
}

// putTransactions adds places to the rows of the ids. Merging looks nothing up:
// what stood there is read only by who asks for it, which is rare.
func putTransactions(b *pebble.Batch, c *store.Commit) error {
	var value []byte
	for i, id := range c.Transactions {
		if id.IsZero() {
			continue
		}
		value = binary.BigEndian.AppendUint64(value[:0], c.Height)
		value = binary.BigEndian.AppendUint32(value, uint32(i))
		if err := b.Merge(transactionKey(id), value, nil); err != nil {
			return err
		}
	}
	return nil
}

// fail ends the store and returns why.
func (s *Store) fail(reason error) error {
	err := fmt.Errorf("%w: %w", store.ErrFailed, reason)
	s.failed.CompareAndSwap(nil, &err)
	return err
}

// PutSignature implements [store.Store].
func (s *Store) PutSignature(ctx context.Context, sig ledger.HeaderSignature) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.guard(func() error { return s.putSignature(&sig) }); err != nil {
		return fmt.Errorf("store signature of node %s at height %d: %w", sig.Node.Short(), sig.Height, err)
	}
	return nil
}

func (s *Store) putSignature(sig *ledger.HeaderSignature) (err error) {
	if s.readOnly {
		return store.ErrReadOnly
	}
	row, err := ledger.Encode(sig)
	if err != nil {
		return err
	}
	key := signatureKey(sig.Height, sig.Node)
	b := s.db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	written, err := s.enterSignature(b, key, row)
	if err != nil || !written {
		return err
	}
	if err = b.SyncWait(); err != nil { // outside the lock: signatures of several nodes share a sync
		return s.fail(err)
	}
	s.signatures.Lock()
	defer s.signatures.Unlock()
	if s.unsynced[string(key)]--; s.unsynced[string(key)] == 0 {
		delete(s.unsynced, string(key))
	}
	return nil
}

// enterSignature looks and writes under one lock, so that of two callers with
// different signatures one is refused. Nothing is written where the same one
// is durable already.
func (s *Store) enterSignature(b *pebble.Batch, key, row []byte) (written bool, err error) {
	s.signatures.Lock()
	defer s.signatures.Unlock()
	have, ok, err := s.read(key)
	switch {
	case err != nil:
		return false, err
	case ok && !bytes.Equal(have, row):
		return false, store.ErrConflict
	case ok && s.unsynced[string(key)] == 0:
		return false, nil
	}
	if err := b.Set(key, row, nil); err != nil {
		return false, err
	}
	if err := s.db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
		return false, err
	}
	s.unsynced[string(key)]++
	return true, nil
}
