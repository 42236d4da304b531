package identity

import (
	"fmt"
	"io"

	"github.com/librum/librum/chain/ledger"
)

// Caller signs one sender's calls of contracts.
type Caller struct {
	Chain  ledger.Digest
	Shard  uint32
	Sender ledger.ID
	Key    *Key      // the sender's, or a delegate's
	Random io.Reader // of nonces
}

// Draft returns a call that is not signed, with a nonce of its own. Args is
// encoded as deterministic CBOR, expiry is log time in ms.
func (c *Caller) Draft(contract, method string, args any, expiry int64) (ledger.Transaction, error) {
	encoded, err := ledger.Encode(args)
	if err != nil {
		return ledger.Transaction{}, err
	}
	t := ledger.Transaction{
		Version: ledger.Version, Chain: c.Chain, Shard: c.Shard, Sender: c.Sender,
		Contract: contract, Method: method, Args: encoded, Expiry: expiry,
	}
	if _, err := io.ReadFull(c.Random, t.Nonce[:]); err != nil {
		return t, fmt.Errorf("draw a nonce: %w", err)
	}
	return t, nil
}

// Call returns the bytes of a signed call; they can be sent again safely, since
// a transaction executes once.
func (c *Caller) Call(contract, method string, args any, expiry int64) ([]byte, error) {
	t, err := c.Draft(contract, method, args, expiry)
	if err != nil {
		return nil, err
	}
	e, err := t.Sign(c.Key.ID(), c.Key.Sign)
	if err != nil {
		return nil, err
	}
	return e.Bytes(), nil
}
