package verify_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/verify"
)

// served is a chain as a server gives it, which may lie.
type served struct {
	store.Store

	change func(height uint64, block []byte, signatures []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error)
}

func (s served) Height(ctx context.Context) (uint64, bool, error) {
	a, ok, err := s.Applied(ctx)
	return a.Height, ok, err
}

func (s served) Block(ctx context.Context, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	block, err := s.Store.Block(ctx, height)
	if err != nil {
		return nil, nil, err
	}
	signatures, err := s.Signatures(ctx, height)
	if err != nil || s.change == nil {
		return block, signatures, err
	}
	return s.change(height, block, signatures)
}

// TestSource verifies what somebody serves, without a store to look into.
func TestSource(t *testing.T) {
	t.Parallel()
	c := build(t)
	in := c.input(nil)
	in.Source = served{Store: c.store}
	report, _, err := verify.Chain(t.Context(), in)
	want := run(t, c.input(c.store))
	if err != nil || !reflect.DeepEqual(report, want) {
		t.Errorf("%+v, %v, want %+v as from the store", report, err, want)
	}
	unreachable := errors.New("unreachable")
	for name, lie := range map[string]struct {
		change func(uint64, []byte, []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error)
		kind   string
	}{
		"a block is missing": {func(h uint64, b []byte, s []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error) {
			if h == 2 {
				return nil, nil, fmt.Errorf("ask: %w", store.ErrNotFound)
			}
			return b, s, nil
		}, "missing"},
		"no signatures": {func(_ uint64, b []byte, _ []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error) {
			return b, nil, nil
		}, "missing"},
		"a foreign signature": {func(_ uint64, b []byte, s []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error) {
			s[0].Signature = s[1].Signature
			return b, s, nil
		}, "signature"},
		"rubbish": {func(uint64, []byte, []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error) {
			return []byte{0x80}, nil, nil
		}, "malformed"},
		"another block": {func(h uint64, b []byte, s []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error) {
			if h == 3 {
				b, err := c.store.Block(t.Context(), 1)
				return b, s, err
			}
			return b, s, nil
		}, "header"},
	} {
		in.Source = served{Store: c.store, change: lie.change}
		report, _, err := verify.Chain(t.Context(), in)
		if err != nil || report.First == nil || report.First.Kind != lie.kind {
			t.Errorf("%s: first %v, error %v, want kind %s", name, report.First, err, lie.kind)
		}
	}
	in.Source = served{Store: c.store, change: func(uint64, []byte, []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error) {
		return nil, nil, unreachable
	}}
	if report, _, err := verify.Chain(t.Context(), in); !errors.Is(err, unreachable) || report.First != nil {
		t.Errorf("a source that does not answer: first %v, error %v; want the error alone", report.First, err)
	}
}

// TestSourceFlippedBytes flips bytes of what a server gives: none goes by
// unseen.
func TestSourceFlippedBytes(t *testing.T) {
	t.Parallel()
	c := build(t)
	in := c.input(nil)
	in.Verify = remembered()
	for height := uint64(1); height <= c.blocks; height++ {
		whole, err := c.store.Block(t.Context(), height)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(whole); at += 7 {
			in.Source = served{Store: c.store, change: func(h uint64, b []byte, s []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error) {
				if h == height {
					b = slices.Clone(b)
					b[at] ^= 1
				}
				return b, s, nil
			}}
			report, _, err := verify.Chain(t.Context(), in)
			if err != nil || report.Verdict != verify.Wrong {
				t.Errorf("block %d, byte %d: verdict %s, error %v", height, at, report.Verdict, err)
			}
		}
	}
}

// TestObserve wants of each block what its results have digests of.
func TestObserve(t *testing.T) {
	t.Parallel()
	c := build(t)
	in := c.input(c.store)
	height := uint64(0)
	in.Observe = func(s *verify.Seen) error {
		height++
		if s.Height != height || !s.Final || len(s.Signatures) != 4 || s.Next.Epoch != 0 ||
			len(s.Transactions) != len(s.Results) || len(s.Writes) != len(s.Results) {
			t.Errorf("block %d: %+v", height, s)
		}
		for i := range s.Results {
			if d, err := ledger.WritesDigest(s.Writes[i]); err != nil || d != s.Results[i].Writes {
				t.Errorf("block %d, transaction %d: writes %s, the result says %s, %v", height, i, d, s.Results[i].Writes, err)
			}
		}
		return nil
	}
	if r := run(t, in); r.Verdict != verify.Right || height != c.blocks {
		t.Errorf("%s after %d blocks", r.Verdict, height)
	}
	ended := errors.New("enough")
	in.Observe = func(*verify.Seen) error { return ended }
	if _, _, err := verify.Chain(t.Context(), in); !errors.Is(err, ended) {
		t.Errorf("%v, want %v", err, ended)
	}
}

// TestEndlessBlocks has a source that goes on without end and without a quorum:
// it is not followed further than was asked for, and the verdict says so.
func TestEndlessBlocks(t *testing.T) {
	t.Parallel()
	c := build(t)
	in := c.input(nil)
	in.MaxOpen = 2
	last := uint64(0)
	in.Source = endless{served{Store: c.store, change: func(h uint64, b []byte, s []ledger.HeaderSignature) ([]byte, []ledger.HeaderSignature, error) {
		last = h
		if h > 1 {
			s = nil
		}
		return b, s, nil
	}}}
	report, _, err := verify.Chain(t.Context(), in)
	if err != nil || report.Verdict != verify.Incomplete || report.First == nil || report.First.Where != "header 2" || report.Height != 1 || last != 3 {
		t.Errorf("%+v, first %v, error %v, asked up to %d; want the end at header 2 after 3 blocks", report, report.First, err, last)
	}
}

// endless says that there is always more.
type endless struct{ served }

func (endless) Height(context.Context) (uint64, bool, error) { return 1<<64 - 1, true, nil }
