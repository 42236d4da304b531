package asset_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/ledger"
)

const control = asset.Control("things")

var (
	alice = ledger.ID{1}
	bob   = ledger.ID{2}
	thing = asset.ID(alice, []byte("thing"))
)

func newRows(t *testing.T) aplostest.Rows {
	t.Helper()
	rows := aplostest.Rows{}
	env := contract.NewEnv(rows, contract.Footprint{Writes: control.CreatorRows(thing, alice)}, 0)
	if err := control.Create(env, thing, alice); err != nil {
		t.Fatal(err)
	}
	rows.Apply(env.Writes())
	return rows
}

func call(t *testing.T, rows aplostest.Rows, by ledger.ID, method string, args any) (ledger.Code, []string) {
	t.Helper()
	b, err := ledger.Encode(args)
	if err != nil {
		t.Fatal(err)
	}
	set := contract.NewSet(contract.Contract{Name: string(control), Methods: control.Methods()})
	action, err := set.Bind(contract.Call{Sender: by, Contract: string(control), Method: method, Args: b})
	var env *contract.Env
	if err == nil {
		env = contract.NewEnv(rows, action.Footprint, 0)
		err = action.Run(env)
	}
	if refused, ok := errors.AsType[*contract.Error](err); ok {
		return refused.Code, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	rows.Apply(env.Writes())
	var kinds []string
	for _, e := range env.Events() {
		kinds = append(kinds, e.Type)
	}
	return ledger.CodeOK, kinds
}

// TestStory goes through roles and pause as OpenZeppelin's suites AccessControl
// and Pausable do: "granting", "revoking", "renouncing", "pausing", "unpausing".
func TestStory(t *testing.T) {
	t.Parallel()
	rows := newRows(t)
	role := func(name string, who ledger.ID) *asset.Role {
		return &asset.Role{Asset: thing, Role: name, Account: who}
	}
	pause := &asset.Pause{Asset: thing}
	for i, c := range []struct {
		by     ledger.ID
		method string
		args   any
		code   ledger.Code
		event  string
	}{
		{bob, asset.MethodGrantRole, role(asset.Minter, bob), contract.CodeNotPermitted, ""},
		{alice, asset.MethodGrantRole, role(asset.Pauser, bob), ledger.CodeOK, "things.role_granted"},
		{alice, asset.MethodGrantRole, role(asset.Pauser, bob), ledger.CodeOK, ""}, // held already
		{alice, asset.MethodGrantRole, role("king", bob), contract.CodeBadArguments, ""},
		{alice, asset.MethodGrantRole, role(asset.Minter, ledger.ID{}), contract.CodeBadArguments, ""},
		{alice, asset.MethodGrantRole, &asset.Role{Asset: ledger.Digest{1}, Role: asset.Minter, Account: alice}, contract.CodeNotPermitted, ""}, // another asset
		{alice, asset.MethodUnpause, pause, contract.CodeConflict, ""},
		{ledger.ID{3}, asset.MethodPause, pause, contract.CodeNotPermitted, ""},
		{bob, asset.MethodPause, pause, ledger.CodeOK, "things.paused"},
		{bob, asset.MethodPause, pause, asset.CodePaused, ""},
		{alice, asset.MethodUnpause, pause, ledger.CodeOK, "things.unpaused"},
		{bob, asset.MethodRevokeRole, role(asset.Admin, alice), contract.CodeNotPermitted, ""},
		{alice, asset.MethodRevokeRole, role(asset.Pauser, bob), ledger.CodeOK, "things.role_revoked"},
		{alice, asset.MethodRevokeRole, role(asset.Pauser, bob), ledger.CodeOK, ""}, // not held
		{bob, asset.MethodPause, pause, contract.CodeNotPermitted, ""},
		{bob, asset.MethodRenounceRole, &asset.Renounce{Asset: thing, Role: asset.Burner}, ledger.CodeOK, ""},
		{bob, asset.MethodRenounceRole, &asset.Renounce{Asset: thing, Role: "king"}, contract.CodeBadArguments, ""},
		{alice, asset.MethodRenounceRole, &asset.Renounce{Asset: thing, Role: asset.Admin}, ledger.CodeOK, "things.role_revoked"},
		{alice, asset.MethodGrantRole, role(asset.Admin, alice), contract.CodeNotPermitted, ""}, // nobody is admin ever again
	} {
		var want []string
		if c.event != "" {
			want = []string{c.event}
		}
		if code, events := call(t, rows, c.by, c.method, c.args); code != c.code || !slices.Equal(events, want) {
			t.Errorf("call %d, %s: %s %v, want %s %v", i, c.method, code, events, c.code, want)
		}
	}
	if held, err := control.Holds(rows, thing, alice); err != nil || !slices.Equal(held, []string{asset.Burner, asset.Minter, asset.Pauser}) {
		t.Errorf("alice holds %v, %v", held, err)
	}
}

// TestRolesDoNotMeet: no role and account make the row of another role.
func TestRolesDoNotMeet(t *testing.T) {
	t.Parallel()
	seen := map[contract.Key]bool{}
	for _, role := range asset.Roles() {
		for _, account := range []ledger.ID{alice, bob} {
			row := control.RoleRow(thing, role, account)
			if seen[row] {
				t.Errorf("row %q stands for two", row)
			}
			seen[row] = true
		}
	}
}
