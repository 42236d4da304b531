package identity

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// The methods about delegate keys.
const (
	MethodAddDelegate    = "addDelegate"
	MethodRevokeDelegate = "revokeDelegate"
)

// The types of their events.
const (
	EventDelegated       = "identity.delegated"
	EventDelegateRevoked = "identity.delegate_revoked"
)

// MaxDelegation is how far ahead a delegate key's expiry may lie, ms.
const MaxDelegation = int64(366 * 24 * 3600 * 1_000)

// methodSpend is the one method that a delegate key may spend by. It goes with a
// limit above zero, and a limit with it.
const methodSpend = "token.transfer"

// DelegableMethods returns what a delegate key may be allowed to sign,
// ascending. A node holds that key, so the list leaves out whatever speaks for
// a peer's data, an attester or an officer: an update, an attestation, an
// enrolment need the member's own key. A transfer needs a spending limit.
func DelegableMethods() []string { return []string{"fl.CancelJob", "fl.CreateJob", methodSpend} }

// AddDelegate is the arguments of the method addDelegate.
type AddDelegate struct {
	Node    ledger.ID        `cbor:"node"`
	Key     ledger.PublicKey `cbor:"key"`     // the node's own, made for this member
	Proof   Proof            `cbor:"proof"`   // of possession of the key, which the node gives
	Methods []string         `cbor:"methods"` // ascending, of [DelegableMethods]
	Expiry  int64            `cbor:"expiry"`  // log time in ms
	// Spend is what the key may transfer in all, in units of the native token;
	// missing, it may transfer nothing. Adding a key again gives it a fresh limit.
	Spend *ledger.Amount `cbor:"spend,omitempty"`
}

// Delegated is the data of its event.
type Delegated struct {
	Member  ledger.ID     `cbor:"member"`
	Node    ledger.ID     `cbor:"node"`
	Key     ledger.Digest `cbor:"key"`
	Methods []string      `cbor:"methods"`
	Expiry  int64         `cbor:"expiry"`

	Spend *ledger.Amount `cbor:"spend,omitempty"`
}

// RevokeDelegate is the arguments of the method revokeDelegate.
type RevokeDelegate struct {
	Key ledger.Digest `cbor:"key"` // id of the delegate key
}

// DelegateRevoked is the data of its event.
type DelegateRevoked struct {
	Member ledger.ID     `cbor:"member"`
	Key    ledger.Digest `cbor:"key"`
}

func addDelegateFootprint(call contract.Call, a *AddDelegate) (contract.Footprint, error) {
	if len(a.Methods) == 0 {
		return contract.Footprint{}, contract.Errorf(contract.CodeBadArguments, "methods: none, want some of %v", DelegableMethods())
	}
	for i, method := range a.Methods {
		if !slices.Contains(DelegableMethods(), method) || i > 0 && a.Methods[i-1] >= method {
			return contract.Footprint{}, contract.Errorf(contract.CodeBadArguments,
				"methods: number %d is %.40q, want some of %v, ascending", i, method, DelegableMethods())
		}
	}
	if (a.Spend != nil) != slices.Contains(a.Methods, methodSpend) || a.Spend != nil && a.Spend.IsZero() {
		return contract.Footprint{}, contract.Errorf(contract.CodeBadArguments, "spend: want an amount above zero beside the method %s, and none without it", methodSpend)
	}
	key := a.Key.ID()
	return contract.Footprint{
		Reads:  []contract.Key{MemberRow(a.Node), MemberRow(call.Sender)},
		Writes: []contract.Key{DelegateRow(call.Sender, key), KeyRow(key), contract.AllowanceRow(call.Sender, key)},
	}, nil
}

func addDelegate(env *contract.Env, call contract.Call, a *AddDelegate) error {
	now := env.LogTime()
	if a.Expiry <= now || a.Expiry-now > MaxDelegation {
		return contract.Errorf(contract.CodeBadArguments, "expiry: %d, want a log time after %d, at most %d ms ahead", a.Expiry, now, MaxDelegation)
	}
	node, err := load(env, a.Node)
	if err != nil {
		return err
	}
	if err := node.mayAct(a.Node, now); err != nil {
		return err
	}
	if !node.Has(keys.RoleNode) {
		return contract.Errorf(contract.CodeBadArguments, "node: %s is none", a.Node)
	}
	if err := claim(env, a.Key, KeyOwner{Member: call.Sender, Delegate: true}); err != nil {
		return err
	}
	member, err := load(env, call.Sender)
	if err != nil {
		return err
	}
	if err := Proven(call, member.Organisation, call.Sender, a.Key, a.Proof); err != nil {
		return err
	}
	row := Delegate{Node: a.Node, Key: a.Key, Methods: a.Methods, Expiry: a.Expiry}
	if err := contract.Store(env, DelegateRow(call.Sender, a.Key.ID()), &row); err != nil {
		return err
	}
	if err := allow(env, call.Sender, a.Key.ID(), a.Spend); err != nil {
		return err
	}
	return env.Emit(EventDelegated, &Delegated{
		Member: call.Sender, Node: a.Node, Key: a.Key.ID(), Methods: a.Methods, Expiry: a.Expiry, Spend: a.Spend,
	})
}

// allow gives a delegate key its limit, or takes one that it had.
func allow(env *contract.Env, member ledger.ID, key ledger.Digest, limit *ledger.Amount) error {
	row := contract.AllowanceRow(member, key)
	if limit != nil {
		return contract.Store(env, row, &contract.Allowance{Limit: *limit})
	}
	if _, had, err := env.Get(row); err != nil || !had {
		return err
	}
	return env.Delete(row)
}

func revokeDelegateFootprint(call contract.Call, a *RevokeDelegate) (contract.Footprint, error) {
	return contract.Footprint{Writes: []contract.Key{DelegateRow(call.Sender, a.Key), contract.AllowanceRow(call.Sender, a.Key)}}, nil
}

func revokeDelegate(env *contract.Env, call contract.Call, a *RevokeDelegate) error {
	row := DelegateRow(call.Sender, a.Key)
	if _, ok, err := env.Get(row); err != nil || !ok {
		if err == nil {
			err = contract.Errorf(contract.CodeNotFound, "key %s is no delegate key of member %s", a.Key.Short(), call.Sender)
		}
		return err
	}
	if err := env.Delete(row); err != nil {
		return err
	}
	if err := allow(env, call.Sender, a.Key, nil); err != nil {
		return err
	}
	return env.Emit(EventDelegateRevoked, &DelegateRevoked{Member: call.Sender, Key: a.Key})
}
