package contract

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// LoadJob reads a job, or false where there is none.
func LoadJob(state contract.State, id ledger.Digest) (*Job, bool, error) {
	return contract.LoadFrom[Job](state, JobRow(id))
}

// LoadTerm reads the newest term of a job, or false where none was taken.
func LoadTerm(state contract.State, id ledger.Digest) (*Term, bool, error) {
	return contract.LoadFrom[Term](state, TermRow(id))
}

// LoadRound reads a round, or false where it was never opened.
func LoadRound(state contract.State, id ledger.Digest, round uint64) (*Round, bool, error) {
	return contract.LoadFrom[Round](state, RoundRow(id, round))
}

// LoadCohort reads the peers that a round asks.
func LoadCohort(state contract.State, id ledger.Digest, round uint64) (*Cohort, bool, error) {
	return contract.LoadFrom[Cohort](state, CohortRow(id, round))
}

// LoadRoster reads the peers that a round's cohort is drawn from, or false where
// nothing was drawn.
func LoadRoster(state contract.State, id ledger.Digest, round uint64) (*Roster, bool, error) {
	return contract.LoadFrom[Roster](state, RosterRow(id, round))
}

// LoadDraw reads how a round's cohort is drawn, or false where the cohort is the
// roster.
func LoadDraw(state contract.State, id ledger.Digest, round uint64) (*Draw, bool, error) {
	return contract.LoadFrom[Draw](state, DrawRow(id, round))
}

// LoadHashChain reads the chain that a node has committed to last, or false
// where it has none.
func LoadHashChain(state contract.State, node ledger.ID) (*HashChain, bool, error) {
	return contract.LoadFrom[HashChain](state, HashChainRow(node))
}

// LoadGroup reads the group that attests a round.
func LoadGroup(state contract.State, id ledger.Digest, round uint64) (*ledger.Group, bool, error) {
	return contract.LoadFrom[ledger.Group](state, GroupRow(id, round))
}

// LoadUpdate reads a peer's answer in a round, or false where the round never
// asked it. A row of an earlier attempt than the round's is of no account.
func LoadUpdate(state contract.State, id ledger.Digest, round uint64, peer ledger.ID) (*Update, bool, error) {
	return contract.LoadFrom[Update](state, UpdateRow(id, round, peer))
}

// LoadCommit reads the result that was claimed in a term.
func LoadCommit(state contract.State, id ledger.Digest, round, term uint64) (*Commit, bool, error) {
	return contract.LoadFrom[Commit](state, CommitRow(id, round, term))
}

// LoadState reads what the server remembers by the commit of a term, or false
// where it is nothing.
func LoadState(state contract.State, id ledger.Digest, round, term uint64) (*State, bool, error) {
	return contract.LoadFrom[State](state, StateRow(id, round, term))
}

// LoadStateAfter reads what the server remembers after a final round and the
// term that committed it; zero where it is nothing, as before the first round.
func LoadStateAfter(state contract.State, id ledger.Digest, round uint64) (after State, term uint64, err error) {
	if round == 0 {
		return State{}, 0, nil
	}
	r, ok, err := LoadRound(state, id, round)
	if err != nil || !ok {
		return State{}, 0, err
	}
	s, ok, err := LoadState(state, id, round, r.CommitTerm)
	if err != nil || !ok {
		return State{}, 0, err
	}
	return *s, r.CommitTerm, nil
}

// LoadAttestation reads a node's word on the commit of a term.
func LoadAttestation(state contract.State, id ledger.Digest, round, term uint64, node ledger.ID) (*Attestation, bool, error) {
	return contract.LoadFrom[Attestation](state, AttestRow(id, round, term, node))
}

// LoadPeer reads a peer, or false where it never registered.
func LoadPeer(state contract.State, peer ledger.ID) (*Peer, bool, error) {
	return contract.LoadFrom[Peer](state, PeerRow(peer))
}
