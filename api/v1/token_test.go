package v1_test

import (
	"bytes"
	"testing"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

func noSignature([]byte) (s [ledger.SignatureSize]byte) { return s }

// FuzzParseTokenRequest reads what strangers send: whatever is read is written
// back as the same bytes.
func FuzzParseTokenRequest(f *testing.F) {
	good := v1.TokenRequest{Version: ledger.Version, Name: "n", Life: 60, Expiry: 1}
	b, err := good.Encode(ledger.Digest{1}, noSignature)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, e, err := v1.ParseTokenRequest(b)
		if err != nil {
			return
		}
		again, err := r.Encode(e.Key, func([]byte) [ledger.SignatureSize]byte { return e.Signature })
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x read and written: %x, %v", b, again, err)
		}
	})
}
