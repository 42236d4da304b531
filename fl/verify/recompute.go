package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/recompute"
)

// outcome is what the updates of a round come to.
type outcome struct {
	refused []fl.Refused
	model   ledger.Digest // zero where too few updates remain
	size    uint64
}

// recompute checks and averages updates. The error is a finding, or wraps
// [blob.ErrNotFound] where an update is gone.
func (w *walk) recompute(ctx context.Context, where string, updates []fl.Averaged) (got outcome, err error) {
	set, err := recompute.New(&w.job.Spec, w.open)
	if err != nil {
		return got, finding("spec", "job", "%v", err)
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	if got.refused, err = set.Check(ctx, updates); err != nil {
		return got, trouble(ctx, "update", where, err)
	}
	w.report.Updates += uint64(len(updates))
	averaged, _ := without(updates, got.refused)
	if int64(len(averaged)) < w.job.Spec.MinTrainPeers {
		return got, nil
	}
	result, err := set.Average(ctx, averaged, io.Discard, w.in.Threads)
	if err != nil {
		return got, trouble(ctx, "average", where, err)
	}
	w.report.Averages++
	got.model, got.size = ledger.Digest(result.Digest), uint64(result.Size)
	return got, nil
}

// trouble turns an error into a finding, unless it says that ctx ended or that
// a file is gone.
func trouble(ctx context.Context, kind, where string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, blob.ErrNotFound) {
		return err
	}
	return finding(kind, where, "%v", err)
}

// unfinished explains a round that has a result on the ledger but is not final.
// That it was found wrong there is no finding here: the ledger is right about
// it.
func (w *walk) unfinished(ctx context.Context) error {
	number := w.job.Round
	if number <= w.job.Finals {
		return nil
	}
	where := fmt.Sprintf("round %d", number)
	r, ok, err := fl.LoadRound(w.in.State, w.in.Job, number)
	if err != nil {
		return err
	}
	if !ok {
		return finding("round", where, "the job's row names it, but it has none")
	}
	if r.Committed == 0 {
		return nil
	}
	c, ok, err := fl.LoadCommit(w.in.State, w.in.Job, number, r.CommitTerm)
	if err != nil {
		return err
	}
	if !ok || c.Attempt != r.Attempt {
		return finding("commit", where, "its row says that it was committed, but it has no commit")
	}
	submitted, err := w.submitted(number, r)
	if err != nil {
		return err
	}
	if err := w.statements(number, r, c); err != nil {
		return err
	}
	if r.Model != w.model {
		w.say(number, Recomputed, "%s: it began with model %s instead of %s", r.State, r.Model.Short(), w.model.Short())
	}
	_, unavailable := without(submitted, c.Refused)
	got, err := w.recompute(ctx, where, except(submitted, unavailable))
	if errors.Is(err, blob.ErrNotFound) {
		w.report.Incomplete = true
		w.say(number, Expired, "%s result %s: %v", r.State, c.Model.Short(), err)
		return nil
	}
	if err != nil {
		return err
	}
	if r.State == job.RoundVoid && !got.model.IsZero() {
		return finding("refusal", where, "it is void, yet the updates give model %s", got.model)
	}
	w.say(number, Recomputed, "%s: the updates give model %s and refusals %v, node %s committed model %s and refusals %v",
		r.State, got.model.Short(), got.refused, c.Node.Short(), c.Model.Short(), known(c.Refused))
	return nil
}

// statements tells who agreed with a commit and who did not, and why.
func (w *walk) statements(number uint64, r *fl.Round, c *fl.Commit) error {
	group, ok, err := fl.LoadGroup(w.in.State, w.in.Job, number)
	if err != nil {
		return err
	}
	if !ok {
		return finding("round", fmt.Sprintf("round %d", number), "it has no attesting group")
	}
	agreed, dissents := 0, []string{}
	for _, n := range group.Nodes {
		a, ok, err := fl.LoadAttestation(w.in.State, w.in.Job, number, c.Term, n.Node)
		if err != nil {
			return err
		}
		switch {
		case !ok || a.Attempt != c.Attempt:
		case a.Dissent == "":
			agreed++
		default:
			dissents = append(dissents, fmt.Sprintf("node %s dissents (%s)", n.Node.Short(), a.Dissent))
		}
	}
	w.say(number, Attested(agreed, len(group.Nodes)), "%s: model %s of node %s; %s",
		r.State, c.Model.Short(), c.Node.Short(), strings.Join(append(dissents, fmt.Sprintf("a quorum is %d", group.Quorum())), ", "))
	return nil
}
