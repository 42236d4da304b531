package identity_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestCall: what a caller signs reads back as what was asked, under its key.
func TestCall(t *testing.T) {
	t.Parallel()
	key := identity.KeyFromSeed([32]byte{7})
	nonces := make([]byte, 2*ledger.NonceSize)
	nonces[0], nonces[ledger.NonceSize] = 1, 2
	c := identity.Caller{Chain: ledger.Digest{1}, Shard: 3, Sender: ledger.ID{4}, Key: key, Random: bytes.NewReader(nonces)}

	for i := range 2 {
		raw, err := c.Call("token", "transfer", map[string]uint64{"amount": 5}, 6)
		if err != nil {
			t.Fatal(err)
		}
		tx, envelope, err := ledger.ParseTransaction(raw)
		if err != nil {
			t.Fatal(err)
		}
		if tx.Chain != c.Chain || tx.Shard != 3 || tx.Sender != c.Sender || tx.Contract != "token" || tx.Method != "transfer" || tx.Expiry != 6 {
			t.Errorf("read back as %+v", tx)
		}
		if want := byte(i + 1); tx.Nonce[0] != want {
			t.Errorf("nonce %x, want the %d. one of the source", tx.Nonce, want)
		}
		if !identity.VerifyEnvelope(key.Public(), &envelope, ledger.KindTransaction) {
			t.Error("not signed by its key")
		}
	}
	if _, err := c.Call("token", "transfer", nil, 6); !errors.Is(err, io.EOF) {
		t.Errorf("without randomness: %v", err)
	}
}
