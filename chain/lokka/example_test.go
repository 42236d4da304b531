package lokka_test

import (
	"crypto/ed25519"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
)

// A group of one node: a record fills a block, the shell stores it, signs it
// when told to, and it is final.
func Example() {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	var public ledger.PublicKey
	copy(public[:], key.Public().(ed25519.PublicKey))
	sign := func(message []byte) (s [ledger.SignatureSize]byte) {
		copy(s[:], ed25519.Sign(key, message))
		return s
	}
	self := ledger.ID{1}
	genesis := ledger.Hash([]byte("genesis"))
	group := ledger.Group{Nodes: []ledger.GroupNode{{Node: self, Organisation: self, Key: public}}}
	next, _ := group.Digest() // it stays
	m := lokka.New(lokka.Config{
		Chain: genesis, Previous: genesis, Self: self, Group: group,
		Limits: ledger.Limits{BlockTransactions: 1, BlockBytes: 1 << 20},
		Verify: verify, MarkerDelay: 200,
	})

	cut, err := m.Add(lokka.Record{
		Offset: 0, Envelope: []byte("a signed record"), Kind: ledger.RecordTransactions, LogTime: 1,
		Transactions: [][]byte{[]byte("a signed transaction")},
		Results:      []ledger.Result{{Code: ledger.CodeOK}},
	})
	fmt.Println("cut:", cut, err)
	block, header, err := m.Cut(ledger.Digest{}, next)
	fmt.Println("block", block.Header.Height, err)
	fmt.Println("stored:", m.Applied(block.Header.Height))
	for _, request := range m.Ready().Sign {
		fmt.Println("signed:", m.Signed(ledger.SignHeader(request.Height, header, self, public.ID(), sign)))
	}
	fmt.Println("final:", m.Ready().Final)
	// Output:
	// cut: true <nil>
	// block 1 <nil>
	// stored: <nil>
	// signed: <nil>
	// final: 1
}
