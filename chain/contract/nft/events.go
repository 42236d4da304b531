package nft

import "github.com/librum/librum/chain/ledger"

// The types of the events, beside those of package asset.
const (
	EventTransfer       = "nft.transfer"         // ERC-721's Transfer
	EventApproval       = "nft.approval"         // ERC-721's Approval
	EventApprovalForAll = "nft.approval_for_all" // ERC-721's ApprovalForAll
	EventCreated        = "nft.created"
)

// Transferred is the data of a transfer's event. What is minted comes from the
// zero account, and what is burnt goes there.
type Transferred struct {
	Collection ledger.Digest `cbor:"collection"`
	From       ledger.ID     `cbor:"from"`
	To         ledger.ID     `cbor:"to"`
	TokenID    ledger.Amount `cbor:"token_id"`
}

// Approved is the data of an approval's event. A transfer ends the approval and
// emits none.
type Approved struct {
	Collection ledger.Digest `cbor:"collection"`
	Owner      ledger.ID     `cbor:"owner"`
	Approved   ledger.ID     `cbor:"approved"` // zero for nobody
	TokenID    ledger.Amount `cbor:"token_id"`
}

// ApprovedForAll is the data of the event of an operator.
type ApprovedForAll struct {
	Collection ledger.Digest `cbor:"collection"`
	Owner      ledger.ID     `cbor:"owner"`
	Operator   ledger.ID     `cbor:"operator"`
	Approved   bool          `cbor:"approved"`
}

// Creation is the data of the event of a created collection.
type Creation struct {
	Collection ledger.Digest `cbor:"collection"`
	Creator    ledger.ID     `cbor:"creator"`
	Name       string        `cbor:"name"`
	Symbol     string        `cbor:"symbol"`
}
