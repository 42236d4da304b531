package pebble_test

import (
	"errors"
	"testing"

	raw "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/store/storetest"
)

// TestAuditOfForeignRows writes rows past the store that it would never write,
// and that none of its other methods would stumble over.
func TestAuditOfForeignRows(t *testing.T) {
	t.Parallel()
	signature, err := ledger.Encode(&ledger.HeaderSignature{Height: 1, Node: ledger.ID{1}})
	if err != nil {
		t.Fatal(err)
	}
	misplaced := string(append(append([]byte("s"), 0, 0, 0, 0, 0, 0, 0, 2), make([]byte, len(ledger.ID{}))...))
	for name, row := range map[string][2]string{
		"unknown kind":              {"x", ""},
		"empty key":                 {"", ""},
		"behind the owner":          {"m ", ""},
		"behind the position":       {"a\x00", ""},
		"latest of no key":          {"l", "00000000"},
		"latest without height":     {"lkey", "0000000"},
		"version that ends nowhere": {"vkey", "\x01"},
		"version of no key":         {"v\x00\x0112345678", "\x01"},
		"version without flag":      {"vkey\x00\x0112345678", ""},
		"place of a short id":       {"tid", "012345678901"},
		"half a place":              {"t0123456789abcdef0123456789abcdef", "0123456789"},
		"block at no height":        {"b1234567", ""},
		"header at no height":       {"h123456789", ""},
		"signature":                 {"s12345678", "no signature"},
		"signature elsewhere":       {misplaced, string(signature)},
	} {
		fs := vfs.NewMem()
		s := open(t, "store", owned(fs))
		if err := s.Apply(t.Context(), storetest.NewCommit(0, map[string]string{"k": "v"})); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		db, err := raw.Open("store", &raw.Options{FS: fs, Logger: quiet{t}})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Set([]byte(row[0]), []byte(row[1]), raw.Sync), db.Close()); err != nil {
			t.Fatal(err)
		}
		options := owned(fs)
		options.ReadOnly = true
		after, err := pebble.Open("store", options)
		if err != nil {
			t.Fatal(err)
		}
		pass := func(uint64) error { return nil }
		err = after.Audit(t.Context(), store.Audit{
			Version:     func(uint64, ledger.Write) error { return nil },
			Latest:      func(uint64, store.Row) error { return nil },
			Transaction: func(ledger.Digest, uint64, uint32) error { return nil },
			Block:       pass, Header: pass,
			Signature: func(ledger.HeaderSignature) error { return nil },
		})
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
		closeStore(t, after)
	}
}

// quiet keeps Pebble's own log out of the way.
type quiet struct{ testing.TB }

func (quiet) Infof(string, ...any)        {}
func (q quiet) Errorf(f string, a ...any) { q.TB.Errorf(f, a...) }
