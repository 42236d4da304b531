package contracttest

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	fl "github.com/librum/librum/fl/contract"
)

// CommitChains has all nodes commit to their first hash chain.
func (l *Ledger) CommitChains() error {
	for i := range l.Group.Nodes {
		if _, err := l.must(Node(i), fl.MethodCommitChain, &fl.CommitChain{Number: 1, Anchor: cohort.Value(secret(Node(i)), 0)}); err != nil {
			return err
		}
	}
	return nil
}

// Nodes returns the nodes of the group, ascending, as an OpenRound names them.
func (l *Ledger) Nodes() []ledger.ID {
	nodes := make([]ledger.ID, len(l.Group.Nodes))
	for i, n := range l.Group.Nodes {
		nodes[i] = n.Node
	}
	return nodes
}

// Reveal has a node reveal its value for the first attempt of a round.
func (l *Ledger) Reveal(id ledger.Digest, number uint64, node string) error {
	draw, ok, err := fl.LoadDraw(l, id, number)
	if err != nil || !ok {
		return fmt.Errorf("round %d is not drawn: %w", number, err)
	}
	value := cohort.Value(secret(node), draw.Link(ID(node)).Index)
	_, err = l.must(node, fl.MethodReveal, &fl.RevealPreimage{Job: id, Round: number, Attempt: 1, Value: value})
	return err
}

// DrawCohort has the holder of a term draw the cohort of a round's first attempt,
// once it may, and returns the events of that.
func (l *Ledger) DrawCohort(id ledger.Digest, number, term uint64, holder string) ([]ledger.Event, error) {
	j, _, err := fl.LoadJob(l, id)
	if err != nil {
		return nil, err
	}
	draw, _, err := fl.LoadDraw(l, id, number)
	if err != nil {
		return nil, err
	}
	roster, _, err := fl.LoadRoster(l, id, number)
	if err != nil {
		return nil, err
	}
	peers, err := draw.Cohort(id, number, &j.Spec, roster.Peers)
	if err != nil {
		return nil, err
	}
	if len(draw.Withheld()) > 0 {
		l.Now += fl.RevealTime
	}
	return l.must(holder, fl.MethodDrawCohort, &fl.DrawCohort{Job: id, Round: number, Attempt: 1, Term: term, Cohort: peers})
}

// Draw has the nodes from the first one on reveal, and the holder of a term draw
// the cohort.
func (l *Ledger) Draw(id ledger.Digest, number, term uint64, holder string, revealing int) ([]ledger.Event, error) {
	for i := range revealing {
		if err := l.Reveal(id, number, Node(i)); err != nil {
			return nil, err
		}
	}
	return l.DrawCohort(id, number, term, holder)
}

func secret(node string) ledger.Digest { return ledger.Hash([]byte("chain of " + node)) }

func (l *Ledger) must(name, method string, args any) ([]ledger.Event, error) {
	refused, events, err := l.Call(ID(name), method, args)
	if err == nil && refused != nil {
		err = refused
	}
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", method, name, err)
	}
	return events, nil
}
