package aplos

import (
	"bytes"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// TestStateAgainstMap writes, deletes, seals and applies at random and compares
// reads, lists, write sets and commitment with a plain map.
func TestStateAgainstMap(t *testing.T) {
	t.Parallel()
	key := rapid.Custom(func(t *rapid.T) contract.Key {
		return contract.Key(rapid.StringOfN(rapid.RuneFrom([]rune("ab\x00")), 1, 3, -1).Draw(t, "key"))
	})
	rapid.Check(t, func(t *rapid.T) {
		base, want := aplostest.Rows{}, aplostest.Rows{}
		committed := maps.Clone(want) // the twin at the last seal
		s := newState(base, 1)
		var sum ledger.Commitment
		var pending []Sealed
		height := uint64(1)
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				w := ledger.Write{Key: []byte(key.Draw(t, "key")), Delete: rapid.Bool().Draw(t, "delete")}
				if !w.Delete {
					w.Value = []byte(rapid.StringN(0, 3, 8).Draw(t, "value"))
				}
				s.write([]ledger.Write{w})
				want.Apply([]ledger.Write{w})
			},
			"seal": func(t *rapid.T) {
				writes, err := s.seal(&sum, 2)
				if err != nil {
					t.Fatal(err)
				}
				for i := 1; i < len(writes); i++ {
					if bytes.Compare(writes[i-1].Key, writes[i].Key) >= 0 {
						t.Fatalf("write set is not ascending at %d", i)
					}
				}
				committed.Apply(writes)
				if fmt.Sprint(committed) != fmt.Sprint(want) || !bytes.Equal(sum.Bytes(), want.Commitment().Bytes()) {
					t.Fatalf("write set leads to %q, want %q", committed, want)
				}
				pending = append(pending, Sealed{Height: height, Writes: writes})
				height++
			},
			"apply": func(t *rapid.T) {
				for range rapid.IntRange(0, len(pending)).Draw(t, "blocks") {
					base.Apply(pending[0].Writes)
					if rapid.Bool().Draw(t, "told") { // the base may run ahead of the word
						s.applied(pending[0].Height)
					}
					pending = pending[1:]
				}
			},
			"read": func(t *rapid.T) {
				k := key.Draw(t, "key")
				wantValue, wantOK, _ := want.Get(k)
				for name, state := range map[string]contract.State{"Get": s, "cached": cached{s}} {
					value, ok, err := state.Get(k)
					if err != nil || ok != wantOK || !bytes.Equal(value, wantValue) {
						t.Fatalf("%s of %q: %q %t %v, want %q %t", name, k, value, ok, err, wantValue, wantOK)
					}
				}
			},
			"scan": func(t *rapid.T) {
				prefix := contract.Key(rapid.SampledFrom([]string{"", "a", "b", "ab", "\x00"}).Draw(t, "prefix"))
				after := contract.Key(rapid.SampledFrom([]string{"", "a", "ab", "b\x00"}).Draw(t, "after"))
				limit := rapid.IntRange(1, 10).Draw(t, "limit")
				got, err := s.Scan(prefix, after, limit)
				wantRows, _ := want.Scan(prefix, after, limit)
				if err != nil || fmt.Sprint(got) != fmt.Sprint(wantRows) {
					t.Fatalf("scan of %q after %q up to %d: %q, %v, want %q", prefix, after, limit, got, err, wantRows)
				}
			},
		})
	})
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	value := make([]byte, 1<<20)
	base := aplostest.Rows{}
	for i := range 3 * maxCachedBytes >> 20 {
		base[contract.Key(fmt.Sprintf("large/%d", i))] = value // shared, so that the test stays small
	}
	s := newState(base, 1)
	check := func(when string) {
		t.Helper()
		held := 0
		for k, r := range s.cache {
			held += len(k) + len(r.value)
		}
		if held != s.cacheBytes || held > maxCachedBytes || len(s.cache) > maxCachedRows {
			t.Fatalf("%s: %d rows of %d bytes, counted %d", when, len(s.cache), held, s.cacheBytes)
		}
	}
	for k := range base {
		if _, ok, err := (cached{s}).Get(k); err != nil || !ok {
			t.Fatal(ok, err)
		}
		check("large rows")
	}
	for i := range maxCachedRows + 10 {
		if _, ok, err := (cached{s}).Get(contract.Key(fmt.Sprintf("missing/%d", i))); err != nil || ok {
			t.Fatal(ok, err)
		}
	}
	check("missing rows")
	s.write([]ledger.Write{{Key: []byte("missing/1"), Value: value}})
	if _, err := s.seal(new(ledger.Commitment), 2); err != nil {
		t.Fatal(err)
	}
	s.applied(1)
	check("a layer taken over")
}

// TestReplayShrinks checks that the ids in memory go with their rows.
func TestReplayShrinks(t *testing.T) {
	t.Parallel()
	s := newState(aplostest.Rows{}, 1)
	r, err := loadReplay(s)
	if err != nil {
		t.Fatal(err)
	}
	const ttl = 5
	var sum ledger.Commitment
	for height := uint64(1); height < 50; height++ {
		now := int64(height)
		for i := range byte(3) {
			id := ledger.Digest{byte(height), i}
			r.burn(id, height)
			r.list(id, now+ttl)
		}
		writes, err := r.seal(cached{s}, height, now)
		if err != nil {
			t.Fatal(err)
		}
		s.write(writes)
		if _, err := s.seal(&sum, 2); err != nil {
			t.Fatal(err)
		}
		live := int(min(height, ttl+1))
		if len(r.live) != live || len(r.ids) != 3*live {
			t.Fatalf("block %d: %d blocks and %d ids are kept, want %d and %d", height, len(r.live), len(r.ids), live, 3*live)
		}
		again, err := loadReplay(s)
		if err != nil || !maps.Equal(again.ids, r.ids) {
			t.Fatalf("block %d: loaded from the rows: %d ids, %v", height, len(again.ids), err)
		}
	}
	s.write([]ledger.Write{{Key: []byte(executedRow(99)), Value: make([]byte, expirySize+31)}})
	if _, err := loadReplay(s); err == nil {
		t.Error("a broken row of executed ids was taken")
	}
}
