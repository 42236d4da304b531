package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Prune takes a floor that a store was pruned to.
func (m *Model) Prune(height uint64, keep []uint64) {
	if height >= m.Floor {
		m.Floor, m.Keep = height, keep
	}
	m.Index = map[ledger.Digest][2]uint64{}
	for _, c := range m.Commits {
		if c.Height >= m.Floor {
			m.index(c)
		}
	}
}

// pruned returns the versions that are left, by their place in the model's order.
func (m *Model) pruned() []string {
	newest := map[string]string{} // of each key at the floor
	var lines []string
	for _, c := range m.Commits {
		for _, w := range c.Writes {
			switch line := versionLine(c.Height, w); {
			case c.Height > m.Floor || m.Floor == 0:
				lines = append(lines, line)
			case w.Delete:
				delete(newest, string(w.Key))
			default:
				newest[string(w.Key)] = line
			}
		}
	}
	for _, line := range newest {
		lines = append(lines, line)
	}
	return lines
}

// keeps reports whether the header of a height is left.
func (m *Model) keeps(height uint64) bool {
	return height >= m.Floor || slices.Contains(m.Keep, height)
}

// comparePruned wants what is below the floor to be answered no more.
func (m *Model) comparePruned(ctx context.Context, s store.Store) error {
	for height := range m.Floor {
		if _, _, err := s.Get(ctx, height, []byte("a")); !errors.Is(err, store.ErrPruned) {
			return fmt.Errorf("get at %d: %w, want ErrPruned", height, err)
		}
		if _, err := s.Scan(ctx, height, nil, nil, 1); !errors.Is(err, store.ErrPruned) {
			return fmt.Errorf("scan at %d: %w, want ErrPruned", height, err)
		}
		if _, err := s.Block(ctx, height); !errors.Is(err, store.ErrPruned) {
			return fmt.Errorf("block %d: %w, want ErrPruned", height, err)
		}
		if _, err := s.Header(ctx, height); !m.keeps(height) && !errors.Is(err, store.ErrPruned) {
			return fmt.Errorf("header %d: %w, want ErrPruned", height, err)
		}
	}
	return nil
}

// testPrune prunes at any heights, with commits in between, and compares.
func testPrune(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		s, m := open(t), NewModel()
		defer func() { _ = s.Close() }()
		for height := range rapid.IntRange(1, 6).Draw(rt, "heights") {
			c := DrawCommit(rt, uint64(height))
			apply(t, s, c)
			m.Apply(c)
			if !rapid.Bool().Draw(rt, "prune") {
				continue
			}
			floor := rapid.Uint64Range(0, c.Height).Draw(rt, "floor")
			keep := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 6), 0, 2, rapid.ID[uint64]).Draw(rt, "keep")
			// A header that was forgotten does not come back.
			keep = slices.DeleteFunc(keep, func(h uint64) bool { return !m.keeps(h) || h > c.Height })
			if err := s.Prune(t.Context(), floor, keep); err != nil {
				rt.Fatal(err)
			}
			m.Prune(floor, keep)
			if err := m.Compare(t.Context(), s); err != nil {
				rt.Fatalf("pruned to %d: %v", floor, err)
			}
		}
		if err := m.Compare(t.Context(), s); err != nil {
			rt.Fatal(err)
		}
	})
}

// testPruneSignatures forgets signatures below the floor but those that are kept.
func testPruneSignatures(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s := open(t)
	for height := range uint64(5) {
		apply(t, s, NewCommit(height, nil))
		if err := s.PutSignature(t.Context(), signature(height+1, 1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Prune(t.Context(), 5, nil); !errors.Is(err, store.ErrNotApplied) {
		t.Errorf("pruned above the newest block: %v, want ErrNotApplied", err)
	}
	if err := s.Prune(t.Context(), 4, []uint64{2}); err != nil {
		t.Fatal(err)
	}
	for height := uint64(1); height <= 5; height++ {
		want := 0
		if height == 2 || height >= 4 {
			want = 1
		}
		if all, err := s.Signatures(t.Context(), height); err != nil || len(all) != want {
			t.Errorf("height %d has %d signatures, %v; want %d", height, len(all), err, want)
		}
	}
}

// rowsOf yields rows, and then an error where there is one.
func rowsOf(rows []store.Row, err error) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(store.Row{}, err)
		}
	}
}

// testRestore restores a state of another store and goes on from there: both
// say the same from then on.
func testRestore(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s, m := open(t), NewModel()
	for height := range uint64(4) {
		m.Apply(NewCommit(height, map[string]string{"a": fmt.Sprint(height), "b\x00": "b", fmt.Sprint("only ", height): ""}))
	}
	base := *NewCommit(3, nil)
	base.Transactions = nil
	rows := m.Scan(3, nil, nil, store.MaxScanRows)
	past := []store.Past{{Height: 1, Header: []byte("header 1")}}
	for _, sig := range []ledger.HeaderSignature{signature(1, 1, 1), signature(3, 1, 1)} {
		if err := s.PutSignature(t.Context(), sig); err != nil {
			t.Fatal(err)
		}
	}
	for name, spoil := range map[string]func(*store.Commit){
		"genesis": func(c *store.Commit) { c.Height, c.Header, c.Block = 0, nil, nil },
		"writes":  func(c *store.Commit) { c.Writes = m.Commits[3].Writes },
	} {
		c := base
		spoil(&c)
		if err := s.Restore(t.Context(), &c, past, rowsOf(rows, nil)); !errors.Is(err, store.ErrBadCommit) {
			t.Errorf("%s: %v, want ErrBadCommit", name, err)
		}
	}
	if err := s.Restore(t.Context(), &base, past, rowsOf(rows, nil)); err != nil {
		t.Fatal(err)
	}
	m.restored(past)
	if err := m.Compare(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	next := NewCommit(4, map[string]string{"a": "4"})
	next.Writes = append(next.Writes, ledger.Write{Key: []byte("only 1"), Delete: true})
	apply(t, s, next)
	m.Apply(next)
	if err := m.Compare(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := s.Restore(t.Context(), &base, past, rowsOf(rows, nil)); !errors.Is(err, store.ErrWrongHeight) {
		t.Errorf("restored over blocks: %v, want ErrWrongHeight", err)
	}
	for height, want := range map[uint64]int{1: 1, 2: 0, 3: 1} {
		if all, err := s.Signatures(t.Context(), height); err != nil || len(all) != want {
			t.Errorf("height %d has %d signatures, %v; want %d", height, len(all), err, want)
		}
	}
}

// testRestoreFails ends restoring early: the store is of no use afterwards.
func testRestoreFails(t *testing.T, open func(testing.TB) store.Store) {
	t.Helper()
	s := open(t)
	base := *NewCommit(3, nil)
	base.Transactions = nil
	broken := errors.New("broken")
	if err := s.Restore(t.Context(), &base, nil, rowsOf([]store.Row{{Key: []byte("a")}}, broken)); !errors.Is(err, broken) {
		t.Errorf("%v, want what the rows ended with", err)
	}
	if err := s.Apply(context.Background(), NewCommit(0, nil)); !errors.Is(err, store.ErrPartial) {
		t.Errorf("apply: %v, want ErrPartial", err)
	}
	if _, _, err := s.Latest(t.Context(), []byte("a")); !errors.Is(err, store.ErrPartial) {
		t.Errorf("latest: %v, want ErrPartial", err)
	}
}

// restored makes the model one of a store that was restored to its newest height.
func (m *Model) restored(past []store.Past) {
	last := m.Commits[len(m.Commits)-1]
	whole := *last
	whole.Writes, whole.Transactions = nil, nil
	for _, r := range m.Scan(last.Height, nil, nil, store.MaxScanRows) {
		whole.Writes = append(whole.Writes, ledger.Write{Key: r.Key, Value: r.Value})
	}
	for i := range m.Commits {
		m.Commits[i] = &store.Commit{Height: uint64(i), Header: m.Commits[i].Header, Block: m.Commits[i].Block}
	}
	m.Commits[len(m.Commits)-1] = &whole
	var keep []uint64
	for _, p := range past {
		keep = append(keep, p.Height)
	}
	m.Prune(last.Height, keep)
}
