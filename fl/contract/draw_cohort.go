package contract

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	"github.com/librum/librum/fl/job"
)

// DrawCohort is the arguments of the method of that name. It names the cohort,
// since a footprint cannot draw it; that it is the one drawn is checked.
type DrawCohort struct {
	Job     ledger.Digest `cbor:"job"`
	Round   uint64        `cbor:"round"`
	Attempt uint64        `cbor:"attempt"`
	Term    uint64        `cbor:"term"`
	Cohort  []ledger.ID   `cbor:"cohort"` // ascending
}

func drawCohortFootprint(call contract.Call, a *DrawCohort) (contract.Footprint, error) {
	if err := checkAscending("cohort", a.Cohort, MaxCohort); err != nil {
		return contract.Footprint{}, err
	}
	f := contract.Footprint{
		Reads: []contract.Key{members.MemberRow(call.Sender), governance.GroupRow, RosterRow(a.Job, a.Round)},
		Writes: []contract.Key{
			JobRow(a.Job), TermRow(a.Job), RoundRow(a.Job, a.Round), DrawRow(a.Job, a.Round), CohortRow(a.Job, a.Round),
		},
	}
	for _, peer := range a.Cohort {
		f.Writes = append(f.Writes, UpdateRow(a.Job, a.Round, peer))
	}
	return f, nil
}

func drawCohort(env *contract.Env, call contract.Call, a *DrawCohort) error {
	j, err := activeJob(env, a.Job)
	if err != nil {
		return err
	}
	t, err := held(env, call, a.Job, a.Term)
	if err != nil {
		return err
	}
	r, draw, err := drawing(env, a.Job, a.Round, a.Attempt)
	if err != nil {
		return err
	}
	roster, ok, err := LoadRoster(env, a.Job, a.Round)
	if err != nil || !ok {
		return missing(RosterRow(a.Job, a.Round), err)
	}
	if err := draw.drawable(env.LogTime()); err != nil {
		return err
	}
	if draw.Seed, err = draw.seed(a.Job, a.Round); err != nil {
		return err
	}
	if drawn := cohort.Draw(draw.Seed, roster.Peers, j.Spec.CohortSize(r.Roster)); !slices.Equal(drawn, a.Cohort) {
		return contract.Errorf(contract.CodeConflict, "cohort: %d peers named, not the %d that are drawn", len(a.Cohort), len(drawn))
	}
	left, err := mayCommit(env, a.Job, a.Round, t.Barred)
	if err != nil {
		return err
	}
	if !left { // all who are not barred have withheld: nobody could commit what the peers train
		return voidUnasked(env, a.Job, a.Round, j, r)
	}
	withheld := draw.Withheld()
	draw.Drawn = env.LogTime()
	r.State, r.Cohort, r.Withheld, r.Opened, r.OpenedBy = job.RoundOpen, uint64(len(a.Cohort)), uint64(len(withheld)), env.LogTime(), call.ID
	if err := contract.Store(env, DrawRow(a.Job, a.Round), draw); err != nil {
		return err
	}
	if err := contract.Store(env, RoundRow(a.Job, a.Round), r); err != nil {
		return err
	}
	if err := askCohort(env, a.Job, a.Round, r.Attempt, a.Cohort); err != nil {
		return err
	}
	return env.Emit(EventRoundOpened, &RoundOpened{
		Job: a.Job, Creator: j.Creator, Round: a.Round, Attempt: r.Attempt, Term: a.Term, Model: r.Model, ModelSize: r.ModelSize,
		State: draw.State, StateSize: draw.StateSize, Cohort: a.Cohort, Spec: j.Spec, Deadline: r.Deadline(&j.Spec),
		Seed: draw.Seed, Roster: r.Roster, Withheld: withheld,
	})
}

// beginDraw turns a round that opens into one whose cohort is drawn, where the
// job wants that, and gives each node of the group the next index of its chain.
// It returns nil where the cohort is the roster.
func beginDraw(env *contract.Env, a *OpenRound, j *Job, r *Round, group *ledger.Group) (*Draw, error) {
	if !j.Spec.Draws() {
		if len(a.Nodes) > 0 {
			return nil, badArguments("nodes", "the job asks the whole roster, so that no node reveals anything")
		}
		return nil, nil //nolint:nilnil // nothing is drawn
	}
	if !slices.EqualFunc(a.Nodes, group.Nodes, func(id ledger.ID, n ledger.GroupNode) bool { return id == n.Node }) {
		return nil, contract.Errorf(contract.CodeConflict, "nodes: want the %d of epoch %d", len(group.Nodes), group.Epoch)
	}
	digest, err := cohort.RosterDigest(a.Roster)
	if err != nil {
		return nil, err
	}
	draw := &Draw{Attempt: r.Attempt, Opened: env.LogTime(), Roster: digest, State: a.State, StateSize: a.StateSize}
	usable := uint64(0)
	for _, node := range a.Nodes {
		l, err := nextLink(env, node)
		if err != nil {
			return nil, err
		}
		if l.Chain != 0 {
			usable++
		}
		draw.Links = append(draw.Links, l)
	}
	if usable < r.Quorum() {
		return nil, contract.Errorf(contract.CodeConflict, "%d nodes have a hash chain, a quorum is %d", usable, r.Quorum())
	}
	r.State, r.Cohort = job.RoundDrawing, 0
	if err := contract.Store(env, RosterRow(a.Job, a.Round), &Roster{Attempt: r.Attempt, Peers: a.Roster}); err != nil {
		return nil, err
	}
	return draw, contract.Store(env, DrawRow(a.Job, a.Round), draw)
}

// nextLink takes the next index of a node's chain, which no other round is given.
func nextLink(env *contract.Env, node ledger.ID) (Link, error) {
	l := Link{Node: node}
	c, ok, err := LoadHashChain(env, node)
	if err != nil || !ok || !c.Usable() {
		return l, err
	}
	l.Chain, l.Index, l.Known, l.From = c.Number, c.Next, c.Known, c.Index
	c.Next++
	return l, contract.Store(env, HashChainRow(node), c)
}

// drawable refuses a draw while nodes may still reveal.
func (d *Draw) drawable(now int64) error {
	if len(d.Withheld()) == 0 {
		return nil
	}
	at, quorate := d.Deadline()
	if !quorate {
		return contract.Errorf(CodeRoundState, "%d of %d nodes have revealed, which is no quorum", d.Revealed(), len(d.Links))
	}
	if now < at {
		return contract.Errorf(contract.CodeTooEarly, "nodes may reveal until log time %d", at)
	}
	return nil
}

// seed returns the seed that what was revealed gives.
func (d *Draw) seed(id ledger.Digest, round uint64) (ledger.Digest, error) {
	reveals := make([]cohort.Reveal, 0, len(d.Links))
	for i := range d.Links {
		if l := &d.Links[i]; l.Revealed != 0 {
			reveals = append(reveals, cohort.Reveal{Node: l.Node, Value: l.Value})
		}
	}
	return cohort.Seed(id, round, d.Roster, reveals)
}

// Cohort returns whom a draw asks of a roster, by what has been revealed.
func (d *Draw) Cohort(id ledger.Digest, round uint64, spec *job.Spec, roster []ledger.ID) ([]ledger.ID, error) {
	seed, err := d.seed(id, round)
	if err != nil {
		return nil, err
	}
	return cohort.Draw(seed, roster, spec.CohortSize(uint64(len(roster)))), nil
}
