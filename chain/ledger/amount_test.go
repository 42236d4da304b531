package ledger_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
)

var bound = new(big.Int).Lsh(big.NewInt(1), 256)

// drawBig favours numbers near the powers of two, where words carry.
var drawBig = rapid.Custom(func(t *rapid.T) *big.Int {
	n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "bytes"))
	if rapid.Bool().Draw(t, "near a power") {
		n.Lsh(big.NewInt(1), rapid.UintRange(0, 256).Draw(t, "power"))
		n.Add(n, big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "offset")))
		n.Mod(n.Abs(n), bound)
	}
	return n
})

func amount(t interface {
	Helper()
	Fatal(...any)
}, n *big.Int,
) ledger.Amount {
	t.Helper()
	a, err := ledger.ParseAmount(n.String())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAmountTwin compares with math/big: an operation gives the same number,
// or says that there is none.
func TestAmountTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x, y := drawBig.Draw(t, "x"), drawBig.Draw(t, "y")
		n := rapid.Uint64().Draw(t, "n")
		a, b := amount(t, x), amount(t, y)
		check := func(op string, got ledger.Amount, ok bool, want *big.Int) {
			t.Helper()
			fits := want.Sign() >= 0 && want.Cmp(bound) < 0
			if ok != fits || ok && got.String() != want.String() {
				t.Fatalf("%s: %s, %v; want %s, %v", op, got, ok, want, fits)
			}
		}
		sum, ok := a.Plus(b)
		check("x+y", sum, ok, new(big.Int).Add(x, y))
		difference, ok := a.Minus(b)
		check("x-y", difference, ok, new(big.Int).Sub(x, y))
		product, ok := a.Times(n)
		check("x*n", product, ok, new(big.Int).Mul(x, new(big.Int).SetUint64(n)))
		check("n", ledger.NewAmount(n), true, new(big.Int).SetUint64(n))
		if a.Cmp(b) != x.Cmp(y) || a.IsZero() != (x.Sign() == 0) || (a == b) != (x.Cmp(y) == 0) {
			t.Fatal("comparisons differ")
		}
		if a.String() != x.String() || b.String() != y.String() {
			t.Fatal("an operation changed its operand")
		}
		for _, verb := range []string{"%s", "%v"} {
			if got := fmt.Sprintf(verb+" "+verb, a, &a); got != x.String()+" "+x.String() {
				t.Fatalf("%s prints %q", verb, got)
			}
		}

		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var fromJSON, fromCBOR ledger.Amount
		if err := json.Unmarshal(text, &fromJSON); err != nil || fromJSON != a || string(text) != `"`+x.String()+`"` {
			t.Fatalf("JSON %s gives %s, %v", text, fromJSON, err)
		}
		raw, err := ledger.Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := ledger.Decode("amount", raw, 34, &fromCBOR); err != nil || fromCBOR != a {
			t.Fatalf("CBOR %x gives %s, %v", raw, fromCBOR, err)
		}
		if n := len(x.Bytes()); len(raw) != n+1 && len(raw) != n+2 {
			t.Fatalf("%s takes %d bytes of CBOR", x, len(raw))
		}
		byMap, err := json.Marshal(map[ledger.Amount]ledger.Amount{a: b})
		if err != nil || string(byMap) != `{"`+x.String()+`":"`+y.String()+`"}` {
			t.Fatalf("as a JSON key: %s, %v", byMap, err)
		}
	})
}

func TestAmountRefusals(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", " ", "-", "+", "-0", "-1", "+1", "00", "01", "1_000", "1,000", "1.0", "1e3", "0x1", "١", "1 ", " 1", "one",
		bound.String(), bound.String() + "0", "1" + strings.Repeat("0", 100), "0" + bound.String(), "123456789012345678+9",
	} {
		if a, err := ledger.ParseAmount(s); err == nil || !a.IsZero() {
			t.Errorf("%q is read as %s, %v", s, a, err)
		} else if len(err.Error()) > 250 {
			t.Errorf("%.20q: an error of %d characters", s, len(err.Error()))
		}
	}
	for _, s := range []string{`1`, `"1`, `1"`, `"`, `""`, `null`, `"\u0031"`, `["1"]`, `{}`, `true`, `1.0`, `"+1"`} {
		var a ledger.Amount
		if err := a.UnmarshalJSON([]byte(s)); err == nil {
			t.Errorf("JSON %s is read as %s", s, a)
		}
	}
	for name, b := range map[string][]byte{
		"empty":           {},
		"null":            {0xf6},
		"integer":         {0x01},
		"text":            {0x61, '1'},
		"big number":      {0xc2, 0x41, 0x01},
		"array of bytes":  {0x81, 0x01},
		"leading zero":    {0x42, 0x00, 0x01},
		"zero as a byte":  {0x41, 0x00},
		"33 bytes":        append([]byte{0x58, 33}, []byte(strings.Repeat("\x01", 33))...),
		"long head":       {0x58, 0x01, 0x01},
		"cut off":         {0x42, 0x01},
		"trailing":        {0x41, 0x01, 0x00},
		"in chunks":       {0x5f, 0x41, 0x01, 0xff},
		"length overflow": {0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
	} {
		var a ledger.Amount
		if err := a.UnmarshalCBOR(b); err == nil {
			t.Errorf("%s, on its own: read as %s", name, a)
		}
		if err := ledger.Decode("amount", b, 100, &a); err == nil {
			t.Errorf("%s: read as %s", name, a)
		}
	}
}

func TestAmountBounds(t *testing.T) {
	t.Parallel()
	if _, ok := ledger.MaxAmount().Plus(ledger.NewAmount(1)); ok || ledger.MaxAmount().String() != "115792089237316195423570985008687907853269984665640564039457584007913129639935" {
		t.Errorf("the largest amount is %s, one more fits: %t", ledger.MaxAmount(), ok)
	}
	if got := ledger.NewAmount(0x0102).Bytes32(); got != [32]byte{30: 1, 31: 2} || ledger.AmountOf(got) != ledger.NewAmount(0x0102) {
		t.Errorf("0x0102 is %x", got)
	}
}
