package main

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// startBalance is what each account has at first.
const startBalance = 1_000_000_000

// chain is the digest that the transactions name.
func chain() ledger.Digest { return ledger.Hash([]byte("cometbft beside librum")) }

// accountKey returns the key of the index-th account.
func accountKey(index int) *identity.Key {
	return identity.KeyFromSeed(sha256.Sum256(binary.BigEndian.AppendUint64([]byte("account key "), uint64(index))))
}

// accountID returns the id of the index-th account.
func accountID(index int) ledger.ID {
	d := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("account id "), uint64(index)))
	return ledger.ID(d[:16])
}

// signTransfers returns n transfers between the accounts, none to oneself, as
// librum bench chain makes them.
func signTransfers(accounts, n int, series uint64, expiry time.Time) ([][]byte, error) {
	keys := make([]*identity.Key, accounts)
	ids := make([]ledger.ID, accounts)
	for i := range keys {
		keys[i], ids[i] = accountKey(i), accountID(i)
	}
	random := rand.New(rand.NewPCG(series, 1))
	signed := make([][]byte, n)
	for i := range signed {
		from := random.IntN(accounts)
		to := (from + 1 + random.IntN(accounts-1)) % accounts
		args, err := ledger.Encode(&token.Transfer{To: ids[to], Amount: ledger.NewAmount(1)})
		if err != nil {
			return nil, err
		}
		t := ledger.Transaction{
			Version: ledger.Version, Chain: chain(), Sender: ids[from],
			Contract: token.Name, Method: "transfer", Args: args, Expiry: expiry.UnixMilli(),
		}
		for j := range t.Nonce {
			t.Nonce[j] = byte(random.Uint32())
		}
		e, err := t.Sign(keys[from].ID(), keys[from].Sign)
		if err != nil {
			return nil, err
		}
		signed[i] = e.Bytes()
	}
	return signed, nil
}
