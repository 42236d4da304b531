package contract

import (
	"slices"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// ClosableAt returns the log time from which an open round may be closed with the
// updates of set: at once where every peer has answered or all updates that are
// wanted are there, a while after enough have, and in any case when the round's
// time is out. Without the peer that the strategy trusts there are never enough.
func (r *Round) ClosableAt(spec *job.Spec, set []ledger.ID) int64 {
	rooted := Rooted(spec, set)
	if r.Submitted+r.Declined == r.Cohort || rooted && r.Submitted >= r.Wanted {
		return r.Opened
	}
	at := r.Deadline(spec)
	if rooted && r.Submitted >= uint64(spec.MinTrainPeers) {
		at = min(at, r.MinReached+1000*spec.WaitAfterMinS)
	}
	return at
}

// Deadline returns the log time from which the round may close whatever is
// missing.
func (r *Round) Deadline(spec *job.Spec) int64 { return r.Opened + 1000*spec.RoundTimeoutS }

// RevealTime is what nodes have to reveal once a quorum of them has, in ms of
// log time.
const RevealTime = 10_000

// Deadline returns the log time from which the cohort may be drawn without
// whoever has not revealed, false while no quorum has. Then nobody reveals any
// more: who draws has no say in what counts.
func (d *Draw) Deadline() (at int64, ok bool) { return d.Quorate + RevealTime, d.Quorate != 0 }

// Revealed returns how many nodes have revealed.
func (d *Draw) Revealed() uint64 {
	n := uint64(0)
	for i := range d.Links {
		if d.Links[i].Revealed != 0 {
			n++
		}
	}
	return n
}

// Link returns a node's part, nil where it has none.
func (d *Draw) Link(node ledger.ID) *Link {
	i := slices.IndexFunc(d.Links, func(l Link) bool { return l.Node == node })
	if i < 0 {
		return nil
	}
	return &d.Links[i]
}

// Withheld returns the nodes that have revealed nothing, ascending.
func (d *Draw) Withheld() []ledger.ID {
	var nodes []ledger.ID
	for i := range d.Links {
		if d.Links[i].Revealed == 0 {
			nodes = append(nodes, d.Links[i].Node)
		}
	}
	return nodes
}

// AttestDeadline returns the log time from which a committed round without a
// quorum loses its commit's term.
func (r *Round) AttestDeadline(spec *job.Spec) int64 { return r.Committed + 1000*spec.AttestTimeoutS }

// PeersDeadline returns the log time from which a job short of peers may be
// ended. It holds while no round is at work.
func (j *Job) PeersDeadline() int64 { return j.Idle + 1000*j.Spec.WaitForPeersS }

// Free reports whether the term after t may be taken without waiting for its
// lease.
func (t *Term) Free() bool { return t.GivenUp || t.Lost }

// TakeableAt returns the log time from which node may take the term after t,
// unless it is barred. A holder that only renews keeps the term no longer than
// [Term.StuckAt]. Whoever let a term run out waits one lease longer than the
// others.
func (t *Term) TakeableAt(node ledger.ID, spec *job.Spec) int64 {
	at := t.Renewed
	if !t.Free() {
		at = min(at+Lease, t.StuckAt(spec))
	}
	if node == t.Holder && !t.Free() || slices.Contains(t.Lapsed, node) {
		at += Lease
	}
	return at
}

// StuckAt returns the log time from which others may take a term whose holder
// renews it but takes no step. An honest holder seldom waits that long: one that
// waits for peers does, or for a card after a slow attestation, and hands over.
func (t *Term) StuckAt(spec *job.Spec) int64 {
	return t.Stepped + 10*Lease + 1000*max(spec.RoundTimeoutS, spec.AttestTimeoutS)
}

// Quorum returns how many equal statements make a round of n nodes final.
func (r *Round) Quorum() uint64 { return uint64(ledger.Quorum(int(r.Nodes))) }
