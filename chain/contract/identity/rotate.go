package identity

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// MethodRotateKey replaces a key.
const MethodRotateKey = "rotateKey"

// EventKeyRotated is the type of its event.
const EventKeyRotated = "identity.key_rotated"

// The bounds of a rotation.
const (
	MaxMemberKeys = 8                             // of a member, ended ones not counted
	MaxOverlap    = int64(30 * 24 * 3600 * 1_000) // how long an old key may live on, ms
)

// RotateKey is the arguments of the method rotateKey. While both keys are
// valid, work goes on under either: no request fails because of a rotation.
type RotateKey struct {
	Old   ledger.Digest    `cbor:"old"`   // id of the key to end, one without an end yet
	Key   ledger.PublicKey `cbor:"key"`   // the new one
	Proof Proof            `cbor:"proof"` // of possession of the new one
	From  int64            `cbor:"from"`  // log time in ms from which the new one counts, 0 for now
	Until int64            `cbor:"until"` // log time in ms from which the old one does not, 0 for From; not before it
}

// KeyRotated is the data of its event.
type KeyRotated struct {
	Member ledger.ID     `cbor:"member"`
	Old    ledger.Digest `cbor:"old"`
	New    ledger.Digest `cbor:"new"`
	From   int64         `cbor:"from"`
	Until  int64         `cbor:"until"`
}

func rotateFootprint(call contract.Call, a *RotateKey) (contract.Footprint, error) {
	if a.From < 0 || a.Until < 0 {
		return contract.Footprint{}, contract.Errorf(contract.CodeBadArguments, "from and until: %d and %d, want log times in ms", a.From, a.Until)
	}
	return contract.Footprint{Writes: []contract.Key{MemberRow(call.Sender), KeyRow(a.Key.ID())}}, nil
}

func rotate(env *contract.Env, call contract.Call, a *RotateKey) error {
	now := env.LogTime()
	from := max(a.From, now)
	until := a.Until
	if until == 0 {
		until = from
	}
	if until < from || until > now+MaxOverlap {
		return contract.Errorf(contract.CodeBadArguments,
			"until: %d, want %d, from which the new key counts, to %d", until, from, now+MaxOverlap)
	}
	member, err := load(env, call.Sender)
	if err != nil {
		return err
	}
	if member.Has(keys.RoleNode) {
		return contract.Errorf(contract.CodeNotPermitted, "a node's key signs headers and records too; only governance changes it")
	}
	old := slices.IndexFunc(member.Keys, func(k MemberKey) bool { return k.Key.ID() == a.Old })
	if old < 0 {
		return contract.Errorf(contract.CodeNotFound, "key %s is none of member %s's", a.Old.Short(), call.Sender)
	}
	if member.Keys[old].Until != 0 {
		return contract.Errorf(contract.CodeConflict, "key %s ends at %d already", a.Old.Short(), member.Keys[old].Until)
	}
	if err := claim(env, a.Key, KeyOwner{Member: call.Sender}); err != nil {
		return err
	}
	if err := Proven(call, member.Organisation, call.Sender, a.Key, a.Proof); err != nil {
		return err
	}
	member.Keys[old].Until = until
	member.Keys = append(member.Keys, MemberKey{Key: a.Key, From: from})
	// Blocks hold what ended keys signed, the key's own row whose they were.
	member.Keys = slices.DeleteFunc(member.Keys, func(k MemberKey) bool { return k.Until != 0 && k.Until <= now })
	if len(member.Keys) > MaxMemberKeys {
		return contract.Errorf(contract.CodeConflict, "member %s would have more than %d keys; wait until an old one ends", call.Sender, MaxMemberKeys)
	}
	if err := contract.Store(env, MemberRow(call.Sender), member); err != nil {
		return err
	}
	return env.Emit(EventKeyRotated, &KeyRotated{Member: call.Sender, Old: a.Old, New: a.Key.ID(), From: from, Until: until})
}
