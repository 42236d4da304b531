package grpcmesh

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
)

// TestWire holds the messages to their bytes: nodes of other builds read them.
func TestWire(t *testing.T) {
	t.Parallel()
	s := ledger.HeaderSignature{Height: 7, Header: ledger.Digest{1}, Node: ledger.ID{2}, Signature: [ledger.SignatureSize]byte{3}}
	signed, err := ledger.Encode(&s)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		message any
		want    string
	}{
		{&signatures{List: []ledger.HeaderSignature{s}}, "8181" + hex.EncodeToString(signed)},
		{&pull{Height: 1 << 40}, "811b0000010000000000"},
		{&answer{Header: []byte{1, 2}, Signatures: []ledger.HeaderSignature{s}}, "8242010281" + hex.EncodeToString(signed)},
		{&answer{}, "824080"},
		{new(transport.Nothing), "80"},
	} {
		b, err := ledger.Encode(c.message)
		if err != nil || hex.EncodeToString(b) != c.want {
			t.Errorf("%T: %x, error %v, want %s", c.message, b, err, c.want)
		}
	}
	// What is bounded in number fits what is bounded in bytes.
	full := answer{Header: make([]byte, ledger.MaxHeaderBytes), Signatures: make([]ledger.HeaderSignature, maxAnswerSignatures)}
	for i := range full.Signatures {
		full.Signatures[i].Height = ^uint64(0)
	}
	b, err := ledger.Encode(&full)
	if err != nil || len(b) > maxAnswerBytes {
		t.Errorf("the largest answer has %d bytes, error %v, want at most %d", len(b), err, maxAnswerBytes)
	}
}

// FuzzMessages: what is decoded encodes to the same bytes, whoever sent it.
func FuzzMessages(f *testing.F) {
	f.Add([]byte{0x80})
	f.Add([]byte{0x81, 0x80})
	f.Add([]byte{0x81, 0x07})
	f.Add([]byte{0x82, 0x40, 0x80})
	f.Add([]byte{0x81, 0xf6})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{new(signatures), new(pull), new(answer), new(transport.Nothing)} {
			if ledger.DecodeFormat("message", b, len(b), v) != nil {
				continue
			}
			if again, err := ledger.Encode(v); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%T: %x is encoded as %x, error %v", v, b, again, err)
			}
		}
	})
}

func TestRates(t *testing.T) {
	t.Parallel()
	r := newRates(func() time.Time { return time.Unix(1, 0) })
	a, b := ledger.ID{1}, ledger.ID{2}
	taken := 0
	for taken < 100*pushBurst && r.allow(a, pushBatch, 0) {
		taken += pushBatch
	}
	if taken != pushBurst {
		t.Errorf("a node pushed %d signatures at once, want %d", taken, pushBurst)
	}
	if !r.allow(b, pushBatch, 1) {
		t.Error("a node was refused for what another one did")
	}
}
