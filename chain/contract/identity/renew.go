package identity

import (
	"github.com/librum/librum/chain/contract"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// MethodRenew extends a member's right to act.
const MethodRenew = "renew"

// EventRenewed is the type of its event.
const EventRenewed = "identity.renewed"

// Renew is the arguments of the method renew. It never brings an end forward,
// so that of two renewals the longer holds, in whichever order they come; to
// end a right early, there are freeze and revoke.
type Renew struct {
	Member ledger.ID `cbor:"member"`
	Expiry int64     `cbor:"expiry"` // log time in ms, later than the member's, if it has one
}

// Renewed is the data of its event.
type Renewed struct {
	Member  ledger.ID `cbor:"member"`
	Officer ledger.ID `cbor:"officer"`
	Expiry  int64     `cbor:"expiry"`
}

func renewFootprint(call contract.Call, a *Renew) (contract.Footprint, error) {
	return changeFootprint(call, &Change{Member: a.Member})
}

// renew also brings back a member who has expired. One who is frozen stays so.
func renew(env *contract.Env, call contract.Call, a *Renew) error {
	member, err := ofOfficer(env, call.Sender, a.Member)
	switch {
	case err != nil:
		return err
	case member.Status == keys.StatusRevoked:
		return contract.Errorf(contract.CodeConflict, "member %s is revoked, which is for ever", a.Member)
	case a.Expiry <= env.LogTime():
		return contract.Errorf(contract.CodeBadArguments, "expiry: %d has passed, log time is %d", a.Expiry, env.LogTime())
	case member.Expiry != 0 && a.Expiry <= member.Expiry:
		return contract.Errorf(contract.CodeConflict, "member %s expires at %d, want a later expiry than that", a.Member, member.Expiry)
	}
	member.Expiry = a.Expiry
	if err := contract.Store(env, MemberRow(a.Member), member); err != nil {
		return err
	}
	return env.Emit(EventRenewed, &Renewed{Member: a.Member, Officer: call.Sender, Expiry: a.Expiry})
}
