package asset

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// The methods that every contract of assets has.
const (
	MethodGrantRole    = "grantRole"
	MethodRevokeRole   = "revokeRole"
	MethodRenounceRole = "renounceRole"
	MethodPause        = "pause"
	MethodUnpause      = "unpause"
)

// The types of their events, behind the contract's name.
const (
	EventRoleGranted = ".role_granted"
	EventRoleRevoked = ".role_revoked"
	EventPaused      = ".paused"
	EventUnpaused    = ".unpaused"
)

// Role is the arguments of grantRole and revokeRole.
type Role struct {
	Asset   ledger.Digest `cbor:"asset"`
	Role    string        `cbor:"role"`
	Account ledger.ID     `cbor:"account"`
}

// Renounce is the arguments of renounceRole.
type Renounce struct {
	Asset ledger.Digest `cbor:"asset"`
	Role  string        `cbor:"role"`
}

// Pause is the arguments of pause and unpause.
type Pause struct {
	Asset ledger.Digest `cbor:"asset"`
}

// RoleChanged is the data of the events of roles.
type RoleChanged struct {
	Asset   ledger.Digest `cbor:"asset"`
	Role    string        `cbor:"role"`
	Account ledger.ID     `cbor:"account"`
	By      ledger.ID     `cbor:"by"`
}

// PauseChanged is the data of the events of the pause.
type PauseChanged struct {
	Asset ledger.Digest `cbor:"asset"`
	By    ledger.ID     `cbor:"by"`
}

// Methods returns the methods over the assets of the contract.
func (c Control) Methods() []contract.Method {
	return []contract.Method{
		contract.Handle(MethodGrantRole, "An admin of an asset gives a role in it.", c.roleFootprint, c.grant),
		contract.Handle(MethodRevokeRole, "An admin of an asset takes a role in it.", c.roleFootprint, c.revoke),
		contract.Handle(MethodRenounceRole, "A member gives up a role in an asset.", c.renounceFootprint, c.renounce),
		contract.Handle(MethodPause, "A pauser of an asset stops what moves it.", c.pauseFootprint, c.pause),
		contract.Handle(MethodUnpause, "A pauser of an asset lets it move again.", c.pauseFootprint, c.unpause),
	}
}

func (c Control) roleFootprint(call contract.Call, a *Role) (contract.Footprint, error) {
	f := contract.Footprint{
		Reads:  []contract.Key{c.RoleRow(a.Asset, Admin, call.Sender)},
		Writes: []contract.Key{c.RoleRow(a.Asset, a.Role, a.Account)},
	}
	if a.Account.IsZero() {
		return f, contract.Errorf(contract.CodeBadArguments, "account: zero, want a member's id")
	}
	return f, checkRole(a.Role)
}

func (c Control) grant(env *contract.Env, call contract.Call, a *Role) error {
	if err := c.mayChange(env, call, a); err != nil {
		return err
	}
	return c.give(env, a.Asset, a.Role, a.Account, call.Sender)
}

func (c Control) revoke(env *contract.Env, call contract.Call, a *Role) error {
	if err := c.mayChange(env, call, a); err != nil {
		return err
	}
	return c.take(env, a.Asset, a.Role, a.Account, call.Sender)
}

func (c Control) mayChange(env *contract.Env, call contract.Call, a *Role) error {
	if err := OwnKey(env, call); err != nil {
		return err
	}
	return c.Require(env, a.Asset, Admin, call.Sender)
}

func (c Control) renounceFootprint(call contract.Call, a *Renounce) (contract.Footprint, error) {
	return contract.Footprint{Writes: []contract.Key{c.RoleRow(a.Asset, a.Role, call.Sender)}}, checkRole(a.Role)
}

func (c Control) renounce(env *contract.Env, call contract.Call, a *Renounce) error {
	if err := OwnKey(env, call); err != nil {
		return err
	}
	return c.take(env, a.Asset, a.Role, call.Sender, call.Sender)
}

// give and take say nothing where nothing changes.
func (c Control) give(env *contract.Env, id ledger.Digest, role string, account, by ledger.ID) error {
	row := c.RoleRow(id, role, account)
	if _, held, err := env.Get(row); err != nil || held {
		return err
	}
	if err := contract.Store(env, row, true); err != nil {
		return err
	}
	return env.Emit(string(c)+EventRoleGranted, &RoleChanged{Asset: id, Role: role, Account: account, By: by})
}

func (c Control) take(env *contract.Env, id ledger.Digest, role string, account, by ledger.ID) error {
	row := c.RoleRow(id, role, account)
	if _, held, err := env.Get(row); err != nil || !held {
		return err
	}
	if err := env.Delete(row); err != nil {
		return err
	}
	return env.Emit(string(c)+EventRoleRevoked, &RoleChanged{Asset: id, Role: role, Account: account, By: by})
}

func (c Control) pauseFootprint(call contract.Call, a *Pause) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{c.RoleRow(a.Asset, Pauser, call.Sender)},
		Writes: []contract.Key{c.PausedRow(a.Asset)},
	}, nil
}

func (c Control) mayPause(env *contract.Env, call contract.Call, a *Pause) (paused bool, err error) {
	if err := OwnKey(env, call); err != nil {
		return false, err
	}
	if err := c.Require(env, a.Asset, Pauser, call.Sender); err != nil {
		return false, err
	}
	return c.Paused(env, a.Asset)
}

func (c Control) pause(env *contract.Env, call contract.Call, a *Pause) error {
	paused, err := c.mayPause(env, call, a)
	if err != nil {
		return err
	}
	if paused {
		return contract.Errorf(CodePaused, "%s is paused already", a.Asset)
	}
	if err := contract.Store(env, c.PausedRow(a.Asset), true); err != nil {
		return err
	}
	return env.Emit(string(c)+EventPaused, &PauseChanged{Asset: a.Asset, By: call.Sender})
}

func (c Control) unpause(env *contract.Env, call contract.Call, a *Pause) error {
	paused, err := c.mayPause(env, call, a)
	if err != nil {
		return err
	}
	if !paused {
		return contract.Errorf(contract.CodeConflict, "%s is not paused", a.Asset)
	}
	if err := env.Delete(c.PausedRow(a.Asset)); err != nil {
		return err
	}
	return env.Emit(string(c)+EventUnpaused, &PauseChanged{Asset: a.Asset, By: call.Sender})
}
