package governance

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Name is the contract's name.
const Name = "governance"

// Keys of the rows there is one of.
const (
	GroupRow  contract.Key = Name + "/group"
	LimitsRow contract.Key = Name + "/limits"
)

// Organisation is the row of an organisation.
type Organisation struct {
	_    struct{} `cbor:",toarray"`
	Name string
}

// OrganisationRow returns the key of an organisation's row.
func OrganisationRow(id ledger.ID) contract.Key {
	return contract.Key(Name + "/organisation/" + string(id[:]))
}

// New returns the contract.
func New() contract.Contract {
	return contract.Contract{
		Name:    Name,
		Summary: "Organisations, the group that signs blocks, limits, and the proposals that change them.",
		Methods: []contract.Method{
			contract.Handle(MethodReportEquivocation, "Suspends a node that signed two headers of one height.", reportFootprint, report),
			contract.Handle(MethodPropose, "An officer proposes a change that holds from a height on.", proposeFootprint, propose),
			contract.Handle(MethodApprove, "An officer approves a proposal for its organisation.", approveFootprint, approve),
			contract.Handle(MethodWithdraw, "An officer takes back what its organisation proposed; what has passed goes by a quorum.", approveFootprint, withdraw),
		},
		Genesis: genesis,
		Seal:    seal,
	}
}

func genesis(g *ledger.Genesis, env *contract.Env) error {
	standing := make([]ledger.ID, 0, len(g.Organisations))
	for _, o := range g.Organisations {
		standing = append(standing, o.ID)
		if err := contract.Store(env, OrganisationRow(o.ID), &Organisation{Name: o.Name}); err != nil {
			return err
		}
	}
	slices.SortFunc(standing, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	if err := contract.Store(env, OrganisationsRow, standing); err != nil {
		return err
	}
	if err := contract.Store(env, GroupRow, &g.Group); err != nil {
		return err
	}
	return contract.Store(env, LimitsRow, &g.Limits)
}

// Group reads the group that signs the next block.
func Group(state contract.State) (*ledger.Group, error) {
	return must[ledger.Group](state, GroupRow)
}

// Limits reads the limits of blocks and transactions.
func Limits(state contract.State) (*ledger.Limits, error) {
	return must[ledger.Limits](state, LimitsRow)
}

// must reads a row that genesis wrote; without it the state is not a state.
func must[T any](state contract.State, key contract.Key) (*T, error) {
	v, ok, err := contract.LoadFrom[T](state, key)
	if err == nil && !ok {
		err = fmt.Errorf("read state row %q: missing, though genesis writes it", string(key))
	}
	return v, err
}
