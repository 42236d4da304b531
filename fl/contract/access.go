package contract

import (
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// activeJob loads a job that has not ended.
func activeJob(env *contract.Env, id ledger.Digest) (*Job, error) {
	j, ok, err := LoadJob(env, id)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, contract.Errorf(contract.CodeNotFound, "no job %s", id)
	case j.State.Terminal():
		return nil, contract.Errorf(CodeJobOver, "job %s is %s", id.Short(), j.State)
	}
	return j, nil
}

// held loads the job's newest term if it is the one named and the sender's, and
// extends it by a step: every accepted transaction of a term but a renewal is
// one.
func held(env *contract.Env, call contract.Call, id ledger.Digest, term uint64) (*Term, error) {
	t, err := newestTerm(env, call, id, term)
	if err != nil {
		return nil, err
	}
	t.Renewed, t.Stepped = env.LogTime(), env.LogTime()
	return t, contract.Store(env, TermRow(id), t)
}

// newestTerm loads the job's newest term if it is the one named and the
// sender's.
func newestTerm(env *contract.Env, call contract.Call, id ledger.Digest, term uint64) (*Term, error) {
	if _, err := members.Require(env, call.Sender, identity.RoleNode); err != nil {
		return nil, err
	}
	t, ok, err := LoadTerm(env, id)
	switch {
	case err != nil:
		return nil, err
	case !ok || t.Term != term || t.Free():
		return nil, contract.Errorf(CodeStaleTerm, "term %d of job %s is not its newest one", term, id.Short())
	case t.Holder != call.Sender:
		return nil, contract.Errorf(CodeStaleTerm, "term %d of job %s is node %s's", term, id.Short(), t.Holder)
	}
	return t, nil
}

// roundIn loads a round that is in the given state.
func roundIn(env *contract.Env, id ledger.Digest, number uint64, state job.RoundState) (*Round, error) {
	r, ok, err := LoadRound(env, id, number)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, contract.Errorf(contract.CodeNotFound, "job %s has no round %d", id.Short(), number)
	case r.State != state:
		return nil, contract.Errorf(CodeRoundState, "round %d is %s, want %s", number, r.State, state)
	}
	return r, nil
}

// openAttempt loads an open round if that is the attempt at work: what was meant
// for an earlier one and comes late must not count in this one.
func openAttempt(env *contract.Env, id ledger.Digest, number, attempt uint64) (*Round, error) {
	r, err := roundIn(env, id, number, job.RoundOpen)
	if err == nil && r.Attempt != attempt {
		return nil, contract.Errorf(CodeRoundState, "round %d is in attempt %d, not %d", number, r.Attempt, attempt)
	}
	return r, err
}

// askedUpdate loads the sender's row in an open round that still waits for its
// answer. It belongs to the methods of peers.
func askedUpdate(env *contract.Env, call contract.Call, id ledger.Digest, number, attempt uint64) (*Job, *Round, *Update, error) {
	if _, err := members.Require(env, call.Sender, identity.RolePeer); err != nil {
		return nil, nil, nil, err
	}
	j, err := activeJob(env, id)
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := openAttempt(env, id, number, attempt)
	if err != nil {
		return nil, nil, nil, err
	}
	u, ok, err := LoadUpdate(env, id, number, call.Sender)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case !ok || u.Attempt != r.Attempt:
		return nil, nil, nil, contract.Errorf(CodeNotInCohort, "round %d does not ask peer %s", number, call.Sender)
	case u.State != UpdateExpected:
		return nil, nil, nil, contract.Errorf(CodeAnswered, "peer %s has %s in round %d", call.Sender, u.State, number)
	}
	return j, r, u, nil
}

// endJob stores a job in a terminal state and says so.
func endJob(env *contract.Env, id ledger.Digest, j *Job, state job.State, reason job.Reason) error {
	j.State, j.Reason, j.Ended = state, reason, env.LogTime()
	if err := contract.Store(env, JobRow(id), j); err != nil {
		return err
	}
	kind := EventJobFailed
	switch state {
	case job.StateFinished:
		kind = EventJobFinished
	case job.StateCancelled:
		kind = EventJobCancelled
	default:
	}
	return env.Emit(kind, &JobEnded{
		Job: id, State: state, Reason: reason, Rounds: j.Finals,
		Model: j.Model, ModelSize: j.ModelSize, Card: j.Card, CardSize: j.CardSize,
	})
}
