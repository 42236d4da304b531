package nft_test

import (
	"fmt"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/nft"
	"github.com/librum/librum/chain/ledger"
)

// A transfer names, from its arguments alone, the rows that it may write: the
// token's, and index and count of both owners.
func Example() {
	args, err := ledger.Encode(&nft.TransferFrom{
		Collection: ledger.Digest{7}, From: ledger.ID{1}, To: ledger.ID{2}, TokenID: ledger.NewAmount(1),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := contract.Call{Sender: ledger.ID{1}, Contract: nft.Name, Method: nft.MethodTransferFrom, Args: args}
	action, err := contract.NewSet(nft.New()).Bind(call)
	fmt.Println(len(action.Footprint.Writes), "rows", err)
	// Output: 5 rows <nil>
}
