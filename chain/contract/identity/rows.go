package identity

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Prefix starts the key of every row of this contract.
const Prefix = Name + "/"

// MemberPrefix and DelegatePrefix start the keys of the rows that say who may
// sign.
const (
	MemberPrefix   = Prefix + "member/"
	DelegatePrefix = Prefix + "delegate/"
)

// Member is the row of a member.
type Member struct {
	_            struct{} `cbor:",toarray"`
	Organisation ledger.ID
	Roles        []string // ascending
	Status       keys.Status
	Keys         []MemberKey
	Expiry       int64           // log time in ms after which it may not act, 0 for none
	Officer      ledger.ID       // who enrolled it, zero for members of the genesis
	Evidence     []ledger.Digest // salted digests of what the officer saw
}

// MemberKey is a key of a member with its validity in log time.
type MemberKey struct {
	_     struct{} `cbor:",toarray"`
	Key   ledger.PublicKey
	From  int64 // ms
	Until int64 // ms, 0 while it has no end
}

// Delegate is the row of a key that a node holds for a member.
type Delegate struct {
	_       struct{} `cbor:",toarray"`
	Node    ledger.ID
	Key     ledger.PublicKey
	Methods []string // "contract.method", ascending
	Expiry  int64    // log time in ms
}

// KeyOwner is the row that says whose a key is. It is never deleted: a key
// that was once a member's can't become another's.
type KeyOwner struct {
	_        struct{} `cbor:",toarray"`
	Member   ledger.ID
	Delegate bool // held by a node for the member
}

// MemberRow returns the key of a member's row.
func MemberRow(id ledger.ID) contract.Key { return contract.Key(MemberPrefix + string(id[:])) }

// DelegateRow returns the key of the row for a member's delegate key.
func DelegateRow(member ledger.ID, key ledger.Digest) contract.Key {
	return contract.Key(DelegatePrefix + string(member[:]) + string(key[:]))
}

// KeyRow returns the key of the row that says whose a key is.
func KeyRow(key ledger.Digest) contract.Key { return contract.Key(Name + "/key/" + string(key[:])) }

// Has reports whether the member has the role.
func (m *Member) Has(role string) bool { return slices.Contains(m.Roles, role) }

// KeyAt returns the member's key with that id if it is valid at log time.
func (m *Member) KeyAt(id ledger.Digest, logTime int64) (ledger.PublicKey, bool) {
	for _, k := range m.Keys {
		if k.Key.ID() == id && logTime >= k.From && (k.Until == 0 || logTime < k.Until) {
			return k.Key, true
		}
	}
	return ledger.PublicKey{}, false
}

// mayAct fails with [CodeNotActive] where the member may do nothing at log
// time.
func (m *Member) mayAct(id ledger.ID, logTime int64) error {
	switch {
	case m.Status != keys.StatusActive:
		return contract.Errorf(CodeNotActive, "member %s is %s", id, m.Status)
	case m.Expiry != 0 && logTime > m.Expiry:
		return contract.Errorf(CodeNotActive, "member %s expired at %d, log time is %d", id, m.Expiry, logTime)
	}
	return nil
}

// claim makes the key the member's, or fails where it is somebody's already.
// Only a delegate key may be claimed again, by the member whose it is.
func claim(env *contract.Env, key ledger.PublicKey, owner KeyOwner) error {
	if err := keys.CheckEnrolment(key); err != nil {
		return contract.Errorf(contract.CodeBadArguments, "%v", err)
	}
	row := KeyRow(key.ID())
	old, taken, err := contract.Load[KeyOwner](env, row)
	if err != nil {
		return err
	}
	if taken && (*old != owner || !owner.Delegate) {
		return contract.Errorf(contract.CodeExists, "key %s is in use or was; make a new one", key.ID().Short())
	}
	return contract.Store(env, row, &owner)
}

// Proof is a signature over a [ledger.Possession].
type Proof = [ledger.SignatureSize]byte

// Proven fails unless the holder of the key wants it to be the member's in that
// organisation: who sees a key in a transaction that is not ordered yet can't
// take it for a member of its own.
func Proven(call contract.Call, organisation, member ledger.ID, key ledger.PublicKey, proof Proof) error {
	p := ledger.Possession{
		Version: ledger.Version, Chain: call.Chain, Shard: call.Shard, Organisation: organisation, Member: member, Key: key,
	}
	if !p.Proven(keys.Verify, proof) {
		return contract.Errorf(contract.CodeBadSignature,
			"proof of key %s: not its signature over its possession by member %s of organisation %s", key.ID().Short(), member, organisation)
	}
	return nil
}

// load reads a member who must exist.
func load(env *contract.Env, id ledger.ID) (*Member, error) {
	m, ok, err := contract.Load[Member](env, MemberRow(id))
	if err == nil && !ok {
		err = contract.Errorf(contract.CodeNotFound, "no member %s", id)
	}
	return m, err
}
