package identity

import (
	"bytes"
	"slices"

	"github.com/librum/librum/chain/contract"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// The methods of officers.
const (
	MethodEnrol    = "enrol"
	MethodFreeze   = "freeze"
	MethodUnfreeze = "unfreeze"
	MethodRevoke   = "revoke"
)

// The types of their events.
const (
	EventEnrolled = "identity.enrolled"
	EventFrozen   = "identity.frozen"
	EventUnfrozen = "identity.unfrozen"
	EventRevoked  = "identity.revoked"
)

// The bounds of an enrolment.
const (
	MaxEnrolKeys = 4
	MaxEvidence  = 16
)

// Enrol is the arguments of the method enrol.
type Enrol struct {
	Member   ledger.ID          `cbor:"member"`   // drawn at random: people stand on the ledger as pseudonyms
	Roles    []string           `cbor:"roles"`    // ascending, of [EnrolRoles]
	Keys     []ledger.PublicKey `cbor:"keys"`     // ascending, 1 to [MaxEnrolKeys]
	Proofs   []Proof            `cbor:"proofs"`   // of possession, one for each key
	Evidence []ledger.Digest    `cbor:"evidence"` // salted digests, 1 to [MaxEvidence]
	Expiry   int64              `cbor:"expiry"`   // log time in ms, 0 for none
}

// Enrolled is the data of its event.
type Enrolled struct {
	Member       ledger.ID       `cbor:"member"`
	Organisation ledger.ID       `cbor:"organisation"`
	Officer      ledger.ID       `cbor:"officer"`
	Roles        []string        `cbor:"roles"`
	Keys         []ledger.Digest `cbor:"keys"`
	Expiry       int64           `cbor:"expiry"`
}

// Change is the arguments of freeze, unfreeze and revoke.
type Change struct {
	Member ledger.ID `cbor:"member"`
}

// Changed is the data of their events.
type Changed struct {
	Member  ledger.ID `cbor:"member"`
	Officer ledger.ID `cbor:"officer"`
}

// EnrolRoles returns the roles that an officer may give, ascending. Officers
// and nodes are not among them: an organisation can't give itself more voice
// than the genesis and governance do.
func EnrolRoles() []string {
	return []string{keys.RoleAuditor, keys.RoleMember, keys.RoleOperator, keys.RolePeer}
}

func enrolFootprint(call contract.Call, a *Enrol) (contract.Footprint, error) {
	var f contract.Footprint
	switch {
	case a.Member.IsZero():
		return f, contract.Errorf(contract.CodeBadArguments, "member: zero, want 16 random bytes")
	case len(a.Roles) == 0:
		return f, contract.Errorf(contract.CodeBadArguments, "roles: none, want some of %v", EnrolRoles())
	case len(a.Keys) == 0 || len(a.Keys) > MaxEnrolKeys:
		return f, contract.Errorf(contract.CodeBadArguments, "keys: %d, want 1 to %d", len(a.Keys), MaxEnrolKeys)
	case len(a.Proofs) != len(a.Keys):
		return f, contract.Errorf(contract.CodeBadArguments, "proofs: %d, want one for each of %d keys", len(a.Proofs), len(a.Keys))
	case len(a.Evidence) == 0 || len(a.Evidence) > MaxEvidence:
		return f, contract.Errorf(contract.CodeBadArguments, "evidence: %d digests, want 1 to %d", len(a.Evidence), MaxEvidence)
	case a.Expiry < 0:
		return f, contract.Errorf(contract.CodeBadArguments, "expiry: %d, want a log time in ms, or 0 for none", a.Expiry)
	}
	for i, role := range a.Roles {
		if !slices.Contains(EnrolRoles(), role) || i > 0 && a.Roles[i-1] >= role {
			return f, contract.Errorf(contract.CodeBadArguments, "roles: number %d is %.20q, want some of %v, ascending", i, role, EnrolRoles())
		}
	}
	f.Reads = []contract.Key{MemberRow(call.Sender), ReservedRow(a.Member)}
	f.Writes = []contract.Key{MemberRow(a.Member)}
	for i, key := range a.Keys {
		if i > 0 && bytes.Compare(a.Keys[i-1][:], key[:]) >= 0 {
			return f, contract.Errorf(contract.CodeBadArguments, "keys: number %d does not ascend", i)
		}
		f.Writes = append(f.Writes, KeyRow(key.ID()))
	}
	return f, nil
}

func enrol(env *contract.Env, call contract.Call, a *Enrol) error {
	officer, err := Require(env, call.Sender, keys.RoleOfficer)
	if err != nil {
		return err
	}
	if a.Expiry != 0 && a.Expiry <= env.LogTime() {
		return contract.Errorf(contract.CodeBadArguments, "expiry: %d has passed, log time is %d", a.Expiry, env.LogTime())
	}
	if _, taken, err := env.Get(MemberRow(a.Member)); err != nil || taken {
		if err == nil {
			err = contract.Errorf(contract.CodeExists, "member %s is enrolled already", a.Member)
		}
		return err
	}
	if _, reserved, err := env.Get(ReservedRow(a.Member)); err != nil || reserved {
		if err == nil {
			err = contract.Errorf(contract.CodeExists, "id %s stands in a proposal; draw another one", a.Member)
		}
		return err
	}
	member := Member{
		Organisation: officer.Organisation, Roles: a.Roles, Status: keys.StatusActive,
		Expiry: a.Expiry, Officer: call.Sender, Evidence: a.Evidence,
	}
	event := Enrolled{Member: a.Member, Organisation: officer.Organisation, Officer: call.Sender, Roles: a.Roles, Expiry: a.Expiry}
	for i, key := range a.Keys {
		if err := claim(env, key, KeyOwner{Member: a.Member}); err != nil {
			return err
		}
		if err := Proven(call, officer.Organisation, a.Member, key, a.Proofs[i]); err != nil {
			return err
		}
		member.Keys = append(member.Keys, MemberKey{Key: key, From: env.LogTime()})
		event.Keys = append(event.Keys, key.ID())
	}
	if err := contract.Store(env, MemberRow(a.Member), &member); err != nil {
		return err
	}
	return env.Emit(EventEnrolled, &event)
}

func changeFootprint(call contract.Call, a *Change) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{MemberRow(call.Sender)},
		Writes: []contract.Key{MemberRow(a.Member)},
	}, nil
}

// change returns what gives a member a standing that follows one of those in
// from: revoked is the last.
func change(to keys.Status, event string, from ...keys.Status) func(*contract.Env, contract.Call, *Change) error {
	return func(env *contract.Env, call contract.Call, a *Change) error {
		member, err := ofOfficer(env, call.Sender, a.Member)
		if err != nil {
			return err
		}
		if !slices.Contains(from, member.Status) {
			return contract.Errorf(contract.CodeConflict, "member %s is %s, want %v", a.Member, member.Status, from)
		}
		member.Status = to
		if err := contract.Store(env, MemberRow(a.Member), member); err != nil {
			return err
		}
		return env.Emit(event, &Changed{Member: a.Member, Officer: call.Sender})
	}
}

// ofOfficer returns a member whom the sender may change: the sender is an
// officer, and the member one of its organisation who is neither officer nor
// node.
func ofOfficer(env *contract.Env, sender, id ledger.ID) (*Member, error) {
	officer, err := Require(env, sender, keys.RoleOfficer)
	if err != nil {
		return nil, err
	}
	member, err := load(env, id)
	switch {
	case err != nil:
		return nil, err
	case member.Organisation != officer.Organisation:
		return nil, contract.Errorf(contract.CodeNotPermitted, "member %s is of another organisation", id)
	case member.Has(keys.RoleOfficer) || member.Has(keys.RoleNode):
		return nil, contract.Errorf(contract.CodeNotPermitted, "member %s is an officer or a node, which only governance changes", id)
	}
	return member, nil
}
