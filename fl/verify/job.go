package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/card"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

// ErrNoJob tells that the ledger has no such job.
var ErrNoJob = errors.New("no such job on the ledger")

// Input is what is verified.
type Input struct {
	State contract.State
	Job   ledger.Digest
	Files []Files // tried in order
	// Withheld says that the files come from somebody who need not give updates
	// to this reader: of a final round the quorum's word then counts, and the
	// report says that it does.
	Withheld bool
	Threads  int // 0: all
	// Progress is called after each round; nil for none.
	Progress func(round, rounds uint64)
}

// Files is where models, updates and cards may be. Get returns content of that
// digest, or [blob.ErrNotFound].
type Files interface {
	Get(ctx context.Context, digest ledger.Digest) (blob.Blob, error)
}

// Job verifies one job. The error is nil unless ctx ended, the job does not
// exist or the state could not be read.
func Job(ctx context.Context, in Input) (Report, error) {
	j, ok, err := fl.LoadJob(in.State, in.Job)
	if err != nil {
		return Report{}, err
	}
	if !ok {
		return Report{}, fmt.Errorf("%w: %s", ErrNoJob, in.Job)
	}
	w := walk{in: in, job: j, noted: fl.Job{Spec: j.Spec}}
	err = w.run(ctx)
	if found, ok := errors.AsType[*Finding](err); ok {
		w.report.First, err = found, nil
	}
	return w.report, err
}

// walk is one verification under way.
type walk struct {
	in     Input
	job    *fl.Job
	report Report
	model  ledger.Digest // that the next round must begin with
	size   uint64
	state  fl.State // that it must begin with; zero for nothing
	noted  fl.Job   // what the rounds so far say of the best
}

func (w *walk) say(round uint64, basis Basis, format string, args ...any) {
	w.report.Lines = append(w.report.Lines, Line{Round: round, What: fmt.Sprintf(format, args...), Basis: basis})
}

func (w *walk) run(ctx context.Context) error {
	if err := w.initial(); err != nil {
		return err
	}
	for number := uint64(1); number <= w.job.Finals; number++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := w.round(ctx, number); err != nil {
			return err
		}
		w.report.Rounds++
		if w.in.Progress != nil {
			w.in.Progress(number, w.job.Finals)
		}
	}
	return w.end(ctx)
}

// initial derives the model that the first round must begin with.
func (w *walk) initial() error {
	spec := train.FromJob(&w.job.Spec)
	if named := w.job.Spec.InitialModel; named != "" {
		layout, err := train.FileLayout(spec)
		if err != nil {
			return finding("spec", "job", "%v", err)
		}
		if w.model, err = ledger.ParseDigest(named); err != nil {
			return finding("spec", "job", "%v", err)
		}
		w.size = uint64(layout.Canonical().FileBytes())
		w.say(0, ClaimOf("the job's creator"), "initial model %s, named by the spec", w.model.Short())
		return nil
	}
	b, err := train.InitialFile(spec)
	if err != nil {
		return finding("spec", "job", "%v", err)
	}
	w.model, w.size = ledger.Hash(b), uint64(len(b))
	w.say(0, Recomputed, "initial model %s from the spec and its seed", w.model.Short())
	return nil
}

// round checks one final round.
func (w *walk) round(ctx context.Context, number uint64) error {
	where := fmt.Sprintf("round %d", number)
	r, ok, err := fl.LoadRound(w.in.State, w.in.Job, number)
	if err != nil {
		return err
	}
	if !ok || r.State != job.RoundFinal {
		return finding("round", where, "the job counts it as final, its row does not")
	}
	if r.Model != w.model || r.ModelSize != w.size {
		return finding("model", where, "it began with model %s, the one before it gave %s", r.Model, w.model)
	}
	c, ok, err := fl.LoadCommit(w.in.State, w.in.Job, number, r.CommitTerm)
	if err != nil {
		return err
	}
	if !ok || c.Attempt != r.Attempt {
		return finding("commit", where, "it is final, but has no commit")
	}
	submitted, err := w.submitted(number, r)
	if err != nil {
		return err
	}
	if err := w.attested(number, c); err != nil {
		return err
	}
	computed, err := w.result(ctx, number, r, c, submitted)
	if err != nil {
		return err
	}
	if err := w.lost(number, r, computed, 0); err != nil {
		return err
	}
	w.say(number, ClaimOf("the peers"), "numbers of examples, %d in all", examples(submitted, c.Refused))
	if len(c.Metrics) > 0 {
		w.say(number, ClaimOf("node "+c.Node.Short()), "metrics %v", c.Metrics)
	}
	w.model, w.size = c.Model, c.ModelSize
	w.noted.Finals = number
	w.noted.Note(number, c.Metrics)
	w.state, err = w.kept(number, c)
	return err
}

// submitted returns the updates of the round's closed set, peers ascending.
func (w *walk) submitted(number uint64, r *fl.Round) ([]fl.Averaged, error) {
	where := fmt.Sprintf("round %d", number)
	cohort, ok, err := fl.LoadCohort(w.in.State, w.in.Job, number)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, finding("round", where, "it has no cohort")
	}
	if err := w.drawn(number, r, cohort.Peers); err != nil {
		return nil, err
	}
	var set []fl.Averaged
	for _, peer := range cohort.Peers {
		u, ok, err := fl.LoadUpdate(w.in.State, w.in.Job, number, peer)
		if err != nil {
			return nil, err
		}
		if ok && u.Attempt == r.Attempt && u.State == fl.UpdateSubmitted {
			set = append(set, fl.Averaged{Peer: peer, Digest: u.Digest, Weight: u.NumExamples})
		}
	}
	digest, err := fl.SetDigest(set)
	if err != nil {
		return nil, err
	}
	if digest != r.Set {
		return nil, finding("set", where, "the updates submitted have set digest %s, the round closed with %s", digest, r.Set)
	}
	return set, nil
}

// attested counts the nodes whose attestation equals the commit.
func (w *walk) attested(number uint64, c *fl.Commit) error {
	where := fmt.Sprintf("round %d", number)
	group, err := w.group(number)
	if err != nil {
		return err
	}
	agreed := 0
	err = w.words(number, group, c, func(_ ledger.ID, a *fl.Attestation) {
		if a.Dissent == "" && a.Set == c.Set && a.Weights == c.Weights && a.Model == c.Model {
			agreed++
		}
	})
	if err != nil {
		return err
	}
	if agreed < group.Quorum() {
		return finding("attestation", where, "%d of %d nodes agree, a quorum is %d", agreed, len(group.Nodes), group.Quorum())
	}
	w.say(number, Attested(agreed, len(group.Nodes)), "set %s, weights %s, model %s", c.Set.Short(), c.Weights.Short(), c.Model.Short())
	return nil
}

// result computes refusals, set, weights and average again. It returns the
// model that the updates give, zero where they are gone.
func (w *walk) result(ctx context.Context, number uint64, r *fl.Round, c *fl.Commit, submitted []fl.Averaged) (ledger.Digest, error) {
	where := fmt.Sprintf("round %d", number)
	averaged, unavailable := without(submitted, c.Refused)
	if err := compareDigests(where, c, averaged); err != nil {
		return ledger.Digest{}, err
	}
	got, err := w.recompute(ctx, where, r, except(submitted, unavailable))
	if errors.Is(err, blob.ErrNotFound) {
		if w.in.Withheld {
			w.report.Attested++
			w.say(number, Withheld, "average %s", c.Model.Short())
			return ledger.Digest{}, nil
		}
		w.report.Incomplete = true
		w.say(number, Expired, "average %s: %v", c.Model.Short(), err)
		return ledger.Digest{}, nil
	}
	if err != nil {
		return ledger.Digest{}, err
	}
	if claimed := known(c.Refused); !slices.Equal(got.refused, claimed) {
		return got.model, finding("refusal", where, "the bytes give %v, the commit says %v", got.refused, claimed)
	}
	if got.model != c.Model || got.size != c.ModelSize {
		return got.model, finding("average", where, "the updates give model %s, the commit says %s", got.model, c.Model)
	}
	kept, err := w.kept(number, c)
	if err != nil {
		return got.model, err
	}
	if got.state != kept {
		return got.model, finding("state", where, "the updates give state %s, the commit says %s", got.state.Digest, kept.Digest)
	}
	w.say(number, Recomputed, "average of %d updates: model %s", len(averaged), c.Model.Short())
	if !kept.Digest.IsZero() {
		w.say(number, Recomputed, "what the server remembers: state %s", kept.Digest.Short())
	}
	return got.model, nil
}

// kept returns what the server remembers by a commit, zero for nothing.
func (w *walk) kept(number uint64, c *fl.Commit) (fl.State, error) {
	kept, ok, err := fl.LoadState(w.in.State, w.in.Job, number, c.Term)
	if err != nil || !ok {
		return fl.State{}, err
	}
	return *kept, nil
}

// compareDigests checks that the commit's digests are those of what it
// averaged.
func compareDigests(where string, c *fl.Commit, averaged []fl.Averaged) error {
	set, err := fl.SetDigest(averaged)
	if err != nil {
		return err
	}
	weights, err := fl.WeightsDigest(averaged)
	if err != nil {
		return err
	}
	if set != c.Set || weights != c.Weights || c.Count != uint64(len(averaged)) {
		return finding("set", where, "the updates that were not refused have set %s and weights %s, the commit says %s and %s",
			set.Short(), weights.Short(), c.Set.Short(), c.Weights.Short())
	}
	return nil
}

// open opens a file from the first store that has it.
func (w *walk) open(ctx context.Context, digest ledger.Digest) (blob.Blob, error) {
	var tried []error
	for _, s := range w.in.Files {
		file, err := s.Get(ctx, digest)
		if err == nil {
			return file, nil
		}
		tried = append(tried, err)
	}
	for _, err := range tried {
		if !errors.Is(err, blob.ErrNotFound) {
			return nil, err // damage is worse than absence
		}
	}
	return nil, fmt.Errorf("%w: %s", blob.ErrNotFound, digest)
}

// end checks what the job's row says of its result.
func (w *walk) end(ctx context.Context) error {
	j := w.job
	if j.Finals > 0 && (j.Model != w.model || j.ModelSize != w.size) {
		return finding("model", "job", "its model is %s, the last final round gave %s", j.Model, w.model)
	}
	if j.Best != w.noted.Best || j.BestValue != w.noted.BestValue {
		return finding("best", "job", "the job names round %d with %v, the commits give round %d with %v", j.Best, j.BestValue, w.noted.Best, w.noted.BestValue)
	}
	if err := w.unfinished(ctx); err != nil {
		return err
	}
	state := string(j.State)
	if j.Reason != "" {
		state += fmt.Sprintf(" (%s)", j.Reason)
	}
	w.say(0, Recomputed, "state %s after %d of %d rounds, model %s", state, j.Finals, j.Spec.NumRounds, w.model.Short())
	if j.Best > 0 {
		w.say(j.Best, ClaimOf("the peers"), "best round, %s %v", j.Spec.EarlyStop.Metric, j.BestValue)
	}
	if j.State != job.StateFinished {
		return nil
	}
	if !j.Complete() {
		return finding("job", "job", "it is finished after %d of %d rounds", j.Finals, j.Spec.NumRounds)
	}
	if err := w.stored(ctx, "model", j.Model, j.ModelSize); err != nil {
		return err
	}
	return w.card(ctx)
}

// stored looks for a file of the result and reads it: that it can be made again
// does not say that anybody can still be given it.
func (w *walk) stored(ctx context.Context, what string, want ledger.Digest, size uint64) (err error) {
	file, err := w.open(ctx, want)
	if errors.Is(err, blob.ErrNotFound) {
		w.report.Incomplete = true
		w.say(0, Expired, "%s %s is not to be had", what, want.Short())
		return nil
	}
	if err != nil {
		return finding(what, "job", "%v", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if uint64(file.Size()) != size {
		return finding(what, "job", "the file has %d bytes, the ledger says %d", file.Size(), size)
	}
	digest, err := aggregator.Digest(ctx, file, file.Size())
	if err != nil {
		return trouble(ctx, what, "job", err)
	}
	if ledger.Digest(digest) != want {
		return finding(what, "job", "the file has digest %s, the ledger says %s", ledger.Digest(digest), want)
	}
	return nil
}

// card makes the model card again and compares: its digest on the ledger is the
// word of the node that closed the job.
func (w *walk) card(ctx context.Context) error {
	j := w.job
	made, err := card.Bytes(w.in.State, w.in.Job)
	if err != nil {
		return err
	}
	if got := ledger.Hash(made); got != j.Card || uint64(len(made)) != j.CardSize {
		return finding("card", "job", "the ledger gives model card %s of %d bytes, the job names %s of %d bytes",
			got, len(made), j.Card, j.CardSize)
	}
	w.say(0, Recomputed, "model card %s", j.Card.Short())
	return w.stored(ctx, "card", j.Card, j.CardSize)
}
