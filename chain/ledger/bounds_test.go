package ledger_test

import (
	"bytes"
	"runtime"
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
)

// TestAllocationIsBounded holds that what a stranger sends costs memory in
// proportion to what was sent: a head that promises much costs nothing, and
// the densest list of a format costs a fixed factor.
// It does not run in parallel, since it reads the allocations of the process.
func TestAllocationIsBounded(t *testing.T) {
	promises := [][]byte{
		{0x9a, 0xff, 0xff, 0xff, 0xff},
		{0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x5a, 0x7f, 0xff, 0xff, 0xff},
		{0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0xba, 0xff, 0xff, 0xff, 0xff},
		{0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		bytes.Repeat([]byte{0x81}, 1000),
	}
	for _, f := range formats() {
		good := f.bytes(t)
		payload := good
		sealed := func(payload []byte) []byte { return payload }
		if e, err := ledger.ParseEnvelope(f.name, good, len(good)); err == nil {
			payload = e.Payload
			sealed = func(payload []byte) []byte { return seal(ledger.KindReceipt, payload) }
		}
		for _, promise := range promises {
			for _, at := range []int{0, 1, len(payload) - 1} {
				b := sealed(slices.Concat(payload[:at], promise))
				if got := allocated(func() { _, err := f.parse(b); wantError(t, err) }); got > 64<<10 {
					t.Errorf("%s: %x at byte %d costs %d bytes", f.name, promise[:1], at, got)
				}
			}
		}
	}

	// An envelope that promises a payload of 4 GiB.
	huge := slices.Concat(signedTransaction(t)[:43], []byte{0x5a, 0xff, 0xff, 0xff, 0xff})
	if got := allocated(func() { _, err := ledger.ParseEnvelope("envelope", huge, 1<<20); wantError(t, err) }); got > 4<<10 {
		t.Errorf("a promised payload costs %d bytes", got)
	}

	const elements = 1 << 16
	list := func(element ...byte) []byte {
		return slices.Concat([]byte{0x9a, 0, elements >> 16, 0, 0}, bytes.Repeat(element, elements))
	}
	// The shortest that the library takes for a result, an event and a signature.
	var (
		result    = []byte{0x85, 0x40, 0x82, 0, 0, 0x60, 0x80, 0x40}
		event     = []byte{0x82, 0x60, 0x40}
		signature = []byte{0x84, 0, 0x40, 0x40, 0x40}
		node      = []byte{0x83, 0x40, 0x40, 0x40}
		digest    = slices.Concat([]byte{0x58, 0x20}, make([]byte, 32))
	)
	for _, tt := range []struct {
		name   string
		bytes  []byte
		parse  func([]byte) error
		factor uint64
	}{
		{
			"nulls in a block", slices.Concat([]byte{0x83}, headerBytes(t), []byte{0x80}, list(0xf6)),
			func(b []byte) error { _, err := ledger.ParseBlock(b); return err }, 1,
		},
		{
			"results of a block", slices.Concat([]byte{0x83}, headerBytes(t), []byte{0x80}, list(result...)),
			func(b []byte) error { _, err := ledger.ParseBlock(b); return err }, 128,
		},
		{
			"transactions of a record", seal(ledger.KindRecord, replaceLast(encode(t, fixtureRecord(t, ledger.RecordClock)), list(0x40))),
			func(b []byte) error { _, _, err := ledger.ParseRecord(b); return err }, 64,
		},
		{
			"events of a result", slices.Concat([]byte{0x85}, digest, []byte{0x82, 0, 0, 0x60}, list(event...), []byte{0x40}),
			func(b []byte) error { _, err := ledger.ParseResult(b); return err }, 64,
		},
		{
			"signatures of a proof", slices.Concat([]byte{0x86, 0x40, 0, 0, 0x80, 0x40}, list(signature...)),
			func(b []byte) error { _, err := ledger.ParseResultProof(b); return err }, 1,
		},
		{
			"nodes of a trail", slices.Concat([]byte{0x81, 0x81, 0x83, 0x40, 0x80, 0x82, 0x01}, list(node...)),
			func(b []byte) error { _, err := ledger.ParseGroupTrail(b); return err }, 1,
		},
	} {
		got := allocated(func() { wantError(t, tt.parse(tt.bytes)) })
		if got > tt.factor*uint64(len(tt.bytes)) {
			t.Errorf("%s: %d bytes cost %d, want at most %d times as much", tt.name, len(tt.bytes), got, tt.factor)
		}
		t.Logf("%s: %d bytes cost %d times as much", tt.name, len(tt.bytes), got/uint64(len(tt.bytes)))
	}
}

// replaceLast puts b in place of the last byte, an empty list.
func replaceLast(encoded, b []byte) []byte {
	return slices.Concat(encoded[:len(encoded)-1], b)
}

func allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func wantError(tb testing.TB, err error) {
	tb.Helper()
	if err == nil {
		tb.Error("hostile bytes are accepted")
	}
}
