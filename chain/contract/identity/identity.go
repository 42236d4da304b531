package identity

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Name is the contract's name.
const Name = "identity"

// CodeNotActive refuses a sender who is frozen or revoked.
const CodeNotActive ledger.Code = "not_active"

// Member is the row of a member.
type Member struct {
	_            struct{} `cbor:",toarray"`
	Organisation ledger.ID
	Roles        []string // ascending
	Status       keys.Status
	Keys         []MemberKey
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

// MemberRow returns the key of a member's row.
func MemberRow(id ledger.ID) contract.Key { return contract.Key(Name + "/member/" + string(id[:])) }

// DelegateRow returns the key of the row for a member's delegate key.
func DelegateRow(member ledger.ID, key ledger.Digest) contract.Key {
	return contract.Key(Name + "/delegate/" + string(member[:]) + string(key[:]))
}

// Prefix starts the key of every row of this contract.
const Prefix = Name + "/"

// New returns the contract.
func New() contract.Contract {
	return contract.Contract{
		Name:    Name,
		Summary: "Members, their roles, standing and keys.",
		Genesis: genesis,
	}
}

// genesis writes the members of the genesis file, and each node of the group
// as a member with the role of a node.
func genesis(g *ledger.Genesis, env *contract.Env) error {
	for _, m := range g.Members {
		if err := enrol(env, g.Time, m.ID, m.Organisation, m.Roles, m.Key); err != nil {
			return err
		}
	}
	for _, n := range g.Group.Nodes {
		if err := enrol(env, g.Time, n.Node, n.Organisation, []string{keys.RoleNode}, n.Key); err != nil {
			return err
		}
	}
	for _, d := range g.Delegates {
		if err := keys.CheckEnrolment(d.Key); err != nil {
			return err
		}
		row := Delegate{Node: d.Node, Key: d.Key, Methods: d.Methods, Expiry: d.Expiry}
		if err := contract.Store(env, DelegateRow(d.Member, d.Key.ID()), &row); err != nil {
			return err
		}
	}
	return nil
}

func enrol(env *contract.Env, from int64, id, organisation ledger.ID, roles []string, key ledger.PublicKey) error {
	if err := keys.CheckEnrolment(key); err != nil {
		return err
	}
	return contract.Store(env, MemberRow(id), &Member{
		Organisation: organisation,
		Roles:        roles,
		Status:       keys.StatusActive,
		Keys:         []MemberKey{{Key: key, From: from}},
	})
}

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

// Authority returns the key under which a transaction of sender with that key
// id must be signed. It fails with a [contract.Error] where the sender may not
// act, or not by this method.
func Authority(state contract.State, sender ledger.ID, key ledger.Digest, method string, logTime int64) (ledger.PublicKey, error) {
	var none ledger.PublicKey
	member, ok, err := contract.LoadFrom[Member](state, MemberRow(sender))
	if err != nil {
		return none, err
	}
	if !ok {
		return none, contract.Errorf(contract.CodeUnknownSender, "no member %s", sender)
	}
	if member.Status != keys.StatusActive {
		return none, contract.Errorf(CodeNotActive, "member %s is %s", sender, member.Status)
	}
	if public, ok := member.KeyAt(key, logTime); ok {
		return public, nil
	}
	delegate, ok, err := contract.LoadFrom[Delegate](state, DelegateRow(sender, key))
	if err != nil {
		return none, err
	}
	switch {
	case !ok:
		return none, contract.Errorf(contract.CodeUnknownKey, "key %s is not member %s's at this log time", key.Short(), sender)
	case logTime > delegate.Expiry:
		return none, contract.Errorf(contract.CodeUnknownKey, "delegate key %s has expired", key.Short())
	case !slices.Contains(delegate.Methods, method):
		return none, contract.Errorf(contract.CodeNotPermitted, "delegate key %s may not sign %s", key.Short(), method)
	}
	return delegate.Key, nil
}

// Require returns the member if it is active and has the role. The caller's
// footprint must read [MemberRow].
func Require(env *contract.Env, id ledger.ID, role string) (*Member, error) {
	member, ok, err := contract.Load[Member](env, MemberRow(id))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, contract.Errorf(contract.CodeUnknownSender, "no member %s", id)
	case member.Status != keys.StatusActive:
		return nil, contract.Errorf(CodeNotActive, "member %s is %s", id, member.Status)
	case !member.Has(role):
		return nil, contract.Errorf(contract.CodeNotPermitted, "member %s lacks the role %s", id, role)
	}
	return member, nil
}
