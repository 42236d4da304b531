package governance

import (
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// change is what a proposal does once its height has come.
type change interface {
	// check refuses what no state could make right.
	check() error
	// claim returns the key that becomes a member's, nil where none does.
	claim() *claim
	// rows names what apply touches: a pure function of the action.
	rows() []contract.Key
	// apply makes the change, between two blocks; first is the height of the second.
	apply(env *contract.Env, first uint64) error
}

// claim is a key that is to be a member's, with the proof that whoever holds it
// wants that: a key seen in a transaction that is not ordered yet can't be taken
// for another.
type claim struct {
	organisation, member ledger.ID
	key                  ledger.PublicKey
	proof                members.Proof
}

// Action is one change: exactly one field is set. The table of actions is
// closed; another one is another protocol version.
type Action struct {
	AddOrganisation    *AddOrganisation    `cbor:"add_organisation,omitempty"`
	RemoveOrganisation *RemoveOrganisation `cbor:"remove_organisation,omitempty"`
	ReplaceOfficer     *ReplaceOfficer     `cbor:"replace_officer,omitempty"`
	AddNode            *AddNode            `cbor:"add_node,omitempty"`
	RemoveNode         *RemoveNode         `cbor:"remove_node,omitempty"`
	RotateNodeKey      *RotateNodeKey      `cbor:"rotate_node_key,omitempty"`
	LiftSuspension     *LiftSuspension     `cbor:"lift_suspension,omitempty"`
	AddCA              *AddCA              `cbor:"add_ca,omitempty"`
	RemoveCA           *RemoveCA           `cbor:"remove_ca,omitempty"`
	SetLimits          *SetLimits          `cbor:"set_limits,omitempty"`
	SetProtocol        *SetProtocol        `cbor:"set_protocol,omitempty"`
}

// named is a field of an action under the name it has on the ledger.
type named struct {
	name   string
	change change
}

// changes lists what is set.
func (a *Action) changes() []named {
	var set []named
	add := func(is bool, name string, c change) {
		if is {
			set = append(set, named{name, c})
		}
	}
	add(a.AddOrganisation != nil, "add_organisation", a.AddOrganisation)
	add(a.RemoveOrganisation != nil, "remove_organisation", a.RemoveOrganisation)
	add(a.ReplaceOfficer != nil, "replace_officer", a.ReplaceOfficer)
	add(a.AddNode != nil, "add_node", a.AddNode)
	add(a.RemoveNode != nil, "remove_node", a.RemoveNode)
	add(a.RotateNodeKey != nil, "rotate_node_key", a.RotateNodeKey)
	add(a.LiftSuspension != nil, "lift_suspension", a.LiftSuspension)
	add(a.AddCA != nil, "add_ca", a.AddCA)
	add(a.RemoveCA != nil, "remove_ca", a.RemoveCA)
	add(a.SetLimits != nil, "set_limits", a.SetLimits)
	add(a.SetProtocol != nil, "set_protocol", a.SetProtocol)
	return set
}

// change returns the one change that an action is, or refuses it.
func (a *Action) change() (named, error) {
	set := a.changes()
	if len(set) != 1 {
		return named{}, contract.Errorf(contract.CodeBadArguments, "action: %d changes, want one", len(set))
	}
	return set[0], set[0].change.check()
}

// Name returns the name of the action's change, empty where it is none.
func (a *Action) Name() string {
	if set := a.changes(); len(set) == 1 {
		return set[0].name
	}
	return ""
}

// MaxActionBytes bounds an encoded action.
const MaxActionBytes = 4 << 10

// ParseAction reads an encoded action and checks what no state could make right.
func ParseAction(b []byte) (*Action, error) {
	a := new(Action)
	if err := ledger.Decode("action", b, MaxActionBytes, a); err != nil {
		return nil, err
	}
	_, err := a.change()
	return a, err
}

// try makes the change in an environment of its own, so that it touches its own
// rows alone and one that is refused leaves nothing behind.
func try(c change, state contract.State, logTime int64, first uint64) ([]ledger.Write, error) {
	env := contract.NewEnv(state, contract.Footprint{Writes: c.rows()}, logTime)
	err := c.apply(env, first)
	if refused := env.Err(); refused != nil {
		err = refused
	}
	return env.Writes(), err
}
