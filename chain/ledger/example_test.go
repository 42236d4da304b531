package ledger_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// A transaction is made, signed, sent as bytes and read again. Signing is any
// function over a message: here the standard library with a fixed seed.
func Example() {
	private := ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, fixed"[:32]))
	public := ledger.PublicKey(private.Public().(ed25519.PublicKey))
	sign := func(message []byte) [ledger.SignatureSize]byte {
		return [ledger.SignatureSize]byte(ed25519.Sign(private, message))
	}

	args, err := ledger.Encode(map[string]any{"amount": ledger.NewAmount(1000), "to": ledger.ID{0x12}})
	if err != nil {
		fmt.Println(err)
		return
	}
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: ledger.Hash([]byte("genesis file")), Sender: ledger.ID{0x11},
		Contract: "token", Method: "transfer", Args: args,
		Nonce: [ledger.NonceSize]byte{1}, Expiry: 1767225660000,
	}
	envelope, err := tx.Sign(public.ID(), sign)
	if err != nil {
		fmt.Println(err)
		return
	}
	sent := envelope.Bytes()

	read, seal, err := ledger.ParseTransaction(sent)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(read.Contract, read.Method, len(sent), "bytes")
	fmt.Println("by the key:", seal.Key == public.ID())
	fmt.Println("holds:", ed25519.Verify(private.Public().(ed25519.PublicKey), seal.SigStructure(ledger.KindTransaction), seal.Signature[:]))

	_, _, err = ledger.ParseTransaction(append(sent, 0))
	fmt.Println(err, errors.Is(err, ledger.ErrMalformed))
	// Output:
	// token transfer 239 bytes
	// by the key: true
	// holds: true
	// malformed transaction: signature: must be a byte string of 64 bytes at the very end true
}

// Who holds the root can check one leaf with a handful of hashes.
func ExampleVerifyMerklePath() {
	leaves := [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("d"), []byte("e")}
	root := ledger.MerkleRoot(leaves)
	path := ledger.MerklePath(leaves, 2)
	fmt.Println(len(path), ledger.VerifyMerklePath([]byte("c"), 2, 5, path, root))
	fmt.Println(ledger.VerifyMerklePath([]byte("x"), 2, 5, path, root))
	// Output:
	// 3 true
	// false
}

// The commitment is of the set of rows: order leaves no trace, nor does what
// was removed.
func ExampleCommitment() {
	var a, b ledger.Commitment
	a.Add([]byte("one"), []byte("1"))
	a.Add([]byte("two"), []byte("2"))
	b.Add([]byte("two"), []byte("2"))
	b.Add([]byte("three"), []byte("3"))
	b.Add([]byte("one"), []byte("1"))
	b.Remove([]byte("three"), []byte("3"))
	fmt.Println(a.Digest() == b.Digest())
	// Output: true
}

func ExampleAmount() {
	balance, err := ledger.ParseAmount("100000000000000000000")
	if err != nil {
		fmt.Println(err)
		return
	}
	rest, ok := balance.Minus(ledger.NewAmount(1))
	fmt.Println(rest, ok)
	_, ok = ledger.NewAmount(1).Minus(balance)
	fmt.Println(ok)
	// Output:
	// 99999999999999999999 true
	// false
}
