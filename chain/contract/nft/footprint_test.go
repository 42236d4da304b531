package nft_test

import (
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/nft"
	"github.com/librum/librum/chain/ledger"
)

// footprint binds a call and returns its footprint.
func footprint(t *testing.T, method string, args any) contract.Footprint {
	t.Helper()
	b, err := ledger.Encode(args)
	if err != nil {
		t.Fatal(err)
	}
	action, err := contract.NewSet(nft.New()).Bind(contract.Call{Sender: alice, Contract: nft.Name, Method: method, Args: b})
	if err != nil {
		t.Fatal(err)
	}
	return action.Footprint
}

// conflict tells whether one of two calls writes what the other touches.
func conflict(a, b contract.Footprint) bool {
	written := map[contract.Key]bool{}
	for _, k := range a.Writes {
		written[k] = true
	}
	for _, k := range append(append([]contract.Key{}, b.Reads...), b.Writes...) {
		if written[k] {
			return true
		}
	}
	return false
}

// TestNoHotRow holds invariant 4: mints of consecutive ids by one minter to
// different accounts run at once, and so do transfers between different accounts.
func TestNoHotRow(t *testing.T) {
	t.Parallel()
	var mints, moves []contract.Footprint
	for n := range byte(60) {
		to := ledger.ID{n, 1}
		mints = append(mints, footprint(t, nft.MethodMint, minting(to, uint64(n)+1_000)))
		moves = append(moves, footprint(t, nft.MethodTransferFrom, &nft.TransferFrom{
			Collection: prints, From: ledger.ID{n, 2}, To: to, TokenID: ledger.NewAmount(uint64(n)),
		}))
	}
	for name, calls := range map[string][]contract.Footprint{nft.MethodMint: mints, nft.MethodTransferFrom: moves} {
		for i := range calls {
			for j := range calls {
				if i != j && conflict(calls[i], calls[j]) {
					t.Fatalf("%s %d and %d conflict", name, i, j)
				}
			}
		}
	}
	if again := footprint(t, nft.MethodMint, minting(ledger.ID{1, 1}, 1_001)); !conflict(mints[1], again) {
		t.Error("two mints of one id do not conflict")
	}
}
