package governance

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// The bounds of proposals.
const (
	MaxOpenProposals = 16                            // of one organisation, passed ones that wait for their height included
	MaxProposalLife  = int64(90 * 24 * 3600 * 1_000) // how far ahead an expiry may lie, ms
	MaxProposalAhead = uint64(1) << 32               // how far ahead a height may lie
)

// State is where a proposal stands on the ledger. One that is open and past its
// expiry or height is over without a change of its row; see [Proposal.StateAt].
type State string

// The states of a proposal.
const (
	StateOpen      State = "open"      // takes approvals
	StatePassed    State = "passed"    // waits for its height
	StateActive    State = "active"    // its change was made
	StateFailed    State = "failed"    // its change did not fit the state any more
	StateWithdrawn State = "withdrawn" // while open by the organisation that proposed, once passed by a quorum
	StateExpired   State = "expired"   // no quorum in time; never in a row
)

// Proposal is the row of a proposal. Its id is that of the transaction that
// proposed it.
type Proposal struct {
	_            struct{}  `cbor:",toarray"`
	Organisation ledger.ID // that proposed
	Action       []byte    // encoded [Action]
	Height       uint64    // the first block that the change holds for
	Created      int64     // log time, ms
	Expiry       int64     // log time in ms after which it takes no approvals
	State        State
	Decided      int64       // log time at which it passed, failed, became active or was withdrawn
	Failure      ledger.Code // why it failed
	Approvals    []Approval  // in their order, that of the proposer first
	Withdrawals  []Approval  // of organisations that want it back since it passed
}

// Approval is an organisation's agreement.
type Approval struct {
	_            struct{} `cbor:",toarray"`
	Organisation ledger.ID
	Officer      ledger.ID
	Time         int64 // log time, ms
	Void         bool  // its officer was replaced since, or its organisation removed
}

// has reports whether an organisation's word is in the list and counts.
func has(list []Approval, organisation ledger.ID) bool {
	return slices.ContainsFunc(list, func(a Approval) bool { return a.Organisation == organisation && !a.Void })
}

// count returns how many words of organisations that stand are in the list.
func count(list []Approval, standing []ledger.ID) (n int) {
	for _, o := range standing {
		if has(list, o) {
			n++
		}
	}
	return n
}

// StateAt returns where the proposal stands at log time, while a block of the
// given height is open.
func (p *Proposal) StateAt(logTime int64, height uint64) State {
	if p.State == StateOpen && (logTime > p.Expiry || height >= p.Height) {
		return StateExpired
	}
	return p.State
}

// ProposalPrefix starts the keys of the rows of proposals.
const ProposalPrefix contract.Key = Name + "/proposal/"

// ProposalRow returns the key of a proposal's row.
func ProposalRow(id ledger.Digest) contract.Key { return ProposalPrefix + contract.Key(id[:]) }

// LoadProposal reads a proposal, or false where there is none.
func LoadProposal(state contract.State, id ledger.Digest) (*Proposal, bool, error) {
	return contract.LoadFrom[Proposal](state, ProposalRow(id))
}

// ProposalsRow is the key of the row that lists the proposals that may still
// change something, in the order they were made. It is absent at first.
const ProposalsRow contract.Key = Name + "/proposals"

// live is an entry of [ProposalsRow].
type live struct {
	_            struct{} `cbor:",toarray"`
	ID           ledger.Digest
	Organisation ledger.ID
	Height       uint64
	Expiry       int64
	Passed       bool
}

// liveProposals reads the list, without those that are over while a block of
// the given height is open.
func liveProposals(state contract.State, logTime int64, height uint64) ([]live, error) {
	list, ok, err := contract.LoadFrom[[]live](state, ProposalsRow)
	if err != nil || !ok {
		return nil, err
	}
	return slices.DeleteFunc(*list, func(l live) bool { return !l.Passed && (logTime > l.Expiry || height >= l.Height) }), nil
}
