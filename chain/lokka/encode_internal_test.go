package lokka

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
)

func TestResultEncodingEqualsItsTwin(t *testing.T) {
	t.Parallel()
	events := rapid.Custom(func(t *rapid.T) ledger.Event {
		return ledger.Event{Type: rapid.String().Draw(t, "type"), Data: rapid.OneOf(
			rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 300)).Draw(t, "data")}
	})
	rapid.Check(t, func(t *rapid.T) {
		r := ledger.Result{
			Code: ledger.Code(rapid.StringN(0, 30, 60).Draw(t, "code")),
			Position: ledger.Position{
				Offset: rapid.Uint64Range(0, math.MaxUint64).Draw(t, "offset"),
				Index:  rapid.Uint32().Draw(t, "index"),
			},
			Events: rapid.OneOf(rapid.Just([]ledger.Event(nil)), rapid.SliceOfN(events, 0, 30)).Draw(t, "events"),
		}
		copy(r.ID[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "id"))
		copy(r.Writes[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "writes"))
		want, err := ledger.Encode(&r)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendResult([]byte("before"), &r); !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Fatalf("encoding differs:\n got %x\nwant %x", got[6:], want)
		}
	})
}

// TestHeads covers each length of a head, which no real block reaches.
func TestHeads(t *testing.T) {
	t.Parallel()
	for _, n := range []uint64{0, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, math.MaxUint64} {
		want, err := ledger.Encode(n)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendHead(nil, majorUnsigned, n); !bytes.Equal(got, want) {
			t.Errorf("head of %d is %x, want %x", n, got, want)
		}
	}
}
