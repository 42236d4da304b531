package governance_test

import (
	"errors"
	"fmt"
	"slices"
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

// TestStands compares the search in the bytes of the row with the list, for each
// length that the list may have.
func TestStands(t *testing.T) {
	t.Parallel()
	list := []ledger.ID{}
	for n := 0; n <= governance.MaxOrganisations; n++ {
		b, err := ledger.Encode(list)
		if err != nil {
			t.Fatal(err)
		}
		rows := aplostest.Rows{governance.OrganisationsRow: b}
		for _, id := range append([]ledger.ID{{}, {0, 0, 1}, {0xff, 0xff}}, list...) {
			if got, err := governance.Stands(rows, id); got != slices.Contains(list, id) || err != nil {
				t.Fatalf("of %d, %s stands: %t, %v", n, id, got, err)
			}
		}
		list = append(list, ledger.ID{byte(n >> 8), byte(n), 7})
	}
	if _, err := governance.Stands(aplostest.Rows{}, ledger.ID{1}); err == nil {
		t.Error("a state without organisations is taken for one")
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
