package cassandra

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// PutSignature implements [store.Store]. Looking and writing are two steps:
// those who sign the same place go one after the other, in this process. Where
// Cassandra does not answer it waits as long as ctx lets it, like Apply: a node
// waits for its store, and what it was to store is not lost.
func (s *Store) PutSignature(ctx context.Context, sig ledger.HeaderSignature) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s.still.RLock()
	defer s.still.RUnlock()
	place := &s.signing[(sig.Height*31+uint64(sig.Node[0]))%uint64(len(s.signing))]
	place.Lock()
	defer place.Unlock()
	if err := s.putSignature(ctx, &sig); err != nil {
		return fmt.Errorf("store signature of node %s at height %d: %w", sig.Node.Short(), sig.Height, err)
	}
	return nil
}

func (s *Store) putSignature(ctx context.Context, sig *ledger.HeaderSignature) error {
	row, err := ledger.Encode(sig)
	if err != nil {
		return err
	}
	have, ok, err := s.one(ctx, getSignature, era(sig.Height), int64(sig.Height), sig.Node[:])
	switch {
	case err != nil:
		return err
	case ok && !bytes.Equal(have, row):
		return store.ErrConflict
	case ok:
		return nil
	}
	if err := s.exec(ctx, putSignature, era(sig.Height), int64(sig.Height), sig.Node[:], row, int64(sig.Height)+1); err != nil {
		return s.fail(err) // it may be there or come to be
	}
	return nil
}

// Signatures implements [store.Store].
func (s *Store) Signatures(ctx context.Context, height uint64) ([]ledger.HeaderSignature, error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var all []ledger.HeaderSignature
	err = s.again(ctx, func() error {
		all = nil
		rows := s.query(ctx, getSignatures, era(height), int64(height)).Iter()
		var row []byte
		for rows.Scan(&row) {
			sig, err := parseSignature(row)
			if err != nil {
				return errors.Join(err, rows.Close())
			}
			all = append(all, sig)
			row = nil
		}
		return rows.Close()
	})
	return all, wrap(err, "read signatures of height %d", height)
}

func parseSignature(row []byte) (sig ledger.HeaderSignature, err error) {
	if err := ledger.Decode("header signature", row, maxRowBytes, &sig); err != nil {
		return sig, fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	return sig, nil
}
