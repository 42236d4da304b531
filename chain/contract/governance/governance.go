package governance

import (
	"fmt"

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
		Summary: "Organisations, the group that signs blocks, limits.",
		Methods: []contract.Method{
			contract.Handle(MethodReportEquivocation, "Suspends a node that signed two headers of one height.", reportFootprint, report),
		},
		Genesis: genesis,
	}
}

func genesis(g *ledger.Genesis, env *contract.Env) error {
	for _, o := range g.Organisations {
		if err := contract.Store(env, OrganisationRow(o.ID), &Organisation{Name: o.Name}); err != nil {
			return err
		}
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
