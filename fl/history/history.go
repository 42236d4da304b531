package history

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// Peer is what one did, in numbers of rounds.
type Peer struct {
	ID        ledger.ID
	Selected  uint64                        // it was asked
	Committed uint64                        // its update is in the average of a final round
	Refused   map[aggregator.Refusal]uint64 // its update was left out, by reason
	Void      uint64                        // it submitted, and the round came to no model
	Declined  map[fl.Decline]uint64         // it would not or could not, by reason
	Late      uint64                        // the round had all that it wanted before the peer answered
	Dropped   uint64                        // it answered nothing, and the round closed without it
	Pending   uint64                        // the round is at work, or was when the job ended
	Examples  uint64                        // of the updates that are in averages
	Bytes     uint64                        // of all updates that it submitted
}

// History is peers by their id.
type History map[ledger.ID]*Peer

// Add counts a round of a job and returns how many rows it read.
func (h History) Add(state contract.State, id ledger.Digest, number uint64) (rows int, err error) {
	r, ok, err := fl.LoadRound(state, id, number)
	if err == nil && !ok {
		err = fmt.Errorf("job %s has no round %d", id, number)
	}
	if err != nil {
		return 1, err
	}
	cohort, ok, err := fl.LoadCohort(state, id, number)
	if err != nil || !ok || cohort.Attempt != r.Attempt { // it is not drawn yet, or never was
		return 2, err
	}
	refused, err := refusals(state, id, number, r)
	if err != nil {
		return 2, err
	}
	for _, peer := range cohort.Peers {
		u, ok, err := fl.LoadUpdate(state, id, number, peer)
		if err != nil {
			return 2, err
		}
		if !ok || u.Attempt != r.Attempt {
			u = &fl.Update{State: fl.UpdateExpected}
		}
		h.peer(peer).count(r, u, refused[peer])
	}
	return 3 + len(cohort.Peers), nil
}

// refusals returns why the round's commit left updates out.
func refusals(state contract.State, id ledger.Digest, number uint64, r *fl.Round) (map[ledger.ID]aggregator.Refusal, error) {
	if r.Committed == 0 {
		return nil, nil //nolint:nilnil // no commit refuses nobody
	}
	c, ok, err := fl.LoadCommit(state, id, number, r.CommitTerm)
	if err == nil && !ok {
		err = fmt.Errorf("round %d of job %s has no commit of term %d", number, id, r.CommitTerm)
	}
	if err != nil {
		return nil, err
	}
	refused := make(map[ledger.ID]aggregator.Refusal, len(c.Refused))
	for _, each := range c.Refused {
		refused[each.Peer] = each.Reason
	}
	return refused, nil
}

func (h History) peer(id ledger.ID) *Peer {
	p, ok := h[id]
	if !ok {
		p = &Peer{ID: id, Refused: map[aggregator.Refusal]uint64{}, Declined: map[fl.Decline]uint64{}}
		h[id] = p
	}
	return p
}

// count counts what became of a peer's answer in a round.
func (p *Peer) count(r *fl.Round, u *fl.Update, refused aggregator.Refusal) {
	p.Selected++
	switch {
	case u.State == fl.UpdateDeclined:
		p.Declined[u.Reason]++
	case u.State == fl.UpdateSubmitted:
		p.Bytes += u.Size
		switch {
		case !r.State.Over():
			p.Pending++
		case refused != "":
			p.Refused[refused]++
		case r.State == job.RoundFinal:
			p.Committed++
			p.Examples += u.NumExamples
		default:
			p.Void++
		}
	case r.Closed == 0:
		p.Pending++
	case r.Submitted >= r.Wanted && r.Wanted < r.Cohort: // more were asked than were wanted
		p.Late++
	default:
		p.Dropped++
	}
}

// Peers returns all, ids ascending.
func (h History) Peers() []Peer {
	all := make([]Peer, 0, len(h))
	for _, p := range h {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b Peer) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return all
}
