package nft

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/ledger"
)

// TransferFrom is the arguments of the method transferFrom.
type TransferFrom struct {
	Collection ledger.Digest `cbor:"collection"`
	From       ledger.ID     `cbor:"from"` // its owner
	To         ledger.ID     `cbor:"to"`
	TokenID    ledger.Amount `cbor:"token_id"`
}

// Approve is the arguments of the method approve.
type Approve struct {
	Collection ledger.Digest `cbor:"collection"`
	Owner      ledger.ID     `cbor:"owner"`
	Approved   ledger.ID     `cbor:"approved"` // zero for nobody
	TokenID    ledger.Amount `cbor:"token_id"`
}

// SetApprovalForAll is the arguments of the method setApprovalForAll.
type SetApprovalForAll struct {
	Collection ledger.Digest `cbor:"collection"`
	Operator   ledger.ID     `cbor:"operator"`
	Approved   bool          `cbor:"approved"`
}

// owned reads a token that must be the owner's.
func owned(env *contract.Env, collection ledger.Digest, owner ledger.ID, id ledger.Amount) (*Token, error) {
	t, ok, err := contract.Load[Token](env, TokenRow(collection, id))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, contract.Errorf(contract.CodeNotFound, "no token %s in collection %s", id, collection)
	case t.Owner != owner:
		return nil, contract.Errorf(CodeWrongOwner, "token %s of collection %s is not account %s's", id, collection, owner)
	}
	return t, nil
}

// authorised reads a token of the owner's that the sender may move.
func authorised(env *contract.Env, call contract.Call, collection ledger.Digest, owner ledger.ID, id ledger.Amount) (*Token, error) {
	t, err := owned(env, collection, owner, id)
	if err != nil || call.Sender == owner || call.Sender == t.Approved {
		return t, err
	}
	return t, operates(env, call, collection, owner)
}

// operates fails unless the sender is an operator of the owner's.
func operates(env *contract.Env, call contract.Call, collection ledger.Digest, owner ledger.ID) error {
	ok, err := IsApprovedForAll(env, collection, owner, call.Sender)
	if err == nil && !ok {
		err = contract.Errorf(contract.CodeNotPermitted, "member %s is neither owner nor approved", call.Sender)
	}
	return err
}

// TransferFromFootprint returns what [TransferFromOwner] touches.
func TransferFromFootprint(call contract.Call, a *TransferFrom) (f contract.Footprint, err error) {
	if err := checkAccount("from", a.From); err != nil {
		return f, err
	}
	f.Reads = append(readsOf(a.Collection, a.From, a.To), OperatorRow(a.Collection, a.From, call.Sender))
	f.Writes = append(holding(a.From, a.Collection, a.TokenID), TokenRow(a.Collection, a.TokenID))
	f.Writes = append(f.Writes, holding(a.To, a.Collection, a.TokenID)...)
	return f, checkAccount("to", a.To)
}

// TransferFromOwner is the method transferFrom, for receivers too, which call as
// themselves.
func TransferFromOwner(env *contract.Env, call contract.Call, a *TransferFrom) error {
	if err := mayMove(env, call, a.Collection, a.From, a.To); err != nil {
		return err
	}
	t, err := authorised(env, call, a.Collection, a.From, a.TokenID)
	if err != nil {
		return err
	}
	t.Owner, t.Approved = a.To, ledger.ID{}
	if err := contract.Store(env, TokenRow(a.Collection, a.TokenID), t); err != nil {
		return err
	}
	if err := leave(env, a.From, a.Collection, a.TokenID); err != nil { // first, so that it may stay where it is
		return err
	}
	if err := take(env, a.To, a.Collection, a.TokenID); err != nil {
		return err
	}
	return env.Emit(EventTransfer, &Transferred{Collection: a.Collection, From: a.From, To: a.To, TokenID: a.TokenID})
}

func approveFootprint(call contract.Call, a *Approve) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{OperatorRow(a.Collection, a.Owner, call.Sender)},
		Writes: []contract.Key{TokenRow(a.Collection, a.TokenID)},
	}, checkAccount("owner", a.Owner)
}

func approve(env *contract.Env, call contract.Call, a *Approve) error {
	if err := asset.OwnKey(env, call); err != nil {
		return err
	}
	t, err := owned(env, a.Collection, a.Owner, a.TokenID)
	if err != nil {
		return err
	}
	if call.Sender != a.Owner { // who is approved for one token approves nobody else
		if err := operates(env, call, a.Collection, a.Owner); err != nil {
			return err
		}
	}
	t.Approved = a.Approved
	if err := contract.Store(env, TokenRow(a.Collection, a.TokenID), t); err != nil {
		return err
	}
	return env.Emit(EventApproval, &Approved{Collection: a.Collection, Owner: a.Owner, Approved: a.Approved, TokenID: a.TokenID})
}

func setApprovalForAllFootprint(call contract.Call, a *SetApprovalForAll) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{CollectionRow(a.Collection)},
		Writes: []contract.Key{OperatorRow(a.Collection, call.Sender, a.Operator)},
	}, checkAccount("operator", a.Operator)
}

func setApprovalForAll(env *contract.Env, call contract.Call, a *SetApprovalForAll) error {
	if err := asset.OwnKey(env, call); err != nil {
		return err
	}
	if err := exists(env, a.Collection); err != nil {
		return err
	}
	row := OperatorRow(a.Collection, call.Sender, a.Operator)
	_, was, err := env.Get(row)
	switch {
	case err != nil:
		return err
	case a.Approved:
		err = contract.Store(env, row, true)
	case was:
		err = env.Delete(row)
	}
	if err != nil {
		return err
	}
	return env.Emit(EventApprovalForAll, &ApprovedForAll{Collection: a.Collection, Owner: call.Sender, Operator: a.Operator, Approved: a.Approved})
}
