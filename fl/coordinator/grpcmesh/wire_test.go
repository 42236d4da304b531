package grpcmesh

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/fl/coordinator"
)

// TestWire holds the messages to their bytes: nodes of other builds read them.
func TestWire(t *testing.T) {
	t.Parallel()
	zeros := func(n int) string { return strings.Repeat("00", n) }
	for _, c := range []struct {
		message any
		want    string
	}{
		{&span{Digest: ledger.Digest{1}, Size: 2, Offset: 3, Length: 4}, "84" + "582001" + zeros(31) + "020304"},
		{
			&coordinator.Upload{Peer: ledger.ID{1}, Job: ledger.Digest{2}, Round: 3, Digest: ledger.Digest{4}, Size: 5},
			"85" + "5001" + zeros(15) + "582002" + zeros(31) + "03" + "582004" + zeros(31) + "05",
		},
		{&receipt{Receipt: []byte{1, 2}}, "81420102"},
		{&peers{Peers: []ledger.ID{{1}}}, "81815001" + zeros(15)},
		{&peers{}, "8180"},
		{new(transport.Nothing), "80"},
	} {
		b, err := ledger.Encode(c.message)
		if err != nil || hex.EncodeToString(b) != c.want {
			t.Errorf("%T: %x, error %v, want %s", c.message, b, err, c.want)
		}
	}
	b, err := ledger.Encode(&peers{Peers: make([]ledger.ID, coordinator.MaxHeard)})
	if err != nil || len(b) > maxHeardBytes {
		t.Errorf("the longest list of peers has %d bytes, error %v, want at most %d", len(b), err, maxHeardBytes)
	}
}

// FuzzMessages: what is decoded encodes to the same bytes, whoever sent it.
func FuzzMessages(f *testing.F) {
	f.Add([]byte{0x80})
	f.Add([]byte{0x81, 0x80})
	f.Add([]byte{0x81, 0x40})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{new(span), new(coordinator.Upload), new(receipt), new(peers), new(transport.Nothing)} {
			if ledger.DecodeFormat("message", b, len(b), v) != nil {
				continue
			}
			if again, err := ledger.Encode(v); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%T: %x is encoded as %x, error %v", v, b, again, err)
			}
		}
	})
}
