package cassandra

import (
	"context"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Audit implements [store.Store]. It reads all tables whole, and nothing is
// written meanwhile.
func (s *Store) Audit(ctx context.Context, a store.Audit) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s.still.Lock()
	defer s.still.Unlock()
	for _, table := range []func(context.Context, *store.Audit) error{
		s.auditVersions, s.auditLatest, s.auditPlaces, s.auditHeights, s.auditSignatures,
	} {
		if err := table(ctx, &a); err != nil {
			return fmt.Errorf("audit rows: %w", err)
		}
	}
	return nil
}

// walk reads a whole table. A page that can't be read ends it: what was passed on
// can't be taken back.
func (s *Store) walk(ctx context.Context, statement string, into []any, each func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rows := s.query(ctx, statement).PageSize(1000).Iter()
	for rows.Scan(into...) {
		if err := each(); err != nil {
			_ = rows.Close() // the first error is the one that counts
			return err
		}
		if err := ctx.Err(); err != nil {
			_ = rows.Close() // likewise
			return err
		}
	}
	return rows.Close()
}

func (s *Store) auditVersions(ctx context.Context, a *store.Audit) error {
	var key, row []byte
	var in, height int64
	return s.walk(ctx, allVersions, []any{&key, &in, &height, &row}, func() error {
		value, ok, err := parseVersion(row)
		if err == nil && (height < 0 || in != era(uint64(height))) {
			err = fmt.Errorf("%w: height %d stands in era %d", store.ErrCorrupt, height, in)
		}
		if err != nil {
			return fmt.Errorf("version of row %q: %w", key, err)
		}
		w := ledger.Write{Key: append([]byte{}, key...), Value: value, Delete: !ok}
		return a.Version(uint64(height), w)
	})
}

func (s *Store) auditLatest(ctx context.Context, a *store.Audit) error {
	var bucket int
	var key, row []byte
	return s.walk(ctx, allLatest, []any{&bucket, &key, &row}, func() error {
		height, value, ok, err := parseLatest(row)
		if err == nil && bucket != s.bucket(key) {
			err = fmt.Errorf("%w: it stands in bucket %d", store.ErrCorrupt, bucket)
		}
		if err != nil {
			return fmt.Errorf("row %q: %w", key, err)
		}
		if !ok {
			return nil // Latest does not find it
		}
		return a.Latest(height, store.Row{Key: append([]byte{}, key...), Value: value})
	})
}

// auditPlaces relies on the places of an id coming together, the first first.
func (s *Store) auditPlaces(ctx context.Context, a *store.Audit) error {
	var id []byte
	var height int64
	var place int
	return s.walk(ctx, allPlaces, []any{&id, &height, &place}, func() error {
		if len(id) != len(ledger.Digest{}) || height < 0 || place < 0 {
			return fmt.Errorf("transaction %x: %w: it is at %d.%d", id, store.ErrCorrupt, height, place)
		}
		return a.Transaction(ledger.Digest(id), uint64(height), uint32(place))
	})
}

func (s *Store) auditHeights(ctx context.Context, a *store.Audit) error {
	var in, height int64
	err := s.walk(ctx, allBlocks, []any{&height}, func() error { return a.Block(uint64(height)) })
	if err != nil {
		return err
	}
	return s.walk(ctx, allHeaders, []any{&in, &height}, func() error {
		if height < 0 || in != era(uint64(height)) {
			return fmt.Errorf("header %d: %w: it stands in era %d", height, store.ErrCorrupt, in)
		}
		return a.Header(uint64(height))
	})
}

func (s *Store) auditSignatures(ctx context.Context, a *store.Audit) error {
	var in, height int64
	var node, row []byte
	return s.walk(ctx, allSignatures, []any{&in, &height, &node, &row}, func() error {
		sig, err := parseSignature(row)
		if err == nil && (int64(sig.Height) != height || in != era(sig.Height) || string(node) != string(sig.Node[:])) {
			err = fmt.Errorf("%w: it is of node %s at height %d", store.ErrCorrupt, sig.Node, sig.Height)
		}
		if err != nil {
			return fmt.Errorf("signature of node %x at height %d: %w", node, height, err)
		}
		return a.Signature(sig)
	})
}
