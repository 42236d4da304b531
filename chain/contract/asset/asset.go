package asset

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// CodePaused refuses what a paused asset does not allow.
const CodePaused ledger.Code = "paused"

// The roles of an asset. Its creator holds all of them at first.
const (
	Admin  = "admin"  // gives and takes roles
	Minter = "minter" // mints
	Burner = "burner" // burns what it holds or is allowed to
	Pauser = "pauser" // pauses and unpauses
)

// The bounds of what describes an asset, bytes.
const (
	MaxKeyBytes    = 128
	MaxNameBytes   = 64
	MaxSymbolBytes = 16
)

// Roles returns all roles, ascending.
func Roles() []string { return []string{Admin, Burner, Minter, Pauser} }

// ID returns the id of the asset that creator makes with key:
// SHA-256(creator, key).
func ID(creator ledger.ID, key []byte) ledger.Digest {
	return ledger.Hash(append(creator[:], key...))
}

// CheckKey refuses a key that no asset is made with.
func CheckKey(key []byte) error {
	if len(key) == 0 || len(key) > MaxKeyBytes {
		return contract.Errorf(contract.CodeBadArguments, "key: %d bytes, want 1 to %d", len(key), MaxKeyBytes)
	}
	return nil
}

// CheckNames refuses names that people could not tell apart on a screen:
// printable ASCII alone, and a symbol without spaces.
func CheckNames(name, symbol string) error {
	if !printable(name, ' ', MaxNameBytes) || name[0] == ' ' || name[len(name)-1] == ' ' {
		return contract.Errorf(contract.CodeBadArguments, "name: want 1 to %d characters of printable ASCII, no space at either end", MaxNameBytes)
	}
	if !printable(symbol, '!', MaxSymbolBytes) {
		return contract.Errorf(contract.CodeBadArguments, "symbol: want 1 to %d characters of printable ASCII without spaces", MaxSymbolBytes)
	}
	return nil
}

func printable(s string, from byte, most int) bool {
	for i := range len(s) {
		if s[i] < from || s[i] > '~' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= most
}

// OwnKey refuses a delegate key: what it may spend is bounded in the native token
// alone, and an allowance or a role would outlive that bound.
func OwnKey(env *contract.Env, call contract.Call) error {
	if env.Delegated() {
		return contract.Errorf(contract.CodeNotPermitted, "%s.%s needs the member's own key, not a delegate's", call.Contract, call.Method)
	}
	return nil
}

// Control is the roles and the pause of the assets of one contract, by its name.
type Control string

// RoleRow returns the key of the row that stands while the account holds the role.
func (c Control) RoleRow(id ledger.Digest, role string, account ledger.ID) contract.Key {
	return contract.Key(string(c) + "/role/" + string(id[:]) + role + "/" + string(account[:]))
}

// PausedRow returns the key of the row that stands while the asset is paused.
func (c Control) PausedRow(id ledger.Digest) contract.Key {
	return contract.Key(string(c) + "/paused/" + string(id[:]))
}

// CreatorRows returns the rows that [Control.Create] writes.
func (c Control) CreatorRows(id ledger.Digest, creator ledger.ID) []contract.Key {
	rows := make([]contract.Key, 0, len(Roles()))
	for _, role := range Roles() {
		rows = append(rows, c.RoleRow(id, role, creator))
	}
	return rows
}

// Create gives the creator all roles.
func (c Control) Create(env *contract.Env, id ledger.Digest, creator ledger.ID) error {
	for _, role := range Roles() {
		if err := c.give(env, id, role, creator, creator); err != nil {
			return err
		}
	}
	return nil
}

// Require fails unless the account holds the role.
func (c Control) Require(env *contract.Env, id ledger.Digest, role string, account ledger.ID) error {
	_, ok, err := env.Get(c.RoleRow(id, role, account))
	if err == nil && !ok {
		err = contract.Errorf(contract.CodeNotPermitted, "member %s lacks the role %s of %s", account, role, id)
	}
	return err
}

// Running fails with [CodePaused] while the asset is paused.
func (c Control) Running(env *contract.Env, id ledger.Digest) error {
	_, paused, err := env.Get(c.PausedRow(id))
	if err == nil && paused {
		err = contract.Errorf(CodePaused, "%s is paused", id)
	}
	return err
}

// Paused reports whether the asset is.
func (c Control) Paused(state contract.State, id ledger.Digest) (bool, error) {
	_, paused, err := state.Get(c.PausedRow(id))
	return paused, err
}

// Holds returns the roles that the account holds, ascending.
func (c Control) Holds(state contract.State, id ledger.Digest, account ledger.ID) ([]string, error) {
	held := []string{}
	for _, role := range Roles() {
		_, ok, err := state.Get(c.RoleRow(id, role, account))
		if err != nil {
			return nil, err
		}
		if ok {
			held = append(held, role)
		}
	}
	return held, nil
}

func checkRole(role string) error {
	if !slices.Contains(Roles(), role) {
		return contract.Errorf(contract.CodeBadArguments, "role: %.40q, want one of %v", role, Roles())
	}
	return nil
}
