package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/verify"
)

// tampered is a store that lies about what one of its functions is set for.
type tampered struct {
	store.Store
	block       func(height uint64, b []byte) ([]byte, error)
	header      func(height uint64, b []byte) []byte
	signatures  func(height uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error)
	rows        func([]store.Row) []store.Row
	latest      func(key, value []byte) []byte
	get         func(height uint64, key, value []byte) []byte
	applied     func(*store.Applied)
	transaction func(id ledger.Digest, height *uint64, index *uint32, ok *bool)
}

func (s *tampered) Block(ctx context.Context, height uint64) ([]byte, error) {
	b, err := s.Store.Block(ctx, height)
	if err == nil && s.block != nil {
		return s.block(height, b)
	}
	return b, err
}

func (s *tampered) Header(ctx context.Context, height uint64) ([]byte, error) {
	b, err := s.Store.Header(ctx, height)
	if err == nil && s.header != nil {
		b = s.header(height, b)
	}
	return b, err
}

func (s *tampered) Signatures(ctx context.Context, height uint64) ([]ledger.HeaderSignature, error) {
	all, err := s.Store.Signatures(ctx, height)
	if err == nil && s.signatures != nil {
		return s.signatures(height, all)
	}
	return all, err
}

func (s *tampered) Scan(ctx context.Context, height uint64, prefix, after []byte, limit int) ([]store.Row, error) {
	rows, err := s.Store.Scan(ctx, height, prefix, after, limit)
	if err == nil && s.rows != nil {
		rows = s.rows(rows)
	}
	return rows, err
}

func (s *tampered) Latest(ctx context.Context, key []byte) ([]byte, bool, error) {
	value, ok, err := s.Store.Latest(ctx, key)
	if err == nil && s.latest != nil {
		value = s.latest(key, value)
	}
	return value, ok, err
}

func (s *tampered) Get(ctx context.Context, height uint64, key []byte) ([]byte, bool, error) {
	value, ok, err := s.Store.Get(ctx, height, key)
	if err == nil && s.get != nil {
		value = s.get(height, key, value)
	}
	return value, ok, err
}

func (s *tampered) Applied(ctx context.Context) (store.Applied, bool, error) {
	a, ok, err := s.Store.Applied(ctx)
	if err == nil && s.applied != nil {
		s.applied(&a)
	}
	return a, ok, err
}

func (s *tampered) Transaction(ctx context.Context, id ledger.Digest) (uint64, uint32, bool, error) {
	height, index, ok, err := s.Store.Transaction(ctx, id)
	if err == nil && s.transaction != nil {
		s.transaction(id, &height, &index, &ok)
	}
	return height, index, ok, err
}

// Audit passes on the signatures that the store tells of otherwise, so that
// there are fewer than were written, not some that nobody finds.
func (s *tampered) Audit(ctx context.Context, a store.Audit) error {
	if s.signatures != nil {
		put, heights := a.Signature, map[uint64]bool{}
		a.Signature = func(sig ledger.HeaderSignature) error {
			if heights[sig.Height] {
				return nil
			}
			heights[sig.Height] = true
			all, err := s.Signatures(ctx, sig.Height)
			for _, sig := range all {
				err = errors.Join(err, put(sig))
			}
			return err
		}
	}
	return s.Store.Audit(ctx, a)
}

// flip changes one byte of b, each time another bit.
func flip(b []byte, i int) []byte {
	b = slices.Clone(b)
	b[i] ^= 1 << (i % 8)
	return b
}

// TestEveryByte flips every byte of all that is stored, one at a time. Nothing
// stored may be changed without the verifier saying so.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	c := build(t)
	in := c.input(c.store)
	in.Verify = remembered()
	check := func(t *testing.T, s *tampered, format string, args ...any) {
		t.Helper()
		s.Store = c.store
		in := in
		in.Store = s
		if report := run(t, in); report.Verdict == verify.Right {
			t.Errorf("right although "+format+" is changed", args...)
		}
	}
	t.Run("blocks", func(t *testing.T) {
		t.Parallel()
		for h := uint64(1); h <= c.blocks; h++ {
			b, err := c.store.Block(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			for i := range b {
				check(t, &tampered{block: func(height uint64, b []byte) ([]byte, error) {
					if height == h {
						b = flip(b, i)
					}
					return b, nil
				}}, "byte %d of block %d", i, h)
			}
		}
	})
	t.Run("headers", func(t *testing.T) {
		t.Parallel()
		for h := uint64(1); h <= c.blocks; h++ {
			b, err := c.store.Header(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			for i := range b {
				check(t, &tampered{header: func(height uint64, b []byte) []byte {
					if height == h {
						b = flip(b, i)
					}
					return b
				}}, "byte %d of header %d", i, h)
			}
		}
	})
	t.Run("signatures", func(t *testing.T) {
		t.Parallel()
		for h := uint64(1); h <= c.blocks; h++ {
			row := c.Encode(&first(t, c, h)[0])
			for i := range row {
				check(t, &tampered{signatures: func(height uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) {
					if height != h {
						return all, nil
					}
					s, err := ledger.ParseHeaderSignature(flip(c.Encode(&all[0]), i))
					if err != nil {
						return nil, fmt.Errorf("%w: %w", store.ErrCorrupt, err) // as the driver says
					}
					all[0] = s
					return all, nil
				}}, "byte %d of a signature of header %d", i, h)
			}
		}
	})
	rows, err := c.store.Scan(t.Context(), c.blocks, nil, nil, store.MaxScanRows)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("rows", func(t *testing.T) {
		t.Parallel()
		for r, row := range rows {
			for i := range row.Key {
				check(t, &tampered{rows: func(rows []store.Row) []store.Row { rows[r].Key = flip(rows[r].Key, i); return rows }},
					"byte %d of the key of row %q", i, row.Key)
			}
			for i := range row.Value {
				check(t, &tampered{rows: func(rows []store.Row) []store.Row { rows[r].Value = flip(rows[r].Value, i); return rows }},
					"byte %d of row %q", i, row.Key)
				check(t, &tampered{latest: func(key, value []byte) []byte {
					if bytes.Equal(key, row.Key) {
						value = flip(value, i)
					}
					return value
				}}, "byte %d of the newest value of row %q", i, row.Key)
			}
		}
	})
	t.Run("position", func(t *testing.T) {
		t.Parallel()
		for i := 0; i < ledger.CommitmentSize; i += 7 {
			check(t, &tampered{applied: func(a *store.Applied) { a.Commitment = flip(a.Commitment, i) }}, "byte %d of the commitment", i)
		}
		for i := range len(ledger.Digest{}) {
			check(t, &tampered{applied: func(a *store.Applied) { a.LastRecord[i]++ }}, "byte %d of the last record's hash", i)
		}
		for i := range 64 {
			check(t, &tampered{applied: func(a *store.Applied) { a.NextOffset ^= 1 << i }}, "bit %d of the next offset", i)
		}
	})
}

func first(t *testing.T, c *chain, height uint64) []ledger.HeaderSignature {
	t.Helper()
	all, err := c.store.Signatures(t.Context(), height)
	if err != nil || len(all) != 4 {
		t.Fatalf("%d signatures, %v", len(all), err)
	}
	return all
}

// TestFindings checks that the report names what is wrong, and where.
func TestFindings(t *testing.T) {
	t.Parallel()
	c := build(t)
	// edit changes a block and encodes it again, so that its form is right.
	edit := func(height uint64, change func(*ledger.Block)) *tampered {
		return &tampered{block: func(h uint64, b []byte) ([]byte, error) {
			if h != height {
				return b, nil
			}
			k, err := ledger.ParseBlock(b)
			if err != nil {
				return nil, err
			}
			change(&k)
			return ledger.Encode(&k)
		}}
	}
	other := build(t) // the same chain with another transaction in its last block
	extra := c.Record(1, ledger.Record{
		Kind: ledger.RecordTransactions, Time: start + 8, Transactions: [][]byte{other.Transfer(0, 1, 3, 77, start+60_000)},
	})
	second := ledger.HeaderSignature{}
	for _, tt := range []struct {
		name        string
		store       *tampered
		verdict     verify.Verdict
		kind, where string
	}{
		{"a block is missing", &tampered{block: func(h uint64, b []byte) ([]byte, error) {
			if h == 2 {
				return nil, fmt.Errorf("read block 2: %w", store.ErrNotFound)
			}
			return b, nil
		}}, verify.Incomplete, "missing", "block 2"},
		{
			"a block can't be read", &tampered{block: func(uint64, []byte) ([]byte, error) { return nil, store.ErrCorrupt }},
			verify.Wrong, "storage", "block 1",
		},
		{
			"a block is cut short", &tampered{block: func(_ uint64, b []byte) ([]byte, error) { return b[:len(b)-1], nil }},
			verify.Wrong, "malformed", "block 1",
		},
		{
			"a block stands at another height", &tampered{block: func(h uint64, b []byte) ([]byte, error) { return c.store.Block(t.Context(), 4-h) }},
			verify.Wrong, "header", "block 1",
		},
		{"a code", edit(1, func(k *ledger.Block) { k.Results[0].Code = "conflict" }), verify.Wrong, "result", "block 1, transaction 0"},
		{"an event", edit(1, func(k *ledger.Block) { k.Results[0].Events[0].Data[3]++ }), verify.Wrong, "result", "block 1, transaction 0"},
		{"a result less", edit(1, func(k *ledger.Block) { k.Results = k.Results[:2] }), verify.Wrong, "result", "block 1, transaction 2"},
		{"a result more", edit(1, func(k *ledger.Block) { k.Results = append(k.Results, k.Results[0]) }), verify.Wrong, "result", "block 1"},
		{"a record less", edit(1, func(k *ledger.Block) { k.Records = k.Records[:3] }), verify.Wrong, "cut", "block 1"},
		{"a record more", edit(2, func(k *ledger.Block) { k.Records = append(k.Records, k.Records[0]) }), verify.Wrong, "cut", "block 2"},
		{"a skipped record passed over", edit(1, func(k *ledger.Block) { k.Records[2].Skipped[0]++ }), verify.Wrong, "header", "block 1"},
		{"a record hidden as skipped", edit(1, func(k *ledger.Block) {
			digest := ledger.Hash(k.Records[0].Envelope)
			k.Records[0] = ledger.BlockRecord{Skipped: digest[:]}
		}), verify.Wrong, "header", "block 1"},
		{"a record with other content", edit(3, func(k *ledger.Block) { k.Records[0].Envelope = extra }), verify.Wrong, "result", "block 3, transaction 0"},
		{"a record nobody signed", edit(3, func(k *ledger.Block) {
			k.Records[0].Envelope[len(k.Records[0].Envelope)-1]++
		}), verify.Wrong, "record", "block 3, record 7"},
		{"the state commitment", edit(2, func(k *ledger.Block) { k.Header.State[0]++ }), verify.Wrong, "header", "block 2"},
		{"the log time", edit(2, func(k *ledger.Block) { k.Header.LogTime++ }), verify.Wrong, "header", "block 2"},
		{"the next group", edit(2, func(k *ledger.Block) { k.Header.Group[0]++ }), verify.Wrong, "header", "block 2"},
		{"a gap", edit(2, func(k *ledger.Block) { k.Header.First.Offset++ }), verify.Wrong, "record", "record 5"},
		{"another header beside the block", &tampered{header: func(uint64, []byte) []byte { return []byte("x") }}, verify.Wrong, "header", "header 1"},
		{"a balance", &tampered{rows: func(rows []store.Row) []store.Row {
			rows[len(rows)-1].Value = append(rows[len(rows)-1].Value, 0)
			return rows
		}}, verify.Wrong, "state", ""},
		{"a row less", &tampered{rows: func(rows []store.Row) []store.Row { return rows[1:] }}, verify.Wrong, "state", "rows"},
		{"a balance of the past", &tampered{get: func(height uint64, key, value []byte) []byte {
			if account := c.Account(0); height == 1 && bytes.HasSuffix(key, account[:]) {
				value = flip(value, 1)
			}
			return value
		}}, verify.Wrong, "history", ""},
		{"a member as of genesis", &tampered{get: func(height uint64, key, value []byte) []byte {
			if height == 0 && bytes.HasPrefix(key, []byte("identity/member/")) {
				value = flip(value, 0)
			}
			return value
		}}, verify.Wrong, "history", ""},
		{
			"a place", &tampered{transaction: func(_ ledger.Digest, _ *uint64, index *uint32, _ *bool) { *index++ }},
			verify.Wrong, "index", "block 1, transaction 0",
		},
		{
			"a place is missing", &tampered{transaction: func(_ ledger.Digest, _ *uint64, _ *uint32, ok *bool) { *ok = false }},
			verify.Wrong, "index", "block 1, transaction 0",
		},
		{"two histories", &tampered{signatures: func(h uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) {
			if h == 2 {
				key := aplostest.NodeKey(3)
				second = ledger.SignHeader(2, []byte("another header"), aplostest.NodeID(3), key.ID(), key.Sign)
				all[3] = second
			}
			return all, nil
		}}, verify.Wrong, "signature", "header 2"},
		{"a signature of nobody", &tampered{signatures: func(_ uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) {
			all[0].Node = aplostest.Stranger(0)
			return all, nil
		}}, verify.Wrong, "signature", "header 1"},
		{"a signature twice", &tampered{signatures: func(_ uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) {
			return append(all, all[0]), nil
		}}, verify.Wrong, "signature", "header 1"},
	} {
		tt.store.Store = c.store
		report := run(t, c.input(tt.store))
		if report.Verdict != tt.verdict || report.First == nil || report.First.Kind != tt.kind ||
			tt.where != "" && report.First.Where != tt.where {
			t.Errorf("%s: %s, %v, want %s, %s at %s", tt.name, report.Verdict, report.First, tt.verdict, tt.kind, tt.where)
		}
	}
	in := c.input(c.store)
	in.Genesis = in.Genesis[1:]
	if report := run(t, in); report.Verdict != verify.Wrong || report.First.Kind != "genesis" {
		t.Errorf("a broken genesis: %v", report.First)
	}
	in.Genesis = aplostest.New(t, 4, 4, start, nil).File // of another chain
	if report := run(t, in); report.Verdict != verify.Wrong {
		t.Errorf("the genesis of another chain: %v", report.First)
	}
}
