package contract

import (
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
)

// RegisterPeer is the arguments of the method of that name.
type RegisterPeer struct {
	Available bool `cbor:"available"`
}

func registerPeerFootprint(call contract.Call, _ *RegisterPeer) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender)},
		Writes: []contract.Key{PeerRow(call.Sender)},
	}, nil
}

func registerPeer(env *contract.Env, call contract.Call, a *RegisterPeer) error {
	m, err := members.Require(env, call.Sender, identity.RolePeer)
	if err != nil {
		return err
	}
	row := Peer{Organisation: m.Organisation, Available: a.Available, Since: env.LogTime()}
	if err := contract.Store(env, PeerRow(call.Sender), &row); err != nil {
		return err
	}
	return env.Emit(EventPeerRegistered, &PeerRegistered{Peer: call.Sender, Available: a.Available})
}
