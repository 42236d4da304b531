package identity

import (
	"fmt"
	"slices"

	"github.com/librum/librum/chain/contract"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Name is the contract's name.
const Name = "identity"

// CodeNotActive refuses a sender who is frozen, revoked, expired or suspended.
const CodeNotActive ledger.Code = "not_active"

// New returns the contract.
func New() contract.Contract {
	return contract.Contract{
		Name:    Name,
		Summary: "Members, their roles, standing and keys.",
		Methods: []contract.Method{
			contract.Handle(MethodEnrol, "An officer enrols a member of its organisation.", enrolFootprint, enrol),
			contract.Handle(MethodFreeze, "An officer takes a member's right to act, for now.", changeFootprint, change(keys.StatusFrozen, EventFrozen, keys.StatusActive)),
			contract.Handle(MethodUnfreeze, "An officer gives a frozen member its right back.", changeFootprint, change(keys.StatusActive, EventUnfrozen, keys.StatusFrozen)),
			contract.Handle(MethodRevoke, "An officer takes a member's right to act for ever.", changeFootprint, change(keys.StatusRevoked, EventRevoked, keys.StatusActive, keys.StatusFrozen)),
			contract.Handle(MethodRenew, "An officer sets when a member expires, later than before.", renewFootprint, renew),
			contract.Handle(MethodRotateKey, "A member replaces one of its keys.", rotateFootprint, rotate),
			contract.Handle(MethodAddDelegate, "A member lets a node sign for it with a key of the node's own.", addDelegateFootprint, addDelegate),
			contract.Handle(MethodRevokeDelegate, "A member takes a delegate key back.", revokeDelegateFootprint, revokeDelegate),
		},
		Genesis: genesis,
	}
}

// genesis writes the members of the genesis file, and each node of the group
// as a member with the role of a node.
func genesis(g *ledger.Genesis, env *contract.Env) error {
	write := func(id, organisation ledger.ID, roles []string, key ledger.PublicKey) error {
		if err := claimFirst(env, key, KeyOwner{Member: id}); err != nil {
			return err
		}
		return contract.Store(env, MemberRow(id), &Member{
			Organisation: organisation, Roles: roles, Status: keys.StatusActive,
			Keys: []MemberKey{{Key: key, From: g.Time}},
		})
	}
	for _, m := range g.Members {
		if err := write(m.ID, m.Organisation, m.Roles, m.Key); err != nil {
			return err
		}
	}
	for _, n := range g.Group.Nodes {
		if err := write(n.Node, n.Organisation, []string{keys.RoleNode}, n.Key); err != nil {
			return err
		}
	}
	for _, d := range g.Delegates {
		if err := claimFirst(env, d.Key, KeyOwner{Member: d.Member, Delegate: true}); err != nil {
			return err
		}
		row := Delegate{Node: d.Node, Key: d.Key, Methods: d.Methods, Expiry: d.Expiry}
		if err := contract.Store(env, DelegateRow(d.Member, d.Key.ID()), &row); err != nil {
			return err
		}
	}
	return nil
}

// claimFirst makes a key of the genesis its owner's. A weak key or one of two
// owners makes the file unusable, which is no result of a transaction.
func claimFirst(env *contract.Env, key ledger.PublicKey, owner KeyOwner) error {
	if err := keys.CheckEnrolment(key); err != nil {
		return err
	}
	row := KeyRow(key.ID())
	if _, taken, err := env.Get(row); err != nil || taken {
		if err == nil {
			err = fmt.Errorf("key %s of member %s is listed twice", key.ID().Short(), owner.Member)
		}
		return err
	}
	return contract.Store(env, row, &owner)
}

// Signer is who signs a transaction.
type Signer struct {
	Key          ledger.PublicKey
	Organisation ledger.ID // of the sender
	Delegated    bool      // a node holds the key for the sender
	Node         ledger.ID // that node, whose own standing is not looked at
}

// Authority returns the key under which a transaction of sender with that key
// id must be signed. It fails with a [contract.Error] where the sender may not
// act, or not by this method.
func Authority(state contract.State, sender ledger.ID, key ledger.Digest, method string, logTime int64) (Signer, error) {
	return (*Decoded)(nil).Authority(state, sender, key, method, logTime)
}

// Authority is the function of that name, with members decoded once.
func (d *Decoded) Authority(state contract.State, sender ledger.ID, key ledger.Digest, method string, logTime int64) (Signer, error) {
	member, err := d.member(state, sender)
	if err == nil {
		err = member.mayAct(sender, logTime)
	}
	if err != nil {
		return Signer{}, err
	}
	if public, ok := member.KeyAt(key, logTime); ok {
		return Signer{Key: public, Organisation: member.Organisation}, nil
	}
	delegate, err := DelegateAt(state, sender, key, logTime)
	if err != nil {
		return Signer{}, err
	}
	if !slices.Contains(delegate.Methods, method) {
		return Signer{}, contract.Errorf(contract.CodeNotPermitted, "delegate key %s may not sign %s", key.Short(), method)
	}
	return Signer{Key: delegate.Key, Organisation: member.Organisation, Delegated: true, Node: delegate.Node}, nil
}

// ActiveAt returns a member who may act at log time.
func ActiveAt(state contract.State, id ledger.ID, logTime int64) (*Member, error) {
	member, err := (*Decoded)(nil).member(state, id)
	if err != nil {
		return nil, err
	}
	return member, member.mayAct(id, logTime)
}

// DelegateAt returns what a member allowed a delegate key that holds at log
// time. The member's own standing is not looked at.
func DelegateAt(state contract.State, member ledger.ID, key ledger.Digest, logTime int64) (*Delegate, error) {
	delegate, ok, err := contract.LoadFrom[Delegate](state, DelegateRow(member, key))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, contract.Errorf(contract.CodeUnknownKey, "key %s is not member %s's at this log time", key.Short(), member)
	case logTime > delegate.Expiry:
		return nil, contract.Errorf(contract.CodeUnknownKey, "delegate key %s has expired", key.Short())
	}
	return delegate, nil
}

// Require returns the member if it may act and has the role. The caller's
// footprint must read [MemberRow].
func Require(env *contract.Env, id ledger.ID, role string) (*Member, error) {
	return RequireAt(env, id, role, env.LogTime())
}

// RequireAt is [Require] for whoever looks at a state from outside.
func RequireAt(state contract.State, id ledger.ID, role string, logTime int64) (*Member, error) {
	member, err := ActiveAt(state, id, logTime)
	if err != nil {
		return nil, err
	}
	if !member.Has(role) {
		return nil, contract.Errorf(contract.CodeNotPermitted, "member %s lacks the role %s", id, role)
	}
	return member, nil
}

// MayHold fails with [CodeNotActive] where the account is a member's who may not
// act at log time. An account that is no member's yet passes. The caller's
// footprint must read [MemberRow].
func MayHold(env *contract.Env, account ledger.ID) error {
	member, ok, err := contract.Load[Member](env, MemberRow(account))
	if err != nil || !ok {
		return err
	}
	return member.mayAct(account, env.LogTime())
}
