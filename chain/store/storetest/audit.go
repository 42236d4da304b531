package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Kept returns all that a store keeps besides signatures, a line a row, sorted.
func (m *Model) Kept() []string {
	lines := m.pruned()
	written := map[string]uint64{}
	for _, c := range m.Commits {
		for _, w := range c.Writes {
			written[string(w.Key)] = c.Height
		}
		if c.Height > 0 && c.Height >= m.Floor {
			lines = append(lines, fmt.Sprintf("block %d", c.Height))
		}
		if c.Height > 0 && m.keeps(c.Height) {
			lines = append(lines, fmt.Sprintf("header %d", c.Height))
		}
	}
	if n := len(m.States); n > 0 {
		for key, value := range m.States[n-1] {
			lines = append(lines, fmt.Sprintf("latest %q written at %d: %q", key, written[key], value))
		}
	}
	for id, at := range m.Index {
		lines = append(lines, fmt.Sprintf("transaction %s at %d.%d", id, at[0], at[1]))
	}
	slices.Sort(lines)
	return lines
}

func versionLine(height uint64, w ledger.Write) string {
	return fmt.Sprintf("version %q at %d: %q, deleted %t", w.Key, height, w.Value, w.Delete)
}

// audited returns what a store's audit passes on, in the form of [Model.Kept].
// Of a transaction's places it takes the first: the others may be left out.
func audited(ctx context.Context, s store.Store) (lines []string, signatures []ledger.HeaderSignature, err error) {
	places := map[ledger.Digest]string{}
	at := func(what string) func(uint64) error {
		return func(height uint64) error {
			lines = append(lines, fmt.Sprintf("%s %d", what, height))
			return nil
		}
	}
	err = s.Audit(ctx, store.Audit{
		Version: func(height uint64, w ledger.Write) error {
			lines = append(lines, versionLine(height, w))
			return nil
		},
		Latest: func(height uint64, r store.Row) error {
			lines = append(lines, fmt.Sprintf("latest %q written at %d: %q", r.Key, height, r.Value))
			return nil
		},
		Transaction: func(id ledger.Digest, height uint64, index uint32) error {
			if _, ok := places[id]; !ok {
				places[id] = fmt.Sprintf("transaction %s at %d.%d", id, height, index)
			}
			return nil
		},
		Block: at("block"), Header: at("header"),
		Signature: func(s ledger.HeaderSignature) error {
			signatures = append(signatures, s)
			return nil
		},
	})
	lines = slices.AppendSeq(lines, maps.Values(places))
	slices.Sort(lines)
	return lines, signatures, err
}

// compareAudit says where what a store keeps differs from the model.
func (m *Model) compareAudit(ctx context.Context, s store.Store) error {
	got, _, err := audited(ctx, s)
	if err != nil {
		return err
	}
	if want := m.Kept(); !slices.Equal(got, want) {
		return fmt.Errorf("audit: the store keeps %q, want %q", got, want)
	}
	return nil
}

// testAudit ends audits early, and audits signatures, which need no block.
func testAudit(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s, m := open(t), NewModel()
	for height := range uint64(2) {
		c := NewCommit(height, map[string]string{"k": fmt.Sprint(height)})
		apply(t, s, c)
		m.Apply(c)
	}
	for _, sig := range []ledger.HeaderSignature{signature(1, 2, 1), signature(9, 1, 3)} {
		if err := s.PutSignature(t.Context(), sig); err != nil {
			t.Fatal(err)
		}
	}
	lines, signatures, err := audited(t.Context(), s)
	if want := m.Kept(); err != nil || !slices.Equal(lines, want) {
		t.Errorf("the store keeps %q, %v; want %q", lines, err, want)
	}
	want := []ledger.HeaderSignature{signature(1, 2, 1), signature(9, 1, 3)}
	if slices.SortFunc(signatures, func(a, b ledger.HeaderSignature) int { return int(a.Height) - int(b.Height) }); !slices.Equal(signatures, want) {
		t.Errorf("signatures are %v, want %v", signatures, want)
	}
	ended := errors.New("ended")
	end := func(uint64) error { return ended }
	stopping := store.Audit{
		Version:     func(uint64, ledger.Write) error { return ended },
		Latest:      func(uint64, store.Row) error { return ended },
		Transaction: func(ledger.Digest, uint64, uint32) error { return ended },
		Block:       end, Header: end,
		Signature: func(ledger.HeaderSignature) error { return ended },
	}
	if err := s.Audit(t.Context(), stopping); !errors.Is(err, ended) {
		t.Errorf("audit that was ended: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Audit(ctx, stopping); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
