package ledger_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
)

func TestIdentifiersAsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := ledger.Digest(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest"))
		i := ledger.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		if back, err := ledger.ParseDigest(d.String()); err != nil || back != d {
			t.Fatalf("digest %s comes back as %s, %v", d, back, err)
		}
		if back, err := ledger.ParseID(i.String()); err != nil || back != i {
			t.Fatalf("id %s comes back as %s, %v", i, back, err)
		}
		if d.Short() != d.String()[:8] || i.Short() != i.String()[:8] {
			t.Fatal("the short form is not the beginning")
		}
		type pair struct {
			D ledger.Digest
			M map[ledger.ID]ledger.Digest
		}
		text, err := json.Marshal(pair{d, map[ledger.ID]ledger.Digest{i: d}})
		if err != nil {
			t.Fatal(err)
		}
		var back pair
		if err := json.Unmarshal(text, &back); err != nil || back.D != d || back.M[i] != d {
			t.Fatalf("JSON %s comes back as %v, %v", text, back, err)
		}
		if want := `{"D":"` + d.String() + `","M":{"` + i.String() + `":"` + d.String() + `"}}`; string(text) != want {
			t.Fatalf("JSON is %s, want %s", text, want)
		}
		// In CBOR both are byte strings, whatever their methods for text.
		if b, err := ledger.Encode([]any{i, d}); err != nil || b[1] != 0x50 || b[18] != 0x58 || len(b) != 1+17+34 {
			t.Fatalf("CBOR is %x, %v", b, err)
		}
	})
}

func TestIdentifierRefusals(t *testing.T) {
	t.Parallel()
	refused := func(size int, parse func(string) (isZero bool, err error)) {
		good := strings.Repeat("0f", size)
		for name, s := range map[string]string{
			"empty": "", "short": good[1:], "long": good + "0", "upper case": "A" + good[1:], "prefix": "0x" + good[2:],
			"no digit": "g" + good[1:], "space": " " + good[1:], "two bytes for one": "é" + good[2:], "no digit at the end": good[1:] + "g",
		} {
			if zero, err := parse(s); err == nil || !zero {
				t.Errorf("%d bytes, %s: zero %v, %v", size, name, zero, err)
			}
		}
	}
	refused(32, func(s string) (bool, error) { d, err := ledger.ParseDigest(s); return d.IsZero(), err })
	refused(16, func(s string) (bool, error) { i, err := ledger.ParseID(s); return i.IsZero(), err })
}

func TestPositionsAreOrdered(t *testing.T) {
	t.Parallel()
	positions := []ledger.Position{{}, {Index: 1}, {Index: 2}, {Offset: 1}, {Offset: 1, Index: 1}, {Offset: 2}, {Offset: 1 << 63}}
	for i, p := range positions {
		for j, q := range positions {
			if p.Less(q) != (i < j) {
				t.Errorf("%s before %s: %v", p, q, p.Less(q))
			}
		}
	}
	if s := (ledger.Position{Offset: 12, Index: 3}).String(); s != "12.3" {
		t.Errorf("position is %s", s)
	}
}
