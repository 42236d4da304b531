package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Run checks a driver. open returns an empty store of its own; who opened it
// sees to closing it, by t.Cleanup, and closing it twice does no harm.
func Run(t *testing.T, open func(t testing.TB) store.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, func(testing.TB) store.Store){
		"Empty": testEmpty, "Versions": testVersions, "Scan": testScan, "Refused": testRefused,
		"Transactions": testTransactions, "Signatures": testSignatures, "SignatureRace": testSignatureRace,
		"Owned": testOwned, "ReadWhileApplying": testReadWhileApplying, "Closed": testClosed, "Model": testModel,
		"Audit": testAudit, "Cancelled": testCancelled, "Prune": testPrune, "PruneSignatures": testPruneSignatures,
		"Restore": testRestore, "RestoreFails": testRestoreFails,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

func apply(t testing.TB, s store.Store, c *store.Commit) {
	t.Helper()
	if err := s.Apply(context.Background(), c); err != nil {
		t.Fatalf("apply height %d: %v", c.Height, err)
	}
}

func testEmpty(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s := open(t)
	if err := NewModel().Compare(t.Context(), s); err != nil {
		t.Error(err)
	}
	if _, ok, err := s.Latest(t.Context(), []byte("k")); ok || err != nil {
		t.Errorf("latest: %t, %v", ok, err)
	}
	if _, _, err := s.Get(t.Context(), 0, []byte("k")); !errors.Is(err, store.ErrNotApplied) {
		t.Errorf("get: %v, want ErrNotApplied", err)
	}
	if _, err := s.Scan(t.Context(), 0, nil, nil, 1); !errors.Is(err, store.ErrNotApplied) {
		t.Errorf("scan: %v, want ErrNotApplied", err)
	}
	if _, err := s.Header(t.Context(), 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("header: %v, want ErrNotFound", err)
	}
	if _, _, ok, err := s.Transaction(t.Context(), ledger.Digest{1}); ok || err != nil {
		t.Errorf("transaction: %t, %v", ok, err)
	}
	if all, err := s.Signatures(t.Context(), 1); len(all) != 0 || err != nil {
		t.Errorf("signatures: %v, %v", all, err)
	}
}

func testVersions(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s, m := open(t), NewModel()
	for height, writes := range []map[string]string{
		{"a": "a0", "b": "b0", "gone": "x"},
		{"a": "a1", "c": "c1"},
		{},
		{"a": "", "b": "b3"},
	} {
		c := NewCommit(uint64(height), writes)
		if height == 2 {
			c.Writes = []ledger.Write{{Key: []byte("gone"), Delete: true}, {Key: []byte("never"), Delete: true}}
		}
		apply(t, s, c)
		m.Apply(c)
		if err := m.Compare(t.Context(), s); err != nil {
			t.Fatalf("after height %d: %v", height, err)
		}
	}
	if _, _, err := s.Get(t.Context(), 4, []byte("a")); !errors.Is(err, store.ErrNotApplied) {
		t.Errorf("get at a height not applied: %v, want ErrNotApplied", err)
	}
	if v, ok, err := s.Latest(t.Context(), []byte("a")); v == nil || len(v) != 0 || !ok || err != nil {
		t.Errorf("empty value is %q, %t, %v; want an empty one that is there", v, ok, err)
	}
}

func testScan(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s := open(t)
	writes := map[string]string{}
	for _, key := range []string{"p", "p\x00", "p\x00\x01", "p\x00\xff", "p\x01", "pa", "pb", "p\xff", "p\xff\xff", "q", "o\xff"} {
		writes[key] = key
	}
	m, c := NewModel(), NewCommit(0, writes)
	apply(t, s, c)
	m.Apply(c)
	for _, prefix := range []string{"", "p", "p\x00", "p\xff", "q", "z", "\xff"} {
		for _, after := range []string{"-", "", "p", "p\x00", "p\x00\xff", "p\xff\xff", "z"} {
			for _, limit := range []int{1, 3, store.MaxScanRows} {
				var behind []byte
				if after != "-" {
					behind = []byte(after)
				}
				got, err := s.Scan(t.Context(), 0, []byte(prefix), behind, limit)
				if want := m.Scan(0, []byte(prefix), behind, limit); err != nil || !equalRows(got, want) {
					t.Errorf("scan of %q behind %q, at most %d: %q, %v; want %q", prefix, after, limit, got, err, want)
				}
			}
		}
	}
	for _, limit := range []int{-1, 0, store.MaxScanRows + 1} {
		if _, err := s.Scan(t.Context(), 0, nil, nil, limit); err == nil {
			t.Errorf("a limit of %d rows was taken", limit)
		}
	}
}

func testRefused(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s := open(t)
	ctx := context.Background()
	if err := s.Apply(ctx, NewCommit(1, nil)); !errors.Is(err, store.ErrWrongHeight) {
		t.Errorf("first commit of height 1: %v, want ErrWrongHeight", err)
	}
	m, genesis := NewModel(), NewCommit(0, map[string]string{"k": "v"})
	apply(t, s, genesis)
	m.Apply(genesis)
	for _, height := range []uint64{0, 2, 7} {
		var wrong *store.HeightError
		if err := s.Apply(ctx, NewCommit(height, nil)); !errors.As(err, &wrong) || wrong.Want != 1 || wrong.Got != height {
			t.Errorf("commit of height %d after 0: %v, want HeightError", height, err)
		}
	}
	key := func(k string) ledger.Write { return ledger.Write{Key: []byte(k)} }
	for name, spoil := range map[string]func(*store.Commit){
		"no header":         func(c *store.Commit) { c.Header = nil },
		"no block":          func(c *store.Commit) { c.Block = nil },
		"long header":       func(c *store.Commit) { c.Header = make([]byte, ledger.MaxHeaderBytes+1) },
		"short commitment":  func(c *store.Commit) { c.Commitment = c.Commitment[1:] },
		"empty key":         func(c *store.Commit) { c.Writes = []ledger.Write{key("")} },
		"long key":          func(c *store.Commit) { c.Writes = []ledger.Write{{Key: make([]byte, store.MaxKeyBytes+1)}} },
		"same key twice":    func(c *store.Commit) { c.Writes = []ledger.Write{key("a"), key("a")} },
		"descending keys":   func(c *store.Commit) { c.Writes = []ledger.Write{key("b"), key("a")} },
		"value of deletion": func(c *store.Commit) { c.Writes = []ledger.Write{{Key: []byte("a"), Value: []byte("v"), Delete: true}} },
	} {
		c := NewCommit(1, nil)
		spoil(c)
		if err := s.Apply(ctx, c); !errors.Is(err, store.ErrBadCommit) {
			t.Errorf("%s: %v, want ErrBadCommit", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Apply(cancelled, NewCommit(1, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := m.Compare(ctx, s); err != nil {
		t.Errorf("after refused commits: %v", err)
	}
	longest := NewCommit(1, map[string]string{strings.Repeat("k", store.MaxKeyBytes): "v"})
	apply(t, s, longest)
	m.Apply(longest)
	if err := m.Compare(ctx, s); err != nil {
		t.Errorf("with the longest key: %.500s", err)
	}
	whole := open(t)
	withBlock := NewCommit(0, nil)
	withBlock.Block = []byte("block")
	if err := whole.Apply(ctx, withBlock); !errors.Is(err, store.ErrBadCommit) {
		t.Errorf("genesis with a block: %v, want ErrBadCommit", err)
	}
}

func testTransactions(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s, m := open(t), NewModel()
	a, b := ledger.Hash([]byte("a")), ledger.Hash([]byte("b"))
	for height, ids := range [][]ledger.Digest{nil, {a, {}, a}, {b, a, b}} {
		c := NewCommit(uint64(height), nil)
		c.Transactions = ids
		apply(t, s, c)
		m.Apply(c)
	}
	if err := m.Compare(t.Context(), s); err != nil {
		t.Error(err)
	}
	if height, index, ok, err := s.Transaction(t.Context(), a); height != 1 || index != 0 || !ok || err != nil {
		t.Errorf("a replayed transaction stands at %d.%d, %t, %v; want 1.0", height, index, ok, err)
	}
	if _, _, ok, err := s.Transaction(t.Context(), ledger.Digest{}); ok || err != nil {
		t.Errorf("the zero id is indexed: %t, %v", ok, err)
	}
}

func signature(height uint64, node, content byte) ledger.HeaderSignature {
	return ledger.HeaderSignature{Height: height, Header: ledger.Digest{content}, Node: ledger.ID{node}, Signature: [ledger.SignatureSize]byte{content}}
}

func testSignatures(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s := open(t)
	for _, sig := range []ledger.HeaderSignature{
		signature(5, 3, 1), signature(5, 1, 1), signature(5, 3, 1), signature(4, 3, 2), signature(6, 0xff, 2), signature(5, 2, 9),
	} { // before any block is there, and one of them twice
		if err := s.PutSignature(t.Context(), sig); err != nil {
			t.Fatal(err)
		}
	}
	otherSignature := signature(5, 3, 1)
	otherSignature.Signature[1] = 7
	for name, sig := range map[string]ledger.HeaderSignature{"header": signature(5, 3, 2), "signature": otherSignature} {
		if err := s.PutSignature(t.Context(), sig); !errors.Is(err, store.ErrConflict) {
			t.Errorf("another %s: %v, want ErrConflict", name, err)
		}
	}
	all, err := s.Signatures(t.Context(), 5)
	if want := fmt.Sprint([]ledger.HeaderSignature{signature(5, 1, 1), signature(5, 2, 9), signature(5, 3, 1)}); err != nil || fmt.Sprint(all) != want {
		t.Errorf("signatures are %v, %v; want %v", all, err, want)
	}
}

// testSignatureRace lets nodes' headers race for one place: one wins.
func testSignatureRace(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s := open(t)
	var group sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		group.Go(func() { errs[i] = s.PutSignature(t.Context(), signature(1, 1, byte(i))) })
	}
	group.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			if all, err := s.Signatures(t.Context(), 1); err != nil || len(all) != 1 || all[0].Header != (ledger.Digest{byte(i)}) {
				t.Errorf("signatures are %v, %v; want that of %d", all, err, i)
			}
		case !errors.Is(err, store.ErrConflict):
			t.Errorf("%v, want ErrConflict", err)
		}
	}
	if won != 1 {
		t.Errorf("%d signatures were taken, want 1", won)
	}
}

// testOwned changes what went in and what came out: the store keeps its own.
func testOwned(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s, m := open(t), NewModel()
	apply(t, s, NewCommit(0, map[string]string{"k": "value"}))
	given := NewCommit(1, map[string]string{"l": "value"})
	apply(t, s, given)
	given.Commitment[0], given.Block[0], given.Writes[0].Value[0] = 99, 99, 99
	for range 2 {
		value, _, err := s.Latest(t.Context(), []byte("k"))
		if err != nil {
			t.Fatal(err)
		}
		value[0] = 'X'
		old, _, err := s.Get(t.Context(), 0, []byte("k"))
		if err != nil {
			t.Fatal(err)
		}
		old[0] = 'X'
		a, _, err := s.Applied(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a.Commitment[0] = 77
	}
	m.Apply(NewCommit(0, map[string]string{"k": "value"}))
	m.Apply(NewCommit(1, map[string]string{"l": "value"}))
	if err := m.Compare(t.Context(), s); err != nil {
		t.Error(err)
	}
}

// testReadWhileApplying reads each height while higher ones are applied: a read
// at a height is always the same, and Applied never runs ahead of the rows.
func testReadWhileApplying(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s := open(t)
	const heights = 60
	apply(t, s, NewCommit(0, map[string]string{"k": "0", "m": "0"}))
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				a, _, err := s.Applied(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				for _, height := range []uint64{a.Height, a.Height / 2} {
					want := fmt.Sprint(height)
					k, ok, err := s.Get(t.Context(), height, []byte("k"))
					rows, scanErr := s.Scan(t.Context(), height, nil, nil, 10)
					if err != nil || scanErr != nil || !ok || string(k) != want || len(rows) != 2 || string(rows[1].Value) != want {
						t.Errorf("height %d: row %q, %t, %v; rows %q, %v", height, k, ok, err, rows, scanErr)
						return
					}
				}
			}
		})
	}
	for height := uint64(1); height <= heights; height++ {
		apply(t, s, NewCommit(height, map[string]string{"k": fmt.Sprint(height), "m": fmt.Sprint(height)}))
	}
	close(done)
	group.Wait()
}

func testClosed(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s := open(t)
	apply(t, s, NewCommit(0, nil))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := s.Latest(t.Context(), []byte("k"))
	for name, err := range map[string]error{"latest": err, "audit": s.Audit(context.Background(), store.Audit{}), "apply": s.Apply(context.Background(), NewCommit(1, nil)), "signature": s.PutSignature(t.Context(), signature(1, 1, 1))} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
}

// testCancelled wants every method that may wait to refuse a context that has ended,
// and nothing to come of it.
func testCancelled(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s, m := open(t), NewModel()
	for height := range uint64(2) {
		c := NewCommit(height, map[string]string{"k": "v"})
		apply(t, s, c)
		m.Apply(c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"get":          func() error { _, _, err := s.Get(ctx, 0, []byte("k")); return err },
		"latest":       func() error { _, _, err := s.Latest(ctx, []byte("k")); return err },
		"scan":         func() error { _, err := s.Scan(ctx, 0, nil, nil, 1); return err },
		"applied":      func() error { _, _, err := s.Applied(ctx); return err },
		"block":        func() error { _, err := s.Block(ctx, 1); return err },
		"header":       func() error { _, err := s.Header(ctx, 1); return err },
		"transaction":  func() error { _, _, _, err := s.Transaction(ctx, ledger.Digest{1}); return err },
		"signatures":   func() error { _, err := s.Signatures(ctx, 1); return err },
		"putSignature": func() error { return s.PutSignature(ctx, signature(1, 1, 1)) },
		"apply":        func() error { return s.Apply(ctx, NewCommit(2, nil)) },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the context's error", name, err)
		}
	}
	if err := m.Compare(t.Context(), s); err != nil {
		t.Error(err)
	}
	if all, err := s.Signatures(t.Context(), 1); len(all) > 0 || err != nil {
		t.Errorf("signatures are %v, %v, want none", all, err)
	}
}

// testModel compares the store with its naive twin.
func testModel(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		s, m := open(t), NewModel()
		defer func() { _ = s.Close() }() // so that no more than one is open at a time
		for height := range rapid.IntRange(0, 6).Draw(rt, "heights") {
			c := DrawCommit(rt, uint64(height))
			if err := s.Apply(context.Background(), c); err != nil {
				rt.Fatal(err)
			}
			m.Apply(c)
		}
		if err := m.Compare(t.Context(), s); err != nil {
			rt.Fatal(err)
		}
		for range 5 {
			if len(m.States) == 0 {
				return
			}
			height := rapid.IntRange(0, len(m.States)-1).Draw(rt, "height")
			prefix := []byte(DrawKey().Draw(rt, "prefix"))
			prefix = prefix[:rapid.IntRange(0, len(prefix)).Draw(rt, "prefix length")]
			var after []byte
			if rapid.Bool().Draw(rt, "continued") {
				after = []byte(DrawKey().Draw(rt, "after"))
			}
			limit := rapid.IntRange(1, 10).Draw(rt, "limit")
			got, err := s.Scan(t.Context(), uint64(height), prefix, bytes.Clone(after), limit)
			if want := m.Scan(uint64(height), prefix, after, limit); err != nil || !equalRows(got, want) {
				rt.Fatalf("scan: %q, %v; want %q", got, err, want)
			}
		}
	})
}
