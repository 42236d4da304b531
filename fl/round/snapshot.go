package round

import (
	"fmt"
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// Snapshot is what the ledger says of a job at one position.
type Snapshot struct {
	ID      ledger.Digest
	LogTime int64        // ms
	Group   ledger.Group // nodes that may take a term
	Job     fl.Job
	Term    *fl.Term // nil before the first
	Kept    fl.State // what the server remembers after the last final round; zero for nothing
	KeptIn  uint64   // the term that committed it
	Chains  []Chain  // of the group's nodes, in its order, where the job draws its cohorts; Number 0 for none

	// Of the round that was opened last; zero before the first.
	Round     *fl.Round
	Attesters ledger.Group
	Began     fl.State    // what the server remembered when the round began; zero for nothing
	Draw      *fl.Draw    // nil where the cohort is the roster
	Drawn     []ledger.ID // the roster that a cohort is being drawn from, ascending; empty once it is drawn
	Answers   []Answer    // of the cohort, peers ascending
	Commit    *Claim      // that stands, or made the round final or void; nil where there is none
	Lost      []Claim     // of this attempt that did not become final, the oldest first
}

// Claim is a commit and what the nodes said of it.
type Claim struct {
	fl.Commit
	State    fl.State    // zero for nothing
	Attested []Statement // in the order of the group's nodes
}

// Chain is the hash chain that a node has committed to.
type Chain struct {
	Node ledger.ID
	fl.HashChain
}

// Answer is what a peer of the cohort has said.
type Answer struct {
	Peer ledger.ID
	fl.Update
}

// Statement is what a node said of the commit.
type Statement struct {
	Node ledger.ID
	fl.Attestation
}

// Load reads the rows of a job, or false where there is none. Every row comes
// from state, which must not change meanwhile.
func Load(state contract.State, id ledger.Digest, logTime int64) (Snapshot, bool, error) {
	s := Snapshot{ID: id, LogTime: logTime}
	j, ok, err := fl.LoadJob(state, id)
	if err != nil || !ok {
		return s, false, err
	}
	s.Job = *j
	group, err := governance.Group(state)
	if err != nil {
		return s, false, err
	}
	s.Group = *group
	if s.Term, _, err = fl.LoadTerm(state, id); err != nil {
		return s, false, err
	}
	if s.Kept, s.KeptIn, err = fl.LoadStateAfter(state, id, j.Finals); err != nil {
		return s, false, err
	}
	if err := s.loadChains(state); err != nil {
		return s, false, err
	}
	if j.Round > 0 {
		err = s.loadRound(state)
	}
	return s, err == nil, err
}

func (s *Snapshot) loadChains(state contract.State) error {
	if !s.Job.Spec.Draws() || s.Job.State.Terminal() {
		return nil
	}
	for _, n := range s.Group.Nodes {
		c, found, err := fl.LoadHashChain(state, n.Node)
		if err != nil {
			return err
		}
		if !found {
			c = &fl.HashChain{}
		}
		s.Chains = append(s.Chains, Chain{Node: n.Node, HashChain: *c})
	}
	return nil
}

// loadDraw reads how the round's cohort is drawn, and the roster while it is.
func (s *Snapshot) loadDraw(state contract.State, number uint64) error {
	draw, found, err := fl.LoadDraw(state, s.ID, number)
	if err != nil || !found {
		return err
	}
	s.Draw = draw
	if s.Round.State != job.RoundDrawing {
		return nil
	}
	roster, found, err := fl.LoadRoster(state, s.ID, number)
	if err := present(found, err, "roster of round", number); err != nil {
		return err
	}
	s.Drawn = roster.Peers
	return nil
}

func (s *Snapshot) loadRound(state contract.State) error {
	number := s.Job.Round
	r, found, err := fl.LoadRound(state, s.ID, number)
	if err := present(found, err, "round", number); err != nil {
		return err
	}
	s.Round = r
	group, found, err := fl.LoadGroup(state, s.ID, number)
	if err := present(found, err, "group of round", number); err != nil {
		return err
	}
	s.Attesters = *group
	if s.Began, _, err = fl.LoadStateAfter(state, s.ID, number-1); err != nil {
		return err
	}
	if err := s.loadDraw(state, number); err != nil {
		return err
	}
	if err := s.loadAnswers(state, number); err != nil {
		return err
	}
	for _, lost := range r.Lost {
		if lost.Attempt != r.Attempt {
			continue
		}
		c, err := s.loadClaim(state, number, lost.Term)
		if err != nil {
			return err
		}
		s.Lost = append(s.Lost, c)
	}
	if r.Committed == 0 {
		return nil
	}
	c, err := s.loadClaim(state, number, r.CommitTerm)
	s.Commit = &c
	return err
}

func (s *Snapshot) loadAnswers(state contract.State, number uint64) error {
	if s.Round.Cohort == 0 {
		return nil // nobody is asked yet, or nobody was
	}
	cohort, found, err := fl.LoadCohort(state, s.ID, number)
	if err := present(found, err, "cohort of round", number); err != nil {
		return err
	}
	for _, peer := range cohort.Peers {
		u, found, err := fl.LoadUpdate(state, s.ID, number, peer)
		if err := present(found, err, "update of "+peer.String()+" in round", number); err != nil {
			return err
		}
		s.Answers = append(s.Answers, Answer{Peer: peer, Update: *u})
	}
	return nil
}

func (s *Snapshot) loadClaim(state contract.State, number, term uint64) (Claim, error) {
	commit, found, err := fl.LoadCommit(state, s.ID, number, term)
	if err := present(found, err, "commit of round", number); err != nil {
		return Claim{}, err
	}
	c := Claim{Commit: *commit}
	remembered, found, err := fl.LoadState(state, s.ID, number, term)
	if err != nil {
		return c, err
	}
	if found {
		c.State = *remembered
	}
	for _, n := range s.Attesters.Nodes {
		a, found, err := fl.LoadAttestation(state, s.ID, number, term, n.Node)
		if err != nil {
			return c, err
		}
		if found && a.Attempt == commit.Attempt {
			c.Attested = append(c.Attested, Statement{Node: n.Node, Attestation: *a})
		}
	}
	return c, nil
}

func present(found bool, err error, what string, number uint64) error {
	if err == nil && !found {
		err = fmt.Errorf("read %s %d: missing, though the job's row names it", what, number)
	}
	return err
}

// attests reports whether a node may attest the round: it is of the group, and
// has not withheld what the cohort was drawn by.
func (s *Snapshot) attests(node ledger.ID) bool {
	if _, member := s.Attesters.Find(node); !member {
		return false
	}
	if s.Draw == nil {
		return true
	}
	l := s.Draw.Link(node)
	return l != nil && l.Revealed != 0
}

// Set returns the peers that have submitted, ascending.
func (s *Snapshot) Set() []ledger.ID {
	var set []ledger.ID
	for _, a := range s.Answers {
		if a.State == fl.UpdateSubmitted {
			set = append(set, a.Peer)
		}
	}
	return set
}

// attested reports whether node has had its say on the commit.
func (c *Claim) attested(node ledger.ID) bool {
	return slices.ContainsFunc(c.Attested, func(s Statement) bool { return s.Node == node })
}
