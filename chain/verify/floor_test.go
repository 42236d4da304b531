package verify_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/snapshot"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/verify"
)

func (c *chain) trust() snapshot.Trust {
	return snapshot.Trust{Genesis: c.Genesis, Chain: c.ID, Verify: identity.Verify}
}

// restored returns another node's store, restored to a height.
func (c *chain) restored(t *testing.T, height uint64) store.Store {
	t.Helper()
	var file bytes.Buffer
	if _, err := snapshot.Create(t.Context(), c.trust(), c.store, height, &file, nil); err != nil {
		t.Fatal(err)
	}
	s, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem(), Chain: c.ID, Node: aplostest.NodeID(1), CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := snapshot.Restore(t.Context(), c.trust(), bytes.NewReader(file.Bytes()), s, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFloor verifies stores that do not go back to the genesis, from their floor
// on, and finds what is wrong with them.
func TestFloor(t *testing.T) {
	t.Parallel()
	c := build(t)
	whole := run(t, c.input(c.store))
	last := c.restored(t, 3)
	if r := run(t, c.input(last)); r.Verdict != verify.Right || r.Floor != 3 || r.Checked.Blocks != 0 || r.Head != whole.Head {
		t.Errorf("restored: %+v, first %v", r, r.First)
	}
	if f, err := verify.Fork(t.Context(), []verify.Copy{{Name: "a", Store: c.store, Report: whole}, {Name: "b", Store: last, Report: run(t, c.input(last))}}); f != nil || err != nil {
		t.Errorf("fork %v, %v", f, err)
	}
	if err := c.store.Prune(t.Context(), 2, nil); err != nil {
		t.Fatal(err)
	}
	pruned := run(t, c.input(c.store))
	if pruned.Verdict != verify.Right || pruned.Floor != 2 || pruned.Checked.Blocks != 1 || pruned.Head != whole.Head {
		t.Errorf("pruned: %+v, first %v", pruned, pruned.First)
	}
	for name, tt := range map[string]struct {
		spoil   func(*tampered)
		anchors verify.Anchors
		verdict verify.Verdict
	}{
		"a row at the floor": {func(s *tampered) {
			s.rows = func(rows []store.Row) []store.Row {
				rows[0].Value = append(rows[0].Value, 1)
				return rows
			}
		}, verify.Anchors{}, verify.Wrong},
		"too few signatures at the floor": {func(s *tampered) {
			s.signatures = func(_ uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) { return all[:2], nil }
		}, verify.Anchors{}, verify.Wrong},
		"an anchor at the floor":    {func(*tampered) {}, verify.Anchors{Head: digestOf(t, c.store, 2)}, verify.Right},
		"an anchor below the floor": {func(*tampered) {}, verify.Anchors{Head: ledger.Digest{1}}, verify.Incomplete},
	} {
		s := &tampered{Store: c.store}
		tt.spoil(s)
		in := c.input(s)
		in.Anchors = tt.anchors
		if r := run(t, in); r.Verdict != tt.verdict {
			t.Errorf("%s: %s, %v; want %s", name, r.Verdict, r.First, tt.verdict)
		}
	}
	for name, w := range map[string]ledger.Write{
		"a version that is not the row's": {Key: []byte("token/none"), Value: []byte("v")},
	} {
		s := &auditing{Store: c.store, write: w}
		if r := run(t, c.input(s)); r.Verdict != verify.Wrong || r.First.Kind != "history" {
			t.Errorf("%s: %s, %v", name, r.Verdict, r.First)
		}
	}
}

// auditing keeps one more version, at the floor.
type auditing struct {
	store.Store

	write ledger.Write
}

func (a *auditing) Audit(ctx context.Context, to store.Audit) error {
	if err := to.Version(2, a.write); err != nil {
		return err
	}
	return a.Store.Audit(ctx, to)
}

func digestOf(t *testing.T, s store.Store, height uint64) ledger.Digest {
	t.Helper()
	header, err := s.Header(t.Context(), height)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Hash(header)
}
