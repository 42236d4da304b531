package contract_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
)

// TestGrinding tries what nodes can choose in a draw: in which order they reveal,
// and whether the one that comes last does. One that withholds has the
// choice between two cohorts; whoever draws, and in which term, has none.
func TestGrinding(t *testing.T) {
	t.Parallel()
	cohorts := map[string]string{} // by who withheld
	nodes := []int{0, 1, 2, 3}
	for turn := range nodes {
		order := slices.Concat(nodes[turn:], nodes[:turn])
		for _, course := range []struct {
			revealing []int
			withheld  string
			passes    bool
		}{
			{order, "nobody", turn%2 == 0},
			{order[:3], contracttest.Node(order[3]), false},
			{[]int{order[2], order[1], order[0]}, contracttest.Node(order[3]), true},
		} {
			peers := drawBy(t, course.revealing, course.passes)
			if before, seen := cohorts[course.withheld]; seen && before != peers {
				t.Errorf("%s withheld: %v draws %s, another course %s", course.withheld, course.revealing, peers, before)
			}
			cohorts[course.withheld] = peers
		}
	}
	if len(cohorts) != 5 {
		t.Errorf("the draws were by %v", cohorts)
	}
}

// drawBy returns the cohort where nodes reveal in an order, and node 0 or,
// where the term passes on meanwhile, node 1 draws.
func drawBy(t *testing.T, revealing []int, passes bool) string {
	t.Helper()
	l, id := drawnRound(t)
	for _, i := range revealing {
		if err := l.Reveal(id, 1, contracttest.Node(i)); err != nil {
			t.Fatal(err)
		}
	}
	holder, term := contracttest.Node(0), uint64(1)
	if passes {
		for _, step := range []struct {
			who, method string
			args        any
		}{
			{holder, fl.MethodGiveUpTerm, &fl.GiveUpTerm{Job: id, Term: 1}},
			{contracttest.Node(1), fl.MethodTakeTerm, &fl.TakeTerm{Job: id, Term: 2}},
		} {
			must(t, l, step.who, step.method, step.args)
		}
		holder, term = contracttest.Node(1), 2
	}
	if _, err := l.DrawCohort(id, 1, term, holder); err != nil {
		t.Fatal(err)
	}
	cohort, ok, err := fl.LoadCohort(l, id, 1)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return fmt.Sprint(cohort.Peers)
}

// drawnRound returns a ledger of four nodes with a round whose cohort, three of
// eight peers, is to be drawn.
func drawnRound(t *testing.T) (*contracttest.Ledger, ledger.Digest) {
	t.Helper()
	const peers = 8
	l, err := contracttest.New(4, 4, peers)
	if err != nil {
		t.Fatal(err)
	}
	spec := job.Defaults()
	spec.Model.Layers, spec.FractionTrain = []int64{64, 10}, 0.4
	must(t, l, "alice", fl.MethodCreateJob, &fl.CreateJob{Key: []byte("key"), Spec: spec})
	id := fl.JobID(contracttest.ID("alice"), []byte("key"))
	roster := make([]ledger.ID, peers)
	for i := range roster {
		must(t, l, contracttest.Peer(i), fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true})
		roster[i] = contracttest.ID(contracttest.Peer(i))
	}
	slices.SortFunc(roster, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	if err := l.CommitChains(); err != nil {
		t.Fatal(err)
	}
	must(t, l, "node-0", fl.MethodTakeTerm, &fl.TakeTerm{Job: id, Term: 1})
	must(t, l, "node-0", fl.MethodOpenRound, &fl.OpenRound{
		Job: id, Round: 1, Term: 1, Roster: roster, Model: ledger.Digest{1}, ModelSize: 1, Nodes: l.Nodes(),
	})
	return l, id
}

func must(t *testing.T, l *contracttest.Ledger, who, method string, args any) {
	t.Helper()
	refused, _, err := l.Call(contracttest.ID(who), method, args)
	if err != nil || refused != nil {
		t.Fatalf("%s of %s: %v, %v", method, who, refused, err)
	}
}

// TestUsedUpChain: a chain serves as many rounds as it has values, and no more.
func TestUsedUpChain(t *testing.T) {
	t.Parallel()
	c := fl.HashChain{Number: 1, Next: 1 << 16}
	if !c.Usable() {
		t.Error("the last value can't be used")
	}
	c.Next++
	if c.Usable() {
		t.Error("a value beyond the last can be used")
	}
}
