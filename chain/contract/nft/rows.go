package nft

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// CollectionPrefix starts the keys of the rows of collections.
const CollectionPrefix contract.Key = Name + "/collection/"

// stripes is how many rows hold the count of a collection, so that few mints meet
// in one.
const stripes = 64

// Collection is the row of a collection.
type Collection struct {
	_       struct{} `cbor:",toarray"`
	Creator ledger.ID
	Created int64 // log time, ms
	Name    string
	Symbol  string
}

// Token is the row of a token.
type Token struct {
	_        struct{} `cbor:",toarray"`
	Owner    ledger.ID
	Approved ledger.ID // who else may move it, zero for nobody
	Minter   ledger.ID
	Minted   int64 // log time, ms
	Object   Object
}

// Object says what a token stands for, and where that is. It is the token URI of
// ERC-721, with a digest that cannot be exchanged behind it.
type Object struct {
	_         struct{}      `cbor:",toarray"`
	Digest    ledger.Digest // SHA-256 of its bytes
	MediaType string        // RFC 6838, say image/png
	URI       string        // where it is; empty: a blob of the nodes, under its digest
}

// CollectionRow returns the key of a collection's row.
func CollectionRow(id ledger.Digest) contract.Key { return CollectionPrefix + contract.Key(id[:]) }

// TokenPrefix starts the keys of the tokens of a collection, by id.
func TokenPrefix(collection ledger.Digest) contract.Key {
	return contract.Key(Name + "/token/" + string(collection[:]))
}

// TokenRow returns the key of a token's row. Keys sort as the ids do.
func TokenRow(collection ledger.Digest, id ledger.Amount) contract.Key {
	b := id.Bytes32()
	return TokenPrefix(collection) + contract.Key(b[:])
}

// OwnedPrefix starts the keys of the index rows of an owner: by collection, then
// by id, which follow in 32 bytes each.
func OwnedPrefix(owner ledger.ID) contract.Key {
	return contract.Key(Name + "/owned/" + string(owner[:]))
}

func ownedRow(owner ledger.ID, collection ledger.Digest, id ledger.Amount) contract.Key {
	b := id.Bytes32()
	return OwnedPrefix(owner) + contract.Key(collection[:]) + contract.Key(b[:])
}

// BalanceRow returns the key of how many tokens of a collection an owner has.
func BalanceRow(collection ledger.Digest, owner ledger.ID) contract.Key {
	return contract.Key(Name + "/balance/" + string(collection[:]) + string(owner[:]))
}

// OperatorRow returns the key of the row that stands while the operator may move
// all tokens of the owner in the collection.
func OperatorRow(collection ledger.Digest, owner, operator ledger.ID) contract.Key {
	return contract.Key(Name + "/operator/" + string(collection[:]) + string(owner[:]) + string(operator[:]))
}

func stripeRow(collection ledger.Digest, stripe byte) contract.Key {
	return contract.Key(Name + "/supply/" + string(collection[:]) + string([]byte{stripe}))
}

// countRow returns the row in which a token is counted: consecutive ids are
// counted in different ones.
func countRow(collection ledger.Digest, id ledger.Amount) contract.Key {
	b := id.Bytes32()
	return stripeRow(collection, b[31]%stripes)
}

// BalanceOf reads how many tokens of a collection an owner has.
func BalanceOf(state contract.State, collection ledger.Digest, owner ledger.ID) (uint64, error) {
	return count(state, BalanceRow(collection, owner))
}

// TotalSupply reads how many tokens a collection has.
func TotalSupply(state contract.State, collection ledger.Digest) (sum uint64, err error) {
	for i := range byte(stripes) {
		n, err := count(state, stripeRow(collection, i))
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// IsApprovedForAll reads whether the operator may move all tokens of the owner.
func IsApprovedForAll(state contract.State, collection ledger.Digest, owner, operator ledger.ID) (bool, error) {
	_, ok, err := state.Get(OperatorRow(collection, owner, operator))
	return ok, err
}

func count(state contract.State, row contract.Key) (uint64, error) {
	n, ok, err := contract.LoadFrom[uint64](state, row)
	if err != nil || !ok {
		return 0, err
	}
	return *n, nil
}

// add changes a count by one; a count of zero has no row.
func add(env *contract.Env, row contract.Key, up bool) error {
	n, err := count(env, row)
	switch {
	case err != nil:
		return err
	case up:
		return contract.Store(env, row, n+1)
	case n <= 1:
		return env.Delete(row)
	}
	return contract.Store(env, row, n-1)
}
