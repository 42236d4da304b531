package identity

import (
	"github.com/librum/librum/chain/contract"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// What no officer may do: make, replace and dismiss officers and nodes. The
// contract governance does it once organisations have agreed; what it changes
// stands in the rows of this contract, so that a member stands in one place.

// Governed returns the rows that the functions below touch: those of members,
// and of keys that become theirs.
func Governed(members []ledger.ID, owned ...ledger.PublicKey) []contract.Key {
	rows := make([]contract.Key, 0, len(members)+len(owned))
	for _, id := range members {
		rows = append(rows, MemberRow(id))
	}
	for _, key := range owned {
		rows = append(rows, KeyRow(key.ID()))
	}
	return rows
}

// ReservedRow returns the key of the row that keeps an id for the officer or node
// that a proposal wants. It stays: ids are drawn at random, there is no lack.
func ReservedRow(id ledger.ID) contract.Key {
	return contract.Key(Name + "/reserved/" + string(id[:]))
}

// Reserve keeps an id that is no member's yet from officers, who could else enrol
// it while organisations make up their minds, and so stop any proposal alone.
func Reserve(env *contract.Env, id ledger.ID, proposal ledger.Digest) error {
	if _, taken, err := env.Get(MemberRow(id)); err != nil || taken {
		return err
	}
	return contract.Store(env, ReservedRow(id), proposal)
}

// Admit makes a member with one role and one key. An id that was ever a
// member's is refused.
func Admit(env *contract.Env, id, organisation ledger.ID, role string, key ledger.PublicKey) error {
	if id.IsZero() {
		return contract.Errorf(contract.CodeBadArguments, "member: the id must not be zero")
	}
	if _, taken, err := env.Get(MemberRow(id)); err != nil || taken {
		if err == nil {
			err = contract.Errorf(contract.CodeExists, "member %s exists, or did; draw a new id", id)
		}
		return err
	}
	if err := claim(env, key, KeyOwner{Member: id}); err != nil {
		return err
	}
	return contract.Store(env, MemberRow(id), &Member{
		Organisation: organisation, Roles: []string{role}, Status: keys.StatusActive,
		Keys: []MemberKey{{Key: key, From: env.LogTime()}},
	})
}

// Dismiss revokes a member of the organisation who has the role.
func Dismiss(env *contract.Env, id, organisation ledger.ID, role string) error {
	member, err := governed(env, id, organisation, role)
	if err != nil {
		return err
	}
	member.Status = keys.StatusRevoked
	return contract.Store(env, MemberRow(id), member)
}

// Rekey gives a member who has the role another key, in place of all it had.
func Rekey(env *contract.Env, id, organisation ledger.ID, role string, key ledger.PublicKey) error {
	member, err := governed(env, id, organisation, role)
	if err != nil {
		return err
	}
	if err := claim(env, key, KeyOwner{Member: id}); err != nil {
		return err
	}
	// Blocks hold what the old keys signed, the keys' own rows whose they were.
	member.Keys = []MemberKey{{Key: key, From: env.LogTime()}}
	return contract.Store(env, MemberRow(id), member)
}

// governed returns a member of the organisation who has the role and was not
// revoked.
func governed(env *contract.Env, id, organisation ledger.ID, role string) (*Member, error) {
	member, err := load(env, id)
	switch {
	case err != nil:
		return nil, err
	case member.Organisation != organisation:
		return nil, contract.Errorf(contract.CodeConflict, "member %s is of another organisation", id)
	case !member.Has(role):
		return nil, contract.Errorf(contract.CodeConflict, "member %s lacks the role %s", id, role)
	case member.Status == keys.StatusRevoked:
		return nil, contract.Errorf(contract.CodeConflict, "member %s is revoked", id)
	}
	return member, nil
}
