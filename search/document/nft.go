package document

import "github.com/librum/librum/chain/contract/nft"

// nftContract documents unique tokens by their events alone: who holds one is
// asked of the ledger.
func nftContract() Contract {
	return Contract{
		Name: nft.Name,
		Fields: []Field{
			{Name: "collection", Type: Keyword, Indexed: true, Doc: "id of the collection of unique tokens"},
			{Name: "token_id", Type: Amount, Doc: "number of the unique token in its collection"},
			{Name: "from", Type: Keyword, Indexed: true, Doc: "account that gave; missing where it was minted"},
			{Name: "to", Type: Keyword, Indexed: true, Doc: "account that received; missing where it was burnt"},
			{Name: "operator", Type: Keyword, Doc: "who may move all that the sender holds of the collection"},
		},
	}
}
