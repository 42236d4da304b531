package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// auditRows is how many rows are read between looks at the context.
const auditRows = 1024

// Audit implements [store.Store]. It walks the whole database, not the key
// spaces one by one: a row of no kind must not pass either.
func (s *Store) Audit(ctx context.Context, a store.Audit) (err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	it, err := s.db.NewIterWithContext(ctx, nil)
	if err != nil {
		return fmt.Errorf("audit rows: %w", corrupt(err))
	}
	defer func() { err = errors.Join(err, corrupt(it.Close())) }()
	n := 0
	for valid := it.First(); valid; valid = it.Next() {
		if n++; n%auditRows == 1 && ctx.Err() != nil {
			return fmt.Errorf("audit rows: %w", context.Cause(ctx))
		}
		if err := auditRow(it, &a); err != nil {
			return fmt.Errorf("audit row %q: %w", it.Key(), err)
		}
	}
	return corrupt(it.Error())
}

// auditRow passes on one row.
func auditRow(it *pebble.Iterator, a *store.Audit) error {
	kind, key := it.Key()[:min(1, len(it.Key()))], it.Key()[min(1, len(it.Key())):]
	switch {
	case len(kind) == 0:
	case (kind[0] == prefixOwner || kind[0] == prefixApplied || kind[0] == prefixFloor) && len(key) == 0:
		return nil // opening reads them
	case kind[0] == prefixVersion:
		return auditVersion(it, a)
	case kind[0] == prefixLatest && len(key) > 0:
		b, err := it.ValueAndErr()
		if err != nil {
			return corrupt(err)
		}
		if len(b) < 8 {
			return fmt.Errorf("%w: it has %d bytes", store.ErrCorrupt, len(b))
		}
		return a.Latest(binary.BigEndian.Uint64(b), store.Row{Key: bytes.Clone(key), Value: bytes.Clone(b[8:])})
	case kind[0] == prefixTransaction && len(key) == len(ledger.Digest{}):
		return auditPlaces(it, ledger.Digest(key), a)
	case kind[0] == prefixBlock && len(key) == 8:
		return a.Block(binary.BigEndian.Uint64(key))
	case kind[0] == prefixHeader && len(key) == 8:
		return a.Header(binary.BigEndian.Uint64(key))
	case kind[0] == prefixSignature:
		return auditSignature(it, a)
	}
	return fmt.Errorf("%w: it is of no kind", store.ErrCorrupt)
}

func auditVersion(it *pebble.Iterator, a *store.Audit) error {
	key, height, err := parseVersionKey(it.Key())
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	if len(key) == 0 {
		return fmt.Errorf("%w: version of an empty key", store.ErrCorrupt)
	}
	value, ok, err := versionValue(it)
	if err != nil {
		return err
	}
	return a.Version(height, ledger.Write{Key: key, Value: value, Delete: !ok})
}

func auditPlaces(it *pebble.Iterator, id ledger.Digest, a *store.Audit) error {
	b, err := it.ValueAndErr()
	if err != nil {
		return corrupt(err)
	}
	if len(b) == 0 || len(b)%placeSize != 0 {
		return fmt.Errorf("%w: it has %d bytes", store.ErrCorrupt, len(b))
	}
	for ; len(b) > 0; b = b[placeSize:] {
		if err := a.Transaction(id, binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])); err != nil {
			return err
		}
	}
	return nil
}

func auditSignature(it *pebble.Iterator, a *store.Audit) error {
	b, err := it.ValueAndErr()
	if err != nil {
		return corrupt(err)
	}
	sig, err := ledger.ParseHeaderSignature(b)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	if !bytes.Equal(it.Key(), signatureKey(sig.Height, sig.Node)) {
		return fmt.Errorf("%w: it holds the signature of node %s at height %d", store.ErrCorrupt, sig.Node.Short(), sig.Height)
	}
	return a.Signature(sig)
}
