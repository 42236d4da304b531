package contract

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// CloseRound is the arguments of the method of that name. It names who has
// submitted, since a footprint cannot look into the state; the round's counter
// shows that nobody is left out.
type CloseRound struct {
	Job     ledger.Digest `cbor:"job"`
	Round   uint64        `cbor:"round"`
	Attempt uint64        `cbor:"attempt"`
	Term    uint64        `cbor:"term"`
	Set     []ledger.ID   `cbor:"set"` // all peers that have submitted, ascending
}

func closeRoundFootprint(call contract.Call, a *CloseRound) (contract.Footprint, error) {
	if err := checkAscending("set", a.Set, MaxCohort); err != nil {
		return contract.Footprint{}, err
	}
	f := contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender), DrawRow(a.Job, a.Round)},
		Writes: []contract.Key{JobRow(a.Job), TermRow(a.Job), RoundRow(a.Job, a.Round)},
	}
	for _, peer := range a.Set {
		f.Reads = append(f.Reads, UpdateRow(a.Job, a.Round, peer))
	}
	return f, nil
}

func closeRound(env *contract.Env, call contract.Call, a *CloseRound) error {
	j, err := activeJob(env, a.Job)
	if err != nil {
		return err
	}
	if _, err := held(env, call, a.Job, a.Term); err != nil {
		return err
	}
	if undrawn, err := closeUndrawn(env, j, a); undrawn || err != nil {
		return err
	}
	r, err := openAttempt(env, a.Job, a.Round, a.Attempt)
	if err != nil {
		return err
	}
	if at := r.ClosableAt(&j.Spec, a.Set); env.LogTime() < at {
		return contract.Errorf(contract.CodeTooEarly, "round %d may close at log time %d", a.Round, at)
	}
	if uint64(len(a.Set)) != r.Submitted {
		return contract.Errorf(contract.CodeConflict, "%d peers named, %d have submitted", len(a.Set), r.Submitted)
	}
	set, err := loadSet(env, a, r.Attempt)
	if err != nil {
		return err
	}
	r.Closed = env.LogTime()
	if r.Set, err = SetDigest(set); err != nil {
		return err
	}
	switch {
	case r.Submitted < uint64(j.Spec.MinTrainPeers):
		return voidRound(env, a.Job, a.Round, j, r, nil, job.ReasonVoidRounds)
	case !Rooted(&j.Spec, a.Set):
		return voidRound(env, a.Job, a.Round, j, r, nil, job.ReasonNoRoot)
	}
	r.State = job.RoundClosed
	if err := contract.Store(env, RoundRow(a.Job, a.Round), r); err != nil {
		return err
	}
	return env.Emit(EventRoundClosed, &RoundClosed{
		Job: a.Job, Round: a.Round, Attempt: r.Attempt, Term: a.Term, Set: r.Set, Count: r.Submitted,
	})
}

// closeUndrawn ends an attempt whose cohort could not be drawn in the round's
// time, since no quorum of nodes has revealed. It reports whether it did.
func closeUndrawn(env *contract.Env, j *Job, a *CloseRound) (bool, error) {
	r, ok, err := LoadRound(env, a.Job, a.Round)
	if err != nil || !ok || r.State != job.RoundDrawing {
		return false, err
	}
	r, draw, err := drawing(env, a.Job, a.Round, a.Attempt)
	if err != nil {
		return false, err
	}
	if _, quorate := draw.Deadline(); quorate {
		return false, contract.Errorf(CodeRoundState, "a quorum has revealed: round %d is to be drawn", a.Round)
	}
	if at := r.Deadline(&j.Spec); env.LogTime() < at {
		return false, contract.Errorf(contract.CodeTooEarly, "round %d may be given up at log time %d", a.Round, at)
	}
	if len(a.Set) != 0 {
		return false, contract.Errorf(contract.CodeConflict, "%d peers named, none was asked", len(a.Set))
	}
	return true, voidUnasked(env, a.Job, a.Round, j, r)
}

// voidUnasked ends an attempt in which nobody was asked.
func voidUnasked(env *contract.Env, id ledger.Digest, number uint64, j *Job, r *Round) (err error) {
	r.Closed = env.LogTime()
	if r.Set, err = SetDigest(nil); err != nil {
		return err
	}
	return voidRound(env, id, number, j, r, nil, job.ReasonVoidRounds)
}

func loadSet(env *contract.Env, a *CloseRound, attempt uint64) ([]Averaged, error) {
	set := make([]Averaged, 0, len(a.Set))
	for _, peer := range a.Set {
		u, err := submitted(env, a.Job, a.Round, attempt, peer)
		if err != nil {
			return nil, err
		}
		set = append(set, Averaged{Peer: peer, Digest: u.Digest, Weight: u.NumExamples})
	}
	return set, nil
}

// submitted loads the update of a peer that has submitted one in this attempt.
func submitted(env *contract.Env, id ledger.Digest, round, attempt uint64, peer ledger.ID) (*Update, error) {
	u, ok, err := LoadUpdate(env, id, round, peer)
	if err != nil {
		return nil, err
	}
	if !ok || u.Attempt != attempt || u.State != UpdateSubmitted {
		return nil, contract.Errorf(contract.CodeConflict, "peer %s has not submitted", peer)
	}
	return u, nil
}

// Rooted reports whether the peer that the job's strategy trusts is among peers;
// it is where the strategy trusts none.
func Rooted(spec *job.Spec, peers []ledger.ID) bool {
	return spec.Strategy.Root == "" || slices.ContainsFunc(peers, func(p ledger.ID) bool { return p.String() == spec.Strategy.Root })
}

// voidRound ends an attempt that has too few updates. The round is opened
// again, unless it was void too often running; then the job ends for the reason.
func voidRound(env *contract.Env, id ledger.Digest, number uint64, j *Job, r *Round, metrics Metrics, reason job.Reason) error {
	r.State, r.Ended = job.RoundVoid, env.LogTime()
	if err := contract.Store(env, RoundRow(id, number), r); err != nil {
		return err
	}
	if err := emitRoundEnded(env, EventRoundVoid, id, number, j, r, metrics); err != nil {
		return err
	}
	if j.Finals == 0 {
		j.Model, j.ModelSize = ledger.Digest{}, 0 // a wrong initial model must not bind the next holder
	}
	j.Idle, j.Voids = env.LogTime(), j.Voids+1
	if j.Voids >= job.MaxVoids {
		return endJob(env, id, j, job.StateFailed, reason)
	}
	j.State, j.Reason = job.StateWaiting, job.ReasonVoid
	if reason == job.ReasonNoRoot {
		j.Reason = reason
	}
	return contract.Store(env, JobRow(id), j)
}

func emitRoundEnded(env *contract.Env, kind string, id ledger.Digest, number uint64, j *Job, r *Round, metrics Metrics) error {
	return env.Emit(kind, &RoundEnded{
		Job: id, Round: number, Attempt: r.Attempt, State: r.State,
		Model: j.Model, ModelSize: j.ModelSize, Metrics: metrics,
	})
}
