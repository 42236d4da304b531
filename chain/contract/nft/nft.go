package nft

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/ledger"
)

// Name is the contract's name.
const Name = "nft"

// control is the roles and the pause of collections.
const control = asset.Control(Name)

// The methods, beside those of [asset.Control.Methods].
const (
	MethodCreate            = "create"
	MethodMint              = "mint"
	MethodSafeMint          = "safeMint"
	MethodBurn              = "burn"
	MethodTransferFrom      = "transferFrom"
	MethodSafeTransferFrom  = "safeTransferFrom"
	MethodApprove           = "approve"
	MethodSetApprovalForAll = "setApprovalForAll"
)

// The codes of this contract.
const (
	CodeWrongOwner ledger.Code = "wrong_owner"      // the token is another's than the call says
	CodeRefused    ledger.Code = "receiver_refused" // the receiver does not take it
)

// New returns the contract. Of the receivers each has a handler for what is sent
// to it safely.
func New(receivers ...Receiver) contract.Contract {
	r := byAccount(receivers)
	return contract.Contract{
		Name:    Name,
		Summary: "Unique tokens: collections, owners, approvals, metadata.",
		Methods: slices.Concat([]contract.Method{
			contract.Handle(MethodCreate, "Creates a collection.", createFootprint, create),
			contract.Handle(MethodMint, "A minter makes a token for an account.", mintFootprint, mint),
			contract.Handle(MethodSafeMint, "A minter makes a token, and the receiver's handler is asked.", r.safeMintFootprint, r.safeMint),
			contract.Handle(MethodBurn, "Ends a token.", burnFootprint, burn),
			contract.Handle(MethodTransferFrom, "Moves a token.", TransferFromFootprint, TransferFromOwner),
			contract.Handle(MethodSafeTransferFrom, "Moves a token, and the receiver's handler is asked.", r.safeTransferFromFootprint, r.safeTransferFrom),
			contract.Handle(MethodApprove, "Lets an account move a token, or nobody.", approveFootprint, approve),
			contract.Handle(MethodSetApprovalForAll, "Lets an operator move all tokens of the sender, or no longer.", setApprovalForAllFootprint, setApprovalForAll),
		}, control.Methods()),
	}
}
