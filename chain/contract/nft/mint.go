package nft

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// Mint is the arguments of the method mint.
type Mint struct {
	Collection ledger.Digest `cbor:"collection"`
	To         ledger.ID     `cbor:"to"`
	TokenID    ledger.Amount `cbor:"token_id"`   // of the minter's choice
	Digest     ledger.Digest `cbor:"digest"`     // of the object, as in [Object]
	MediaType  string        `cbor:"media_type"` // of the object
	URI        string        `cbor:"uri"`        // of the object, may be empty
}

func (a *Mint) object() Object { return Object{Digest: a.Digest, MediaType: a.MediaType, URI: a.URI} }

// SafeMint is the arguments of the method safeMint.
type SafeMint struct {
	Mint

	Data []byte `cbor:"data"` // for the receiver's handler
}

// Burn is the arguments of the method burn.
type Burn struct {
	Collection ledger.Digest `cbor:"collection"`
	From       ledger.ID     `cbor:"from"` // its owner
	TokenID    ledger.Amount `cbor:"token_id"`
}

func checkAccount(what string, account ledger.ID) error {
	if account.IsZero() {
		return contract.Errorf(contract.CodeBadArguments, "%s: the zero account, which is nobody's", what)
	}
	return nil
}

// readsOf returns the rows by which [mayMove] judges.
func readsOf(collection ledger.Digest, accounts ...ledger.ID) []contract.Key {
	reads := []contract.Key{CollectionRow(collection), control.PausedRow(collection)}
	for _, a := range accounts {
		reads = append(reads, members.MemberRow(a))
	}
	return reads
}

// mayMove refuses what moves tokens of a collection that does not exist or is
// paused, and what touches accounts of members who may not act.
func mayMove(env *contract.Env, call contract.Call, collection ledger.Digest, accounts ...ledger.ID) error {
	if err := asset.OwnKey(env, call); err != nil {
		return err
	}
	if err := exists(env, collection); err != nil {
		return err
	}
	if err := control.Running(env, collection); err != nil {
		return err
	}
	for _, a := range accounts {
		if err := members.MayHold(env, a); err != nil {
			return err
		}
	}
	return nil
}

func exists(env *contract.Env, collection ledger.Digest) error {
	_, ok, err := env.Get(CollectionRow(collection))
	if err == nil && !ok {
		err = contract.Errorf(contract.CodeNotFound, "no collection %s", collection)
	}
	return err
}

func mintFootprint(call contract.Call, a *Mint) (f contract.Footprint, err error) {
	if err := checkAccount("to", a.To); err != nil {
		return f, err
	}
	f.Reads = append(readsOf(a.Collection, a.To), control.RoleRow(a.Collection, asset.Minter, call.Sender))
	f.Writes = append(holding(a.To, a.Collection, a.TokenID), TokenRow(a.Collection, a.TokenID), countRow(a.Collection, a.TokenID))
	object := a.object()
	return f, object.check()
}

// holding returns the rows that change where an account gets or loses a token.
func holding(owner ledger.ID, collection ledger.Digest, id ledger.Amount) []contract.Key {
	return []contract.Key{ownedRow(owner, collection, id), BalanceRow(collection, owner)}
}

func mint(env *contract.Env, call contract.Call, a *Mint) error {
	if err := mayMove(env, call, a.Collection, a.To); err != nil {
		return err
	}
	if err := control.Require(env, a.Collection, asset.Minter, call.Sender); err != nil {
		return err
	}
	row := TokenRow(a.Collection, a.TokenID)
	if _, minted, err := env.Get(row); err != nil || minted {
		if err == nil {
			err = contract.Errorf(contract.CodeExists, "token %s of collection %s exists", a.TokenID, a.Collection)
		}
		return err
	}
	if err := contract.Store(env, row, &Token{Owner: a.To, Minter: call.Sender, Minted: env.LogTime(), Object: a.object()}); err != nil {
		return err
	}
	if err := add(env, countRow(a.Collection, a.TokenID), true); err != nil {
		return err
	}
	if err := take(env, a.To, a.Collection, a.TokenID); err != nil {
		return err
	}
	return env.Emit(EventTransfer, &Transferred{Collection: a.Collection, To: a.To, TokenID: a.TokenID})
}

// take and leave keep index and count of an account that gets or loses a token.
func take(env *contract.Env, owner ledger.ID, collection ledger.Digest, id ledger.Amount) error {
	if err := contract.Store(env, ownedRow(owner, collection, id), true); err != nil {
		return err
	}
	return add(env, BalanceRow(collection, owner), true)
}

func leave(env *contract.Env, owner ledger.ID, collection ledger.Digest, id ledger.Amount) error {
	if err := env.Delete(ownedRow(owner, collection, id)); err != nil {
		return err
	}
	return add(env, BalanceRow(collection, owner), false)
}

func burnFootprint(call contract.Call, a *Burn) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  append(readsOf(a.Collection, a.From), OperatorRow(a.Collection, a.From, call.Sender)),
		Writes: append(holding(a.From, a.Collection, a.TokenID), TokenRow(a.Collection, a.TokenID), countRow(a.Collection, a.TokenID)),
	}, checkAccount("from", a.From)
}

func burn(env *contract.Env, call contract.Call, a *Burn) error {
	if err := mayMove(env, call, a.Collection, a.From); err != nil {
		return err
	}
	if _, err := authorised(env, call, a.Collection, a.From, a.TokenID); err != nil {
		return err
	}
	if err := env.Delete(TokenRow(a.Collection, a.TokenID)); err != nil {
		return err
	}
	if err := add(env, countRow(a.Collection, a.TokenID), false); err != nil {
		return err
	}
	if err := leave(env, a.From, a.Collection, a.TokenID); err != nil {
		return err
	}
	return env.Emit(EventTransfer, &Transferred{Collection: a.Collection, From: a.From, TokenID: a.TokenID})
}
