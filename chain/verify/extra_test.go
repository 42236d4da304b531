package verify_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	raw "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/verify"
)

// Keys and values as chain/store/pebble/doc.go tells them.
func latestKey(key []byte) []byte { return append([]byte("l"), key...) }

func versionKey(key []byte, height uint64) []byte {
	k := append([]byte("v"), bytes.ReplaceAll(key, []byte{0}, []byte{0, 0xff})...)
	return binary.BigEndian.AppendUint64(append(k, 0, 1), ^height)
}

func transactionKey(id ledger.Digest) []byte { return append([]byte("t"), id[:]...) }

func heightKey(kind string, height uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(kind), height)
}

func latestValue(height uint64, value []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, height), value...)
}

func placeValue(height uint64, index uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, height), index)
}

// damaged is a chain whose database is written to past the store.
type damaged struct {
	*chain

	fs      *vfs.MemFS
	balance []byte        // key of a row that blocks 0, 1 and 3 wrote
	value   []byte        // of it
	dropped []byte        // key of a row that a block deleted
	id      ledger.Digest // of the transaction of block 1
}

// spaced makes a chain of three blocks in the second of which account 0 has no
// part, and in which the ids of the first expire.
func spaced(t *testing.T) *damaged {
	t.Helper()
	d := &damaged{fs: vfs.NewMem()}
	d.chain = emptyOn(t, d.fs, 3, 1)
	d.transactions(t, 0, d.Transfer(0, 2, 1, 1, start+10))
	for i := range 4 {
		d.add(t, d.Record(i, ledger.Record{Kind: ledger.RecordClock, Time: start + 1000}))
	}
	d.transactions(t, 0, d.Transfer(1, 2, 1, 2, start+60_000))
	d.transactions(t, 0, d.Transfer(0, 2, 1, 3, start+60_000))
	if d.blocks != 3 {
		t.Fatalf("%d blocks, want 3", d.blocks)
	}
	d.balance = []byte(token.BalanceRow(d.Account(0)))
	var ok bool
	var err error
	if d.value, ok, err = d.store.Latest(t.Context(), d.balance); err != nil || !ok {
		t.Fatalf("balance: found %t, %v", ok, err)
	}
	rows, err := d.store.Scan(t.Context(), 1, nil, nil, store.MaxScanRows)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if _, ok, err := d.store.Latest(t.Context(), r.Key); err != nil {
			t.Fatal(err)
		} else if !ok {
			d.dropped = r.Key
		}
	}
	if d.dropped == nil {
		t.Fatal("no row was deleted")
	}
	b, err := d.store.Block(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ledger.ParseBlock(b)
	if err != nil {
		t.Fatal(err)
	}
	d.id = block.Results[0].ID
	return d
}

// verify writes to the database and verifies what is there then.
func (d *damaged) verify(t *testing.T, write func(b *raw.Batch) error) verify.Report {
	t.Helper()
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := raw.Open("store", &raw.Options{FS: d.fs, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	if err := errors.Join(write(b), b.Commit(raw.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := pebble.Open("store", pebble.Options{FS: d.fs, Chain: d.ID, Node: aplostest.NodeID(0), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	return run(t, d.input(s))
}

type silent struct{}

func (silent) Infof(string, ...any)           {}
func (silent) Errorf(string, ...any)          {}
func (silent) Fatalf(format string, _ ...any) { panic(format) }

// TestExtraRows adds rows to each space of the database, and takes some away,
// such that reads at the stored heights show nothing of it.
func TestExtraRows(t *testing.T) {
	t.Parallel()
	stranger := []byte(token.BalanceRow(aplostest.Stranger(1)))
	for _, tt := range []struct {
		name  string
		kind  string // of the finding; empty: right
		write func(d *damaged, b *raw.Batch) error
	}{
		{"nothing", "", func(*damaged, *raw.Batch) error { return nil }},
		{"newest value of a row that never was", "state", func(d *damaged, b *raw.Batch) error {
			return b.Set(latestKey(stranger), latestValue(1, d.value), nil)
		}},
		{"newest value kept after its deletion", "state", func(d *damaged, b *raw.Batch) error {
			return b.Set(latestKey(d.dropped), latestValue(3, d.value), nil)
		}},
		{"newest value of another height", "state", func(d *damaged, b *raw.Batch) error {
			return b.Set(latestKey(d.balance), latestValue(99, d.value), nil)
		}},
		{"newest value gone", "state", func(d *damaged, b *raw.Batch) error { return b.Delete(latestKey(d.balance), nil) }},
		{"version of a row that never was, deleted", "history", func(_ *damaged, b *raw.Batch) error {
			return b.Set(versionKey(stranger, 2), []byte{0}, nil)
		}},
		{"version between two writes", "history", func(d *damaged, b *raw.Batch) error {
			return b.Set(versionKey(d.balance, 2), []byte{1, 9}, nil)
		}},
		{"deletion between two writes", "history", func(d *damaged, b *raw.Batch) error {
			return b.Set(versionKey(d.balance, 2), []byte{0}, nil)
		}},
		{"version of a block to come", "history", func(d *damaged, b *raw.Batch) error {
			return b.Set(versionKey(d.balance, 4), append([]byte{1}, d.value...), nil)
		}},
		{"deletion gone", "history", func(d *damaged, b *raw.Batch) error {
			return errors.Join(b.Delete(versionKey(d.dropped, 2), nil), b.Delete(versionKey(d.dropped, 1), nil))
		}},
		{"place of a transaction that never was", "index", func(_ *damaged, b *raw.Batch) error {
			return b.Set(transactionKey(ledger.Digest{7}), placeValue(1, 77), nil)
		}},
		{"second place of a transaction", "index", func(d *damaged, b *raw.Batch) error {
			return b.Merge(transactionKey(d.id), placeValue(2, 0), nil)
		}},
		{"block to come", "block", func(_ *damaged, b *raw.Batch) error { return b.Set(heightKey("b", 4), []byte("block"), nil) }},
		{"header of the genesis", "header", func(_ *damaged, b *raw.Batch) error { return b.Set(heightKey("h", 0), []byte("header"), nil) }},
		{"own signature of a block to come", "signature", func(_ *damaged, b *raw.Batch) error {
			key, self := aplostest.NodeKey(0), aplostest.NodeID(0)
			s := ledger.SignHeader(4, []byte("forged"), self, key.ID(), key.Sign)
			row, err := ledger.Encode(&s)
			return errors.Join(err, b.Set(append(heightKey("s", 4), self[:]...), row, nil))
		}},
		{"row of no kind", "storage", func(_ *damaged, b *raw.Batch) error { return b.Set([]byte("x"), nil, nil) }},
	} {
		d := spaced(t)
		report := d.verify(t, func(b *raw.Batch) error { return tt.write(d, b) })
		switch {
		case tt.kind == "" && report.Verdict != verify.Right:
			t.Errorf("%s: %s, %v", tt.name, report.Verdict, report.First)
		case tt.kind != "" && (report.Verdict != verify.Wrong || report.First.Kind != tt.kind):
			t.Errorf("%s: %s, %v, want %s", tt.name, report.Verdict, report.First, tt.kind)
		}
	}
}
