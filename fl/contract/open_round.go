package contract

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// OpenRound is the arguments of the method of that name.
type OpenRound struct {
	Job       ledger.Digest `cbor:"job"`
	Round     uint64        `cbor:"round"` // the last final one + 1
	Term      uint64        `cbor:"term"`
	Roster    []ledger.ID   `cbor:"roster"` // registered peers, ascending
	Model     ledger.Digest `cbor:"model"`  // the last final one; in round 1 the initial one
	ModelSize uint64        `cbor:"model_size"`
	State     ledger.Digest `cbor:"state,omitzero"` // what the server remembers of the last final round
	StateSize uint64        `cbor:"state_size,omitempty"`
	StateTerm uint64        `cbor:"state_term,omitempty"` // in which that was committed
	Nodes     []ledger.ID   `cbor:"nodes,omitempty"`      // of the group, ascending, where the cohort is drawn
}

func openRoundFootprint(call contract.Call, a *OpenRound) (contract.Footprint, error) {
	if err := checkAscending("roster", a.Roster, MaxCohort); err != nil {
		return contract.Footprint{}, err
	}
	if err := checkFile("model", a.Model, a.ModelSize); err != nil {
		return contract.Footprint{}, err
	}
	if !a.State.IsZero() || a.StateSize != 0 || a.StateTerm != 0 {
		if err := checkFile("state", a.State, a.StateSize); err != nil {
			return contract.Footprint{}, err
		}
		if a.Round < 2 {
			return contract.Footprint{}, badArguments("state", "nothing is remembered before round 1")
		}
	}
	if err := checkAscending("nodes", a.Nodes, ledger.MaxGroupNodes); err != nil {
		return contract.Footprint{}, err
	}
	f := contract.Footprint{
		Reads: []contract.Key{members.MemberRow(call.Sender), governance.GroupRow, governance.OrganisationsRow},
		Writes: []contract.Key{
			JobRow(a.Job), TermRow(a.Job), RoundRow(a.Job, a.Round),
			CohortRow(a.Job, a.Round), GroupRow(a.Job, a.Round),
		},
	}
	if a.StateTerm != 0 {
		f.Reads = append(f.Reads, RoundRow(a.Job, a.Round-1), StateRow(a.Job, a.Round-1, a.StateTerm))
	}
	for _, peer := range a.Roster {
		f.Reads = append(f.Reads, members.MemberRow(peer), PeerRow(peer))
		if len(a.Nodes) == 0 {
			f.Writes = append(f.Writes, UpdateRow(a.Job, a.Round, peer))
		}
	}
	if len(a.Nodes) > 0 {
		f.Writes = append(f.Writes, RosterRow(a.Job, a.Round), DrawRow(a.Job, a.Round))
	}
	for _, node := range a.Nodes {
		f.Writes = append(f.Writes, HashChainRow(node))
	}
	return f, nil
}

func openRound(env *contract.Env, call contract.Call, a *OpenRound) error {
	j, err := activeJob(env, a.Job)
	if err != nil {
		return err
	}
	if _, err := held(env, call, a.Job, a.Term); err != nil {
		return err
	}
	attempt, lost, err := nextAttempt(env, j, a)
	if err != nil {
		return err
	}
	if err := a.remembers(env, j); err != nil {
		return err
	}
	if n := int64(len(a.Roster)); n < j.Spec.MinAvailablePeers {
		return contract.Errorf(contract.CodeConflict, "%d peers, the job wants %d", n, j.Spec.MinAvailablePeers)
	}
	if !Rooted(&j.Spec, a.Roster) {
		return contract.Errorf(contract.CodeConflict, "peer %s, which the strategy trusts, is not in the roster", j.Spec.Strategy.Root)
	}
	peers := uint64(len(a.Roster))
	r := Round{
		Attempt: attempt, State: job.RoundOpen, Term: a.Term,
		Model: a.Model, ModelSize: a.ModelSize, Roster: peers, Cohort: peers, Wanted: j.Spec.Wanted(peers), Opened: env.LogTime(),
		OpenedBy: call.ID, Lost: lost,
	}
	if err := checkRoster(env, a.Roster); err != nil {
		return err
	}
	group, err := governance.Group(env)
	if err != nil {
		return err
	}
	r.Nodes = uint64(len(group.Nodes))
	if err := contract.Store(env, GroupRow(a.Job, a.Round), group); err != nil {
		return err
	}
	draw, err := beginDraw(env, a, j, &r, group)
	if err != nil {
		return err
	}
	if err := contract.Store(env, RoundRow(a.Job, a.Round), &r); err != nil {
		return err
	}
	j.State, j.Reason, j.Idle, j.Round = job.StateRunning, "", 0, a.Round
	j.Model, j.ModelSize = a.Model, a.ModelSize
	if err := contract.Store(env, JobRow(a.Job), j); err != nil {
		return err
	}
	if draw != nil {
		return env.Emit(EventRoundDrawing, &RoundDrawing{
			Job: a.Job, Round: a.Round, Attempt: attempt, Term: a.Term, Model: a.Model, Roster: draw.Roster, Peers: peers, Links: draw.Links,
		})
	}
	if err := askCohort(env, a.Job, a.Round, attempt, a.Roster); err != nil {
		return err
	}
	return env.Emit(EventRoundOpened, &RoundOpened{
		Job: a.Job, Creator: j.Creator, Round: a.Round, Attempt: attempt, Term: a.Term, Model: a.Model, ModelSize: a.ModelSize,
		State: a.State, StateSize: a.StateSize, Cohort: a.Roster, Spec: j.Spec, Deadline: r.Deadline(&j.Spec),
	})
}

// remembers checks that the round begins with what the server remembers of the
// last final one.
func (a *OpenRound) remembers(env *contract.Env, j *Job) error {
	rule, err := j.Spec.Rule()
	if err != nil {
		return contract.Errorf(contract.CodeConflict, "%v", err)
	}
	if wanted := rule.Needs().State && a.Round > 1; !wanted || a.StateTerm == 0 {
		if wanted || a.StateTerm != 0 || !a.State.IsZero() {
			return contract.Errorf(contract.CodeConflict,
				"a state is named exactly from round 2 on where the strategy, %s, remembers something", j.Spec.Strategy.Name)
		}
		return nil
	}
	r, ok, err := LoadRound(env, a.Job, a.Round-1)
	if err != nil || !ok {
		return missing(RoundRow(a.Job, a.Round-1), err)
	}
	if a.StateTerm != r.CommitTerm {
		return contract.Errorf(contract.CodeConflict, "round %d was committed in term %d", a.Round-1, r.CommitTerm)
	}
	kept, ok, err := LoadState(env, a.Job, a.Round-1, a.StateTerm)
	if err != nil || !ok {
		return missing(StateRow(a.Job, a.Round-1, a.StateTerm), err)
	}
	if kept.Digest != a.State || kept.Size != a.StateSize {
		return contract.Errorf(contract.CodeConflict, "round %d begins with state %s", a.Round, kept.Digest)
	}
	return nil
}

// nextAttempt checks that the round is the one to come and begins with the
// right model. One that is drawn from the seed nobody can check here: the nodes
// derive it, and dissent. Terms lost in earlier attempts go with the round.
func nextAttempt(env *contract.Env, j *Job, a *OpenRound) (attempt uint64, lost []LostTerm, err error) {
	if a.Round != j.Finals+1 || a.Round > uint64(j.Spec.NumRounds) {
		return 0, nil, contract.Errorf(CodeRoundState, "round %d of %d: %d are final", a.Round, j.Spec.NumRounds, j.Finals)
	}
	if j.Complete() {
		return 0, nil, contract.Errorf(CodeRoundState, "the job stops early: round %d was the best of %d", j.Best, j.Finals)
	}
	if named := j.Spec.InitialModel; j.Finals == 0 && named != "" && a.Model.String() != named {
		return 0, nil, contract.Errorf(contract.CodeConflict, "round 1 begins with model %s, which the spec names", named)
	}
	if !j.Model.IsZero() && (a.Model != j.Model || a.ModelSize != j.ModelSize) {
		return 0, nil, contract.Errorf(contract.CodeConflict, "round %d begins with model %s", a.Round, j.Model)
	}
	if j.Round < a.Round {
		return 1, nil, nil
	}
	last, err := roundIn(env, a.Job, a.Round, job.RoundVoid)
	if err != nil {
		return 0, nil, err
	}
	return last.Attempt + 1, last.Lost, nil
}

// checkRoster refuses peers that are not approved or not available.
func checkRoster(env *contract.Env, roster []ledger.ID) error {
	for _, peer := range roster {
		member, err := members.Require(env, peer, identity.RolePeer)
		if err != nil {
			return err
		}
		if err := governance.RequireStanding(env, member.Organisation); err != nil {
			return err
		}
		row, ok, err := LoadPeer(env, peer)
		if err != nil {
			return err
		}
		if !ok || !row.Available {
			return contract.Errorf(contract.CodeConflict, "peer %s is not available", peer)
		}
	}
	return nil
}

// askCohort writes who is asked.
func askCohort(env *contract.Env, id ledger.Digest, round, attempt uint64, peers []ledger.ID) error {
	for _, peer := range peers {
		if err := contract.Store(env, UpdateRow(id, round, peer), &Update{Attempt: attempt, State: UpdateExpected}); err != nil {
			return err
		}
	}
	return contract.Store(env, CohortRow(id, round), &Cohort{Attempt: attempt, Peers: peers})
}
