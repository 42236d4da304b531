package snapshot_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/snapshot"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
)

// TestJoin restores at each height and goes on: the same headers, and the same
// snapshots from then on.
func TestJoin(t *testing.T) {
	t.Parallel()
	c := newChain(t)
	whole := c.whole(t)
	for height := uint64(1); height <= 7; height++ {
		file := c.create(t, whole, height)
		joined := c.empty(t, 2)
		info, err := snapshot.Restore(t.Context(), c.trust(), bytes.NewReader(file), joined.store, nil)
		if err != nil {
			t.Fatal(err)
		}
		if info.Height != height || info.Next != height || info.Header != whole.header(height) || info.Bytes != int64(len(file)) || info.Topic != topic {
			t.Errorf("height %d: %+v of %d bytes", height, info, len(file))
		}
		joined.open()
		if final := joined.core.Machine.Stats().Final; final != height {
			t.Errorf("restored to %d, %d is final", height, final)
		}
		joined.replay(c.log[info.Next:])
		for h := height; h <= 7; h++ {
			if got, want := joined.header(h), whole.header(h); got != want {
				t.Errorf("restored to %d: header %d is %s, want %s", height, h, got, want)
			}
		}
		if again := c.create(t, joined, 7); !bytes.Equal(again, c.create(t, whole, 7)) {
			t.Errorf("restored to %d: its own snapshot is another", height)
		}
		joined.open() // and it starts again
		if final := joined.core.Machine.Stats().Final; final != 7 {
			t.Errorf("restored to %d, started again: %d is final", height, final)
		}
		if height == 1 {
			continue
		}
		if _, err := snapshot.Create(t.Context(), c.trust(), joined.store, height-1, io.Discard, nil); !errors.Is(err, store.ErrPruned) {
			t.Errorf("a snapshot below the floor: %v, want ErrPruned", err)
		}
	}
}

// TestPruned starts a node over a store that was pruned.
func TestPruned(t *testing.T) {
	t.Parallel()
	c := newChain(t)
	whole, r := c.whole(t), c.whole(t)
	keep, err := snapshot.Handovers(t.Context(), r.store)
	if err != nil || !slices.Equal(keep, []uint64{5}) {
		t.Fatalf("the epochs end at %v, %v; want 5", keep, err)
	}
	if err := r.store.Prune(t.Context(), 6, keep); err != nil {
		t.Fatal(err)
	}
	r.open()
	if final := r.core.Machine.Stats().Final; final != 7 {
		t.Errorf("%d is final, want 7", final)
	}
	if !bytes.Equal(c.create(t, r, 7), c.create(t, whole, 7)) {
		t.Error("a pruned store gives another snapshot")
	}
}

// TestGolden reads a file that an earlier build wrote, and writes it again: the
// format stays what it is, whatever contracts write today.
func TestGolden(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/snapshot-1")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("testdata/genesis.cbor")
	if err != nil {
		t.Fatal(err)
	}
	genesis, digest, err := ledger.ParseGenesis(file)
	if err != nil {
		t.Fatal(err)
	}
	trust := snapshot.Trust{Genesis: genesis, Chain: digest, Verify: identity.Verify}
	s, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem(), Chain: digest, Node: aplostest.NodeID(0), CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	info, err := snapshot.Restore(t.Context(), trust, bytes.NewReader(golden), s, nil)
	if err != nil || info.Height != 6 || info.Epoch != 1 {
		t.Fatalf("%+v, %v", info, err)
	}
	var again bytes.Buffer
	if _, err := snapshot.Create(t.Context(), trust, s, 6, &again, nil); err != nil || !bytes.Equal(again.Bytes(), golden) {
		t.Errorf("written again it has %d bytes, %v; want the %d of the file", again.Len(), err, len(golden))
	}
}

// TestDamage changes each byte in turn, and cuts the file at each.
func TestDamage(t *testing.T) {
	t.Parallel()
	c := newChain(t)
	file := c.create(t, c.whole(t), 6)
	trust := c.trust()
	trust.Verify = func(ledger.PublicKey, []byte, [ledger.SignatureSize]byte) bool { return true } // the hashes alone must do
	step := max(1, len(file)/2000)
	for at := 0; at < len(file); at += step {
		damaged := slices.Clone(file)
		damaged[at] ^= 0x10
		if _, err := snapshot.Check(t.Context(), trust, bytes.NewReader(damaged), nil); !errors.Is(err, snapshot.ErrMalformed) {
			t.Fatalf("byte %d: %v, want ErrMalformed", at, err)
		}
		if _, err := snapshot.Check(t.Context(), trust, bytes.NewReader(file[:at]), nil); !errors.Is(err, snapshot.ErrMalformed) {
			t.Fatalf("cut at byte %d: %v, want ErrMalformed", at, err)
		}
	}
	if _, err := snapshot.Check(t.Context(), trust, bytes.NewReader(append(file, 0)), nil); !errors.Is(err, snapshot.ErrMalformed) {
		t.Errorf("a byte behind the end: %v, want ErrMalformed", err)
	}
}

// TestForged makes snapshots whose hashes hold and which nobody should believe.
func TestForged(t *testing.T) {
	t.Parallel()
	c := newChain(t)
	whole := c.whole(t)
	for name, forge := range map[string]func(s *forger) *forger{
		"a row changed":      func(s *forger) *forger { s.rows = func(r []store.Row) { r[0].Value = []byte("forged") }; return s },
		"too few signatures": func(s *forger) *forger { s.signatures = func(h uint64) int { return 2 }; return s },
		"no handover": func(s *forger) *forger {
			s.signatures = func(h uint64) int { return map[uint64]int{5: 2, 6: 3}[h] }
			return s
		},
		"another block":        func(s *forger) *forger { s.block = 5; return s },
		"a signature too many": func(s *forger) *forger { s.stranger = true; return s },
	} {
		s := forge(&forger{Store: whole.store, block: 6})
		var b bytes.Buffer
		_, err := snapshot.Create(t.Context(), c.trust(), s, 6, &b, nil)
		if !errors.Is(err, snapshot.ErrUnproven) {
			t.Errorf("%s: create: %v, want ErrUnproven", name, err)
		}
	}
	other := aplostest.New(t, 4, 2, start, nil)
	file := c.create(t, whole, 6)
	trust := snapshot.Trust{Genesis: other.Genesis, Chain: other.ID, Verify: identity.Verify}
	if _, err := snapshot.Check(t.Context(), trust, bytes.NewReader(file), nil); !errors.Is(err, snapshot.ErrUnproven) {
		t.Errorf("of another chain: %v, want ErrUnproven", err)
	}
	// Who reads believes no quorum that it does not find right itself.
	trust = c.trust()
	trust.Verify = func(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
		return key != aplostest.NodeKey(1).Public() && identity.Verify(key, message, signature)
	}
	r := c.empty(t, 1)
	if _, err := snapshot.Restore(t.Context(), trust, bytes.NewReader(file), r.store, nil); !errors.Is(err, snapshot.ErrUnproven) {
		t.Errorf("with signatures that do not hold: %v, want ErrUnproven", err)
	}
	if _, ok, err := r.store.Applied(t.Context()); ok || err != nil {
		t.Errorf("a refused snapshot left something: %t, %v", ok, err)
	}
}

// TestChanging has the file change between the check and the reading: the store
// is of no use, and says so.
func TestChanging(t *testing.T) {
	t.Parallel()
	c := newChain(t)
	whole := c.whole(t)
	file := c.create(t, whole, 7)
	for name, then := range map[string][]byte{"another snapshot": c.create(t, whole, 6), "cut short": file[:len(file)-80]} {
		r := c.empty(t, 1)
		if _, err := snapshot.Restore(t.Context(), c.trust(), &changing{first: bytes.NewReader(file), then: bytes.NewReader(then)}, r.store, nil); err == nil {
			t.Errorf("%s: a file that changed was restored", name)
		}
		if _, ok, err := r.store.Applied(t.Context()); ok || err != nil && !errors.Is(err, store.ErrPartial) {
			t.Errorf("%s: the store holds something: %t, %v", name, ok, err)
		}
	}
}

// changing is another file once it was read.
type changing struct {
	first, then *bytes.Reader
	seeks       int
}

func (c *changing) Read(b []byte) (int, error) {
	if c.seeks < 2 {
		return c.first.Read(b)
	}
	return c.then.Read(b)
}

func (c *changing) Seek(int64, int) (int64, error) {
	c.seeks++
	return 0, nil
}

// FuzzCheck reads anything, within bounds, and believes only what is proven.
func FuzzCheck(f *testing.F) {
	c := newChain(f)
	file := c.create(f, c.whole(f), 6)
	f.Add(file)
	f.Add(file[:100])
	f.Add([]byte("librum snapshot 1\n"))
	f.Add(append([]byte("librum snapshot 1\n"), 1, 0xff, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := snapshot.Check(t.Context(), c.trust(), bytes.NewReader(b), nil)
		if err == nil && !bytes.Equal(b, file) {
			t.Errorf("%x is believed", b)
		}
		if err != nil && !errors.Is(err, snapshot.ErrMalformed) && !errors.Is(err, snapshot.ErrUnproven) {
			t.Errorf("%v is of no kind", err)
		}
	})
}
