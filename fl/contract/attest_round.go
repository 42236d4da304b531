package contract

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// AttestRound is the arguments of the method of that name: what the node came
// to by itself. Without dissent it must equal the commit; with dissent it says
// where to look.
type AttestRound struct {
	Job     ledger.Digest `cbor:"job"`
	Round   uint64        `cbor:"round"`
	Attempt uint64        `cbor:"attempt"`
	Term    uint64        `cbor:"term"` // of the commit
	Set     ledger.Digest `cbor:"set"`
	Weights ledger.Digest `cbor:"weights"`
	Model   ledger.Digest `cbor:"model"`
	State   ledger.Digest `cbor:"state,omitzero"`
	Dissent Dissent       `cbor:"dissent,omitempty"`
}

func attestRoundFootprint(call contract.Call, a *AttestRound) (contract.Footprint, error) {
	if a.Dissent != "" && !slices.Contains(Dissents(), a.Dissent) {
		return contract.Footprint{}, badArguments("dissent", "want none or one of %v", Dissents())
	}
	return contract.Footprint{
		Reads: []contract.Key{
			members.MemberRow(call.Sender), governance.GroupRow, GroupRow(a.Job, a.Round), CommitRow(a.Job, a.Round, a.Term),
			StateRow(a.Job, a.Round, a.Term), DrawRow(a.Job, a.Round),
		},
		Writes: []contract.Key{
			JobRow(a.Job), TermRow(a.Job), RoundRow(a.Job, a.Round), AttestRow(a.Job, a.Round, a.Term, call.Sender),
		},
	}, nil
}

// attestRound also records what comes after a quorum, after the commit was lost
// or after the end of the job: it changes nothing then, but shows who agreed.
func attestRound(env *contract.Env, call contract.Call, a *AttestRound) error {
	if _, err := members.Require(env, call.Sender, identity.RoleNode); err != nil {
		return err
	}
	j, ok, err := LoadJob(env, a.Job)
	if err != nil {
		return err
	}
	if !ok {
		return contract.Errorf(contract.CodeNotFound, "no job %s", a.Job)
	}
	r, c, err := committed(env, a)
	if err != nil {
		return err
	}
	if err := attesting(env, call.Sender, a.Job, a.Round); err != nil {
		return err
	}
	before, ok, err := LoadAttestation(env, a.Job, a.Round, a.Term, call.Sender)
	if err != nil {
		return err
	}
	if ok && before.Attempt == r.Attempt {
		return contract.Errorf(CodeAnswered, "node %s has attested round %d in term %d", call.Sender, a.Round, a.Term)
	}
	var remembered State
	if s, ok, err := LoadState(env, a.Job, a.Round, a.Term); err != nil {
		return err
	} else if ok {
		remembered = *s
	}
	equal := a.Set == c.Set && a.Weights == c.Weights && a.Model == c.Model && a.State == remembered.Digest
	if a.Dissent == "" && !equal {
		return contract.Errorf(contract.CodeBadArguments, "dissent: none, though the result differs from the commit")
	}
	row := Attestation{Attempt: r.Attempt, Time: env.LogTime(), Set: a.Set, Weights: a.Weights, Model: a.Model, Dissent: a.Dissent}
	if err := contract.Store(env, AttestRow(a.Job, a.Round, a.Term, call.Sender), &row); err != nil {
		return err
	}
	agreed, dissented := r.count(c, a.Dissent)
	err = env.Emit(EventRoundAttested, &RoundAttested{
		Job: a.Job, Round: a.Round, Attempt: r.Attempt, Term: a.Term, Node: call.Sender, Dissent: a.Dissent,
		Agreed: agreed, Dissented: dissented, Nodes: r.Nodes,
	})
	if err != nil {
		return err
	}
	if r.State != job.RoundCommitted || r.CommitTerm != a.Term || j.State.Terminal() {
		return contract.Store(env, RoundRow(a.Job, a.Round), r)
	}
	return tally(env, a.Job, a.Round, j, r, c)
}

// committed loads the round and the commit that an attestation is about.
func committed(env *contract.Env, a *AttestRound) (*Round, *Commit, error) {
	r, ok, err := LoadRound(env, a.Job, a.Round)
	switch {
	case err != nil:
		return nil, nil, err
	case !ok:
		return nil, nil, contract.Errorf(contract.CodeNotFound, "job %s has no round %d", a.Job.Short(), a.Round)
	}
	c, ok, err := LoadCommit(env, a.Job, a.Round, a.Term)
	switch {
	case err != nil:
		return nil, nil, err
	case !ok || c.Attempt != a.Attempt || r.Attempt != a.Attempt:
		return nil, nil, contract.Errorf(CodeRoundState, "round %d has no commit of attempt %d and term %d", a.Round, a.Attempt, a.Term)
	}
	return r, c, nil
}

// count adds a word to the commit it is about, the one that stands or a lost
// one, and returns how many agree and dissent.
func (r *Round) count(c *Commit, dissent Dissent) (agreed, dissented uint64) {
	pro, contra := &r.Agreed, &r.Dissented
	for i := range r.Lost {
		if r.Lost[i].Term == c.Term {
			pro, contra = &r.Lost[i].Agreed, &r.Lost[i].Dissented
		}
	}
	if dissent == "" {
		*pro++
	} else {
		*contra++
	}
	return *pro, *contra
}
