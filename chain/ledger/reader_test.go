package ledger_test

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
)

// Types without methods are left to the library.
type (
	libraryTransaction ledger.Transaction
	holdsAmount        struct {
		_      struct{} `cbor:",toarray"`
		Amount ledger.Amount
	}
)

const longest = 1 << 20

// sameAsLibrary wants that bytes are taken, and for what, as the library has it.
func sameAsLibrary(t interface{ Fatalf(string, ...any) }, b []byte) {
	var hand ledger.Transaction
	var library libraryTransaction
	handErr, libraryErr := ledger.Decode("it", b, longest, &hand), ledger.Decode("it", b, longest, &library)
	switch {
	case (handErr == nil) != (libraryErr == nil):
		t.Fatalf("%x: %v by hand, %v by the library", b, handErr, libraryErr)
	case handErr != nil && handErr.Error() != strings.ReplaceAll(libraryErr.Error(), "ledger_test.libraryTransaction", "ledger.Transaction"):
		t.Fatalf("%x: %q by hand, %q by the library", b, handErr, libraryErr)
	case handErr == nil && !reflect.DeepEqual(libraryTransaction(hand), library):
		t.Fatalf("%x is %+v by hand, %+v by the library", b, hand, library)
	}
	var amount ledger.Amount
	var holds holdsAmount
	handErr, libraryErr = ledger.Decode("it", b, longest, &amount), ledger.Decode("it", append([]byte{0x81}, b...), longest+1, &holds)
	if (handErr == nil) != (libraryErr == nil) || handErr == nil && amount != holds.Amount {
		t.Fatalf("%x: %s and %v by hand, %s and %v by the library", b, amount, handErr, holds.Amount, libraryErr)
	}
}

// edges are numbers around which heads change their length.
var edges = []uint64{0, 1, 23, 24, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64}

func TestReadByHand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.SampledFrom(edges), rapid.Uint64())
		whole := ledger.Transaction{
			Version: uint16(number.Draw(t, "version")), Shard: uint32(number.Draw(t, "shard")), Expiry: int64(number.Draw(t, "expiry")),
			Contract: rapid.StringN(0, 30, 70).Draw(t, "contract"), Method: rapid.StringN(0, 30, 70).Draw(t, "method"),
			Args: bytes.Repeat([]byte{7}, rapid.SampledFrom([]int{0, 1, 23, 24, 255, 256, 65536}).Draw(t, "args")),
		}
		copy(whole.Chain[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "chain"))
		b := encoded(t, &whole)
		sameAsLibrary(t, b)
		// Heads that are too long, strings cut short, other types.
		for range 3 {
			at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			b[min(at, len(b)-1)] = rapid.Byte().Draw(t, "byte")
			sameAsLibrary(t, b)
		}
		sameAsLibrary(t, b[:rapid.IntRange(0, len(b)).Draw(t, "cut")])
		amount := encoded(t, rapid.SliceOfN(rapid.Byte(), 0, 34).Draw(t, "amount"))
		sameAsLibrary(t, amount)
	})
}

func encoded(t *rapid.T, v any) []byte {
	b, err := ledger.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzReadByHand(f *testing.F) {
	seeds(f, encode(f, &ledger.Transaction{Contract: "token", Method: "transfer", Args: []byte{0xa0}, Expiry: start}), encode(f, ledger.NewAmount(300)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) <= 1<<16 {
			sameAsLibrary(t, b)
		}
	})
}
