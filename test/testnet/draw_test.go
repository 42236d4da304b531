package testnet_test

import (
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// TestDrawnCohorts asks half of the peers a round. A node that is away meanwhile
// withholds: it is named and has no word in those rounds, and the others go on; once
// it is back it reveals again, by the chain it had.
func TestDrawnCohorts(t *testing.T) {
	t.Parallel()
	const rounds = 5
	net := network(t, 31, 4, 4)
	spec := small(rounds, 2)
	spec.MinAvailablePeers, spec.FractionTrain = 4, 0.5
	begin(t, net, spec)
	until(t, net, func(j *fl.Job) bool { return j.Finals >= 1 })
	at, _ := holder(t, net)
	away := (at + 1) % 4
	net.Stop(away)
	until(t, net, func(j *fl.Job) bool { return j.Finals >= 3 })
	if err := net.Start(t.Context(), away); err != nil {
		t.Fatal(err)
	}
	end(t, net, job.StateFinished, "", rounds)
	verified(t, net, rounds)
	asked := map[ledger.ID]bool{}
	for number := uint64(1); number <= rounds; number++ {
		draw, ok, err := fl.LoadDraw(net.State(), net.JobID(), number)
		if err != nil || !ok {
			t.Fatalf("round %d: found %t, error %v", number, ok, err)
		}
		var withheld []int
		for _, node := range draw.Withheld() {
			withheld = append(withheld, net.NodeIndex(node))
		}
		switch number {
		case 1, rounds:
			if len(withheld) != 0 {
				t.Errorf("round %d was drawn without nodes %v", number, withheld)
			}
		case 3:
			if !slices.Equal(withheld, []int{away}) {
				t.Errorf("round %d was drawn without nodes %v, want node %d", number, withheld, away)
			}
			r, _ := round(t, net, number)
			word, spoke, err := fl.LoadAttestation(net.State(), net.JobID(), number, r.CommitTerm, draw.Withheld()[0])
			if err != nil || spoke {
				t.Errorf("the node that withheld has the word %+v, %v", word, err)
			}
		}
		cohort, ok, err := fl.LoadCohort(net.State(), net.JobID(), number)
		if err != nil || !ok || len(cohort.Peers) != 2 {
			t.Fatalf("round %d asked %+v, %v", number, cohort, err)
		}
		for _, peer := range cohort.Peers {
			asked[peer] = true
		}
	}
	if len(asked) < 3 {
		t.Errorf("five rounds asked the same %d of four peers", len(asked))
	}
}
