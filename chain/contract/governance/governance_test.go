package governance_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
)

func genesisRows(t testing.TB, c *aplostest.Chain) aplostest.Rows {
	t.Helper()
	rows := aplostest.Rows{}
	env := contract.NewGenesisEnv(rows, c.Genesis.Time)
	if err := governance.New().Genesis(c.Genesis, env); err != nil {
		t.Fatal(err)
	}
	rows.Apply(env.Writes())
	return rows
}

func TestGenesis(t *testing.T) {
	t.Parallel()
	c := aplostest.New(t, 4, 1, 1, func(g *ledger.Genesis) { g.Limits.BlockTransactions = 77 })
	rows := genesisRows(t, c)
	group, err := governance.Group(rows)
	if err != nil {
		t.Fatal(err)
	}
	got, err := group.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if want, err := c.Genesis.Group.Digest(); err != nil || got != want {
		t.Errorf("group %s, want %s, %v", got, want, err)
	}
	if limits, err := governance.Limits(rows); err != nil || *limits != c.Genesis.Limits {
		t.Errorf("limits %+v, %v", limits, err)
	}
	for _, n := range group.Nodes { // invariant 2
		o, ok, err := contract.LoadFrom[governance.Organisation](rows, governance.OrganisationRow(n.Organisation))
		if err != nil || !ok || o.Name == "" {
			t.Errorf("organisation of node %s: %+v, %t, %v", n.Node, o, ok, err)
		}
	}
}

// TestMissingRow: without these rows a state is not a state.
func TestMissingRow(t *testing.T) {
	t.Parallel()
	rows := genesisRows(t, aplostest.New(t, 1, 1, 1, nil))
	delete(rows, governance.GroupRow)
	if _, err := governance.Group(rows); err == nil || !strings.Contains(err.Error(), string(governance.GroupRow)) {
		t.Errorf("error %v", err)
	}
	rows[governance.LimitsRow] = []byte("rubbish")
	if _, err := governance.Limits(rows); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("error %v", err)
	}
}

// quiet lets an example use what makes chains for tests.
type quiet struct{ testing.TB }

func (quiet) Helper() {}

// The rows that genesis writes say who signs the next block.
func ExampleGroup() {
	chain := aplostest.New(quiet{}, 4, 1, 1, nil)
	rows := genesisRows(quiet{}, chain)
	group, err := governance.Group(rows)
	if err != nil {
		fmt.Println(err)
		return
	}
	limits, err := governance.Limits(rows)
	fmt.Println(len(group.Nodes), "nodes, quorum", group.Quorum(), "block of", limits.BlockTransactions, err)
	// Output: 4 nodes, quorum 3 block of 10000 <nil>
}
