package verify_test

import (
	"slices"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/verify"
)

// TestDraw verifies a job whose cohorts are drawn, in which a node withholds, and
// what is changed of it afterwards.
func TestDraw(t *testing.T) {
	t.Parallel()
	draw := func(r *recorded) contract.Key { return fl.DrawRow(r.id, 2) }
	for _, c := range append([]tampering{
		{name: "nothing"},
	}, []tampering{
		{"another cohort", on(func(r *recorded) contract.Key { return fl.CohortRow(r.id, 2) }, func(c *fl.Cohort) {
			c.Peers[0][0] ^= 1
		}), "draw", "round 2"},
		{"one peer more", on(func(r *recorded) contract.Key { return fl.CohortRow(r.id, 2) }, func(c *fl.Cohort) {
			c.Peers = append(c.Peers, ledger.ID{0xff})
		}), "draw", "round 2"},
		{"another roster", on(func(r *recorded) contract.Key { return fl.RosterRow(r.id, 2) }, func(c *fl.Roster) {
			c.Peers = c.Peers[1:]
		}), "draw", "round 2"},
		{"roster gone", gone(func(r *recorded) contract.Key { return fl.RosterRow(r.id, 2) }), "draw", "round 2"},
		{"draw gone", gone(draw), "draw", "round 2"},
		{"another value", on(draw, func(d *fl.Draw) { reveals(d, func(l *fl.Link) { l.Value[0] ^= 1 }) }), "draw", "round 2"},
		{"a value known before", on(draw, func(d *fl.Draw) {
			reveals(d, func(l *fl.Link) { l.Value, l.Index = l.Known, l.From })
		}), "draw", "round 2"},
		{"one reveals no more", on(draw, func(d *fl.Draw) {
			d.Links[slices.IndexFunc(d.Links, func(l fl.Link) bool { return l.Revealed != 0 })].Revealed = 0
		}), "draw", "round 2"},
		{"another node reveals", on(draw, func(d *fl.Draw) { d.Links[0].Node[0] ^= 1 }), "draw", "round 2"},
	}...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := play(t.Context(), course{draws: true})
			if err != nil {
				t.Fatal(err)
			}
			if c.tamper != nil {
				if err := c.tamper(r); err != nil {
					t.Fatal(err)
				}
			}
			got, err := r.verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.kind != "" {
				if got.First == nil || got.First.Kind != c.kind || got.First.Where != c.where {
					t.Errorf("found %v, want a %s at %s", got.First, c.kind, c.where)
				}
				return
			}
			if got.First != nil || got.Incomplete || got.Rounds != rounds {
				t.Fatalf("first %v, incomplete %t, %d rounds", got.First, got.Incomplete, got.Rounds)
			}
			withheld := "node " + contracttest.ID(contracttest.Node(3)).Short() + " withheld what the cohort was to be drawn by"
			for _, line := range []string{"cohort of 2 of 3 peers, drawn by 3 of 4 nodes", withheld} {
				if !slices.ContainsFunc(got.Lines, func(l verify.Line) bool { return l.What == line && l.Basis == verify.Recomputed }) {
					t.Errorf("no line says %q: %+v", line, got.Lines)
				}
			}
		})
	}
}

// reveals changes what the first node revealed.
func reveals(d *fl.Draw, how func(*fl.Link)) {
	for i := range d.Links {
		if d.Links[i].Revealed != 0 {
			how(&d.Links[i])
			return
		}
	}
}
