package verify_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/verify"
)

// unsigned is a store that lacks the signatures from a height on.
func unsigned(s store.Store, from uint64) *tampered {
	return &tampered{Store: s, signatures: func(h uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) {
		if h >= from {
			all = all[:1]
		}
		return all, nil
	}}
}

// TestStateIsOfTheNewestFinalBlock has a tail of two blocks that nobody but one
// node signed: what they wrote, changed and deleted is not in the state.
func TestStateIsOfTheNewestFinalBlock(t *testing.T) {
	t.Parallel()
	d := spaced(t)
	for final := range uint64(4) {
		report, state, err := verify.Chain(t.Context(), d.input(unsigned(d.store, final+1)))
		if err != nil || report.Height != final || report.Stored != 3 {
			t.Fatalf("final up to %d of %d, %v; want %d of 3", report.Height, report.Stored, err, final)
		}
		got, err := state.Scan("", "", store.MaxScanRows)
		if err != nil {
			t.Fatal(err)
		}
		want, err := d.store.Scan(t.Context(), final, nil, nil, store.MaxScanRows)
		if err != nil {
			t.Fatal(err)
		}
		same := slices.EqualFunc(got, want, func(a contract.Row, b store.Row) bool {
			return string(a.Key) == string(b.Key) && string(a.Value) == string(b.Value)
		})
		if !same {
			t.Errorf("final up to %d: the state has %d rows, the store as of then %d, or others", final, len(got), len(want))
		}
	}
	_, state, err := verify.Chain(t.Context(), d.input(unsigned(d.store, 3)))
	if err != nil {
		t.Fatal(err)
	}
	balance, err := token.Balance(state, d.Account(0))
	if err != nil || balance.Cmp(ledger.NewAmount(aplostest.Balance-1)) != 0 {
		t.Errorf("balance %s, %v; want that of block 2, with one transfer of 1", balance, err)
	}
}

// branch is a chain of three blocks, the last with a transfer of an amount.
func branch(t *testing.T, blocks, amount uint64) *chain {
	t.Helper()
	c := empty(t, 3, 1)
	for n := uint64(1); n <= blocks; n++ {
		sent := uint64(1)
		if n == 3 {
			sent = amount
		}
		c.transactions(t, 0, c.Transfer(0, 1, sent, n, start+60_000))
	}
	return c
}

func TestFork(t *testing.T) {
	t.Parallel()
	long, same, other, short, longer := branch(t, 3, 1), branch(t, 3, 1), branch(t, 3, 2), branch(t, 2, 1), branch(t, 4, 1)
	copyOf := func(name string, s store.Store, c *chain) verify.Copy {
		return verify.Copy{Name: name, Store: s, Report: run(t, c.input(s))}
	}
	a := copyOf("a", long.store, long)
	tail := copyOf("tail", unsigned(other.store, 3), other)
	none := copyOf("none", unsigned(other.store, 1), other)
	if none.Report.Verdict != verify.Incomplete || tail.Report.Verdict != verify.Right {
		t.Fatalf("%s, %s", none.Report.Verdict, tail.Report.Verdict)
	}
	for _, tt := range []struct {
		name   string
		copies []verify.Copy
		words  []string // of the message; none: no fork
	}{
		{"no copy", nil, nil},
		{"one", []verify.Copy{a}, nil},
		{"equal", []verify.Copy{a, copyOf("b", same.store, same), copyOf("c", short.store, short), copyOf("d", longer.store, longer)}, nil},
		{"two final histories", []verify.Copy{a, copyOf("b", other.store, other)}, []string{"a has", "b has", ", final;", ", final: two histories"}},
		{
			"below the longest",
			[]verify.Copy{copyOf("c", short.store, short), copyOf("b", other.store, other), copyOf("d", longer.store, longer)},
			[]string{"d has", "b has"},
		},
		{"a tail that is not final", []verify.Copy{a, tail}, []string{"a has", ", final;", "tail has", "without a quorum"}},
		{"a copy that is incomplete", []verify.Copy{none, a}, []string{"none has", "without a quorum"}},
	} {
		found, err := verify.Fork(t.Context(), tt.copies)
		switch {
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case len(tt.words) == 0 && found != nil:
			t.Errorf("%s: %v", tt.name, found)
		case len(tt.words) > 0 && (found == nil || found.Kind != "fork" || found.Where != "header 3"):
			t.Errorf("%s: %v, want fork at header 3", tt.name, found)
		}
		for _, w := range tt.words {
			if found != nil && !strings.Contains(found.Message, w) {
				t.Errorf("%s: %q does not say %q", tt.name, found.Message, w)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verify.Fork(ctx, []verify.Copy{a}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWorse(t *testing.T) {
	t.Parallel()
	ascending := []verify.Verdict{verify.Right, verify.Incomplete, verify.Wrong}
	for i, v := range ascending {
		for j, w := range ascending {
			if v.Worse(w) != (i > j) {
				t.Errorf("%s worse than %s: %t", v, w, v.Worse(w))
			}
		}
	}
}

// TestWrongOutranksIncomplete has no quorum, and an anchor that does not hold.
func TestWrongOutranksIncomplete(t *testing.T) {
	t.Parallel()
	c := build(t)
	in := c.input(unsigned(c.store, 1))
	for name, anchors := range map[string]verify.Anchors{"head": {Head: ledger.Digest{1}}, "height": {MinHeight: 4}} {
		in.Anchors = anchors
		if report := run(t, in); report.Verdict != verify.Wrong || report.First.Kind != "anchor" {
			t.Errorf("%s: %s, %v, want wrong, anchor", name, report.Verdict, report.First)
		}
	}
}
