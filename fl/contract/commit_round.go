package contract

import (
	"slices"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// CommitRound is the arguments of the method of that name. Set and weights are
// digests: the updates stand in rows of their own, and thousands of them would not
// fit a transaction. Where refusals leave fewer than min_train_peers updates, or
// none of the peer that the strategy trusts, model and size are zero: the claim is that the round is void. So they are
// with input, which claims that the first round began with another model than
// the spec gives; nothing was averaged then, and the weights are zero too.
type CommitRound struct {
	Job       ledger.Digest `cbor:"job"`
	Round     uint64        `cbor:"round"`
	Attempt   uint64        `cbor:"attempt"` // so that a late copy cannot meet the next attempt
	Term      uint64        `cbor:"term"`
	Set       ledger.Digest `cbor:"set"`               // [SetDigest] of the updates averaged
	Weights   ledger.Digest `cbor:"weights"`           // [WeightsDigest] of the same
	Refused   []Refused     `cbor:"refused,omitempty"` // the rest of the closed set, peers ascending
	Input     bool          `cbor:"input,omitempty"`
	Model     ledger.Digest `cbor:"model"`
	ModelSize uint64        `cbor:"model_size"`
	State     ledger.Digest `cbor:"state,omitzero"` // what the server remembers; with a model, where the strategy has any
	StateSize uint64        `cbor:"state_size,omitempty"`
	Metrics   Metrics       `cbor:"metrics,omitempty"`
}

func commitRoundFootprint(call contract.Call, a *CommitRound) (contract.Footprint, error) {
	if err := a.check(); err != nil {
		return contract.Footprint{}, err
	}
	f := contract.Footprint{
		Reads: []contract.Key{members.MemberRow(call.Sender), GroupRow(a.Job, a.Round), DrawRow(a.Job, a.Round)},
		Writes: []contract.Key{
			JobRow(a.Job), TermRow(a.Job), RoundRow(a.Job, a.Round),
			CommitRow(a.Job, a.Round, a.Term), AttestRow(a.Job, a.Round, a.Term, call.Sender),
		},
	}
	if !a.State.IsZero() {
		f.Writes = append(f.Writes, StateRow(a.Job, a.Round, a.Term))
	}
	for _, r := range a.Refused {
		f.Reads = append(f.Reads, UpdateRow(a.Job, a.Round, r.Peer))
	}
	return f, nil
}

func (a *CommitRound) check() error {
	peers := make([]ledger.ID, len(a.Refused))
	for i, r := range a.Refused {
		if peers[i] = r.Peer; !slices.Contains(aggregator.Refusals(), r.Reason) {
			return badArguments("refused", "reason %d, want one of %v", i, aggregator.Refusals())
		}
	}
	if a.Input && (a.Round != 1 || len(a.Refused) > 0 || !a.Weights.IsZero()) {
		return badArguments("input", "it goes with round 1 alone, whose input no earlier round fixes, without refused updates and weights")
	}
	if err := checkAscending("refused", peers, MaxCohort); err != nil {
		return err
	}
	if !a.Model.IsZero() || a.ModelSize != 0 {
		if err := checkFile("model", a.Model, a.ModelSize); err != nil {
			return err
		}
	}
	if !a.State.IsZero() || a.StateSize != 0 {
		if err := checkFile("state", a.State, a.StateSize); err != nil {
			return err
		}
	}
	return a.Metrics.Validate()
}

func commitRound(env *contract.Env, call contract.Call, a *CommitRound) error {
	j, err := activeJob(env, a.Job)
	if err != nil {
		return err
	}
	if _, err := held(env, call, a.Job, a.Term); err != nil {
		return err
	}
	r, err := roundIn(env, a.Job, a.Round, job.RoundClosed)
	if err != nil {
		return err
	}
	if a.Attempt != r.Attempt {
		return contract.Errorf(CodeRoundState, "round %d is at attempt %d", a.Round, r.Attempt)
	}
	if err := attesting(env, call.Sender, a.Job, a.Round); err != nil {
		return err
	}
	count, err := a.remaining(env, j, r)
	if err != nil {
		return err
	}
	c := Commit{
		Attempt: r.Attempt, Term: a.Term, Node: call.Sender, Time: env.LogTime(),
		Set: a.Set, Count: count, Weights: a.Weights, Model: a.Model, ModelSize: a.ModelSize,
		Refused: a.Refused, Input: a.Input, Metrics: a.Metrics,
	}
	if err := contract.Store(env, CommitRow(a.Job, a.Round, a.Term), &c); err != nil {
		return err
	}
	if !a.State.IsZero() {
		if err := contract.Store(env, StateRow(a.Job, a.Round, a.Term), &State{Digest: a.State, Size: a.StateSize}); err != nil {
			return err
		}
	}
	own := Attestation{Attempt: r.Attempt, Time: env.LogTime(), Set: a.Set, Weights: a.Weights, Model: a.Model}
	if err := contract.Store(env, AttestRow(a.Job, a.Round, a.Term, call.Sender), &own); err != nil {
		return err
	}
	err = env.Emit(EventRoundCommitted, &RoundCommitted{
		Job: a.Job, Round: a.Round, Attempt: r.Attempt, Term: a.Term, Node: call.Sender, Set: a.Set, Count: count,
		Weights: a.Weights, Model: a.Model, ModelSize: a.ModelSize, State: a.State, StateSize: a.StateSize,
		Refused: a.Refused, Input: a.Input, Metrics: a.Metrics,
	})
	if err != nil {
		return err
	}
	r.State, r.Committed, r.CommitTerm, r.Agreed, r.Dissented = job.RoundCommitted, env.LogTime(), a.Term, 1, 0
	return tally(env, a.Job, a.Round, j, r, &c)
}

// remaining checks what can be checked without the files and returns how many
// updates were averaged.
func (a *CommitRound) remaining(env *contract.Env, j *Job, r *Round) (uint64, error) {
	for _, refused := range a.Refused {
		if _, err := submitted(env, a.Job, a.Round, r.Attempt, refused.Peer); err != nil {
			return 0, err
		}
	}
	count := r.Submitted - uint64(len(a.Refused))
	if len(a.Refused) == 0 && a.Set != r.Set {
		return 0, contract.Errorf(contract.CodeConflict, "nothing is refused, yet the set is not the closed one, %s", r.Set)
	}
	if refusesRoot(&j.Spec, a.Refused) && !a.Model.IsZero() {
		return 0, contract.Errorf(contract.CodeConflict, "the update of peer %s, which the strategy trusts, is refused: no model is named", j.Spec.Strategy.Root)
	}
	if void := a.Input || count < uint64(j.Spec.MinTrainPeers) || refusesRoot(&j.Spec, a.Refused); void != a.Model.IsZero() {
		return 0, contract.Errorf(contract.CodeConflict,
			"%d updates remain of at least %d: a model is named exactly if there are enough and the input is right", count, j.Spec.MinTrainPeers)
	}
	return count, a.remembers(j)
}

// remembers refuses a state without a strategy that has one, and the reverse.
func (a *CommitRound) remembers(j *Job) error {
	rule, err := j.Spec.Rule()
	if err != nil {
		return contract.Errorf(contract.CodeConflict, "%v", err)
	}
	if wanted := rule.Needs().State && !a.Model.IsZero(); wanted == a.State.IsZero() {
		return contract.Errorf(contract.CodeConflict,
			"a state is named exactly if there is a model and the strategy, %s, remembers something", j.Spec.Strategy.Name)
	}
	return nil
}

// attesting refuses nodes that are not in the group frozen when the round
// opened, and those that withheld what its cohort was to be drawn by.
func attesting(env *contract.Env, node ledger.ID, id ledger.Digest, round uint64) error {
	group, ok, err := LoadGroup(env, id, round)
	if err != nil || !ok {
		return missing(GroupRow(id, round), err)
	}
	if _, ok := group.Find(node); !ok {
		return contract.Errorf(CodeNotInGroup, "node %s does not attest round %d", node, round)
	}
	draw, ok, err := LoadDraw(env, id, round)
	if err != nil || !ok {
		return err
	}
	if l := draw.Link(node); l == nil || l.Revealed == 0 {
		return contract.Errorf(CodeWithheld, "node %s revealed nothing for round %d and does not attest it", node, round)
	}
	return nil
}
