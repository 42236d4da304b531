package token

import "github.com/librum/librum/chain/ledger"

// The types of the events, beside those of package asset.
const (
	EventTransfer = "token.transfer" // ERC-20's Transfer
	EventApproval = "token.approval" // ERC-20's Approval
	EventCreated  = "token.created"
)

// Transferred is the data of a transfer's event. What is minted comes from the
// zero account, and what is burnt goes there.
type Transferred struct {
	Token  *ledger.Digest `cbor:"token,omitempty"` // missing for the native token
	From   ledger.ID      `cbor:"from"`
	To     ledger.ID      `cbor:"to"`
	Amount ledger.Amount  `cbor:"amount"`
}

// Approved is the data of an approval's event: what the spender may move now. A
// transfer that uses some of it emits none.
type Approved struct {
	Token   *ledger.Digest `cbor:"token,omitempty"`
	Owner   ledger.ID      `cbor:"owner"`
	Spender ledger.ID      `cbor:"spender"`
	Amount  ledger.Amount  `cbor:"amount"`
}

// Creation is the data of the event of a created token.
type Creation struct {
	Token    ledger.Digest `cbor:"token"`
	Creator  ledger.ID     `cbor:"creator"`
	Name     string        `cbor:"name"`
	Symbol   string        `cbor:"symbol"`
	Decimals uint8         `cbor:"decimals"`
}
