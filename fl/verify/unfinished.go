package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// unfinished explains a round that has results on the ledger but is not final.
// That they were found wrong there is no finding here: the ledger is right
// about it.
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
	told := r.CommitTerm
	if i := len(r.Lost) - 1; r.Committed == 0 && i >= 0 && r.Lost[i].Attempt == r.Attempt {
		told = r.Lost[i].Term
	}
	computed, err := w.standing(ctx, number, r, told)
	if err != nil {
		return err
	}
	return w.lost(number, r, computed, told)
}

// standing computes the newest commit of a round's attempt again, that of term.
// It returns the model that the updates give, zero where none do or there is no
// commit.
func (w *walk) standing(ctx context.Context, number uint64, r *fl.Round, term uint64) (model ledger.Digest, err error) {
	where := fmt.Sprintf("round %d", number)
	if term == 0 {
		return model, nil
	}
	c, ok, err := fl.LoadCommit(w.in.State, w.in.Job, number, term)
	if err != nil {
		return model, err
	}
	if !ok || c.Attempt != r.Attempt {
		return model, finding("commit", where, "its row says that it was committed, but it has no commit")
	}
	submitted, err := w.submitted(number, r)
	if err != nil {
		return model, err
	}
	if err := w.statements(number, r, c); err != nil {
		return model, err
	}
	if r.Model != w.model {
		w.say(number, Recomputed, "%s: it began with model %s instead of %s", r.State, r.Model.Short(), w.model.Short())
	}
	_, unavailable := without(submitted, c.Refused)
	got, err := w.recompute(ctx, where, r, except(submitted, unavailable))
	if errors.Is(err, blob.ErrNotFound) {
		w.report.Incomplete = true
		w.say(number, Expired, "%s result %s: %v", r.State, c.Model.Short(), err)
		return model, nil
	}
	if err != nil {
		return model, err
	}
	switch {
	case r.State != job.RoundVoid:
	case c.Input && r.Model == w.model:
		return model, finding("input", where, "it is void because of its input, yet it began with the right model %s", r.Model)
	case !c.Input && !got.model.IsZero():
		return model, finding("refusal", where, "it is void, yet the updates give model %s", got.model)
	}
	w.say(number, Recomputed, "%s: the updates give model %s and refusals %v, node %s committed model %s and refusals %v",
		r.State, got.model.Short(), got.refused, c.Node.Short(), c.Model.Short(), known(c.Refused))
	return got.model, nil
}

// group returns the nodes that attest a round.
func (w *walk) group(number uint64) (*ledger.Group, error) {
	group, ok, err := fl.LoadGroup(w.in.State, w.in.Job, number)
	if err == nil && !ok {
		err = finding("round", fmt.Sprintf("round %d", number), "it has no attesting group")
	}
	return group, err
}

// words calls visit with what each node said of a commit.
func (w *walk) words(number uint64, group *ledger.Group, c *fl.Commit, visit func(ledger.ID, *fl.Attestation)) error {
	for _, n := range group.Nodes {
		a, ok, err := fl.LoadAttestation(w.in.State, w.in.Job, number, c.Term, n.Node)
		if err != nil {
			return err
		}
		if ok && a.Attempt == c.Attempt {
			visit(n.Node, a)
		}
	}
	return nil
}

// statements tells who agreed with a commit and who did not, and why.
func (w *walk) statements(number uint64, r *fl.Round, c *fl.Commit) error {
	group, err := w.group(number)
	if err != nil {
		return err
	}
	agreed, dissents := 0, []string{}
	err = w.words(number, group, c, func(node ledger.ID, a *fl.Attestation) {
		if a.Dissent == "" {
			agreed++
		} else {
			dissents = append(dissents, fmt.Sprintf("node %s dissents (%s)", node.Short(), a.Dissent))
		}
	})
	if err != nil {
		return err
	}
	w.say(number, Attested(agreed, len(group.Nodes)), "%s: model %s of node %s; %s",
		r.State, c.Model.Short(), c.Node.Short(), strings.Join(append(dissents, fmt.Sprintf("a quorum is %d", group.Quorum())), ", "))
	return nil
}

// lost tells of each term that a round has lost who committed what, and what
// the others came to. Computed is what the updates of the newest attempt give,
// zero where that is not known; of the term that was told of already, it was
// said.
func (w *walk) lost(number uint64, r *fl.Round, computed ledger.Digest, told uint64) error {
	if len(r.Lost) == 0 {
		return nil
	}
	group, err := w.group(number)
	if err != nil {
		return err
	}
	for _, l := range r.Lost {
		c, ok, err := fl.LoadCommit(w.in.State, w.in.Job, number, l.Term)
		if err != nil {
			return err
		}
		if !ok || c.Attempt != l.Attempt || c.Node != l.Node {
			return finding("commit", fmt.Sprintf("round %d", number), "it lost term %d, but has no such commit", l.Term)
		}
		if err := w.lostTerm(number, group, l.Loss, c); err != nil {
			return err
		}
		if !computed.IsZero() && l.Attempt == r.Attempt && l.Term != told {
			w.say(number, Recomputed, "the updates give model %s, node %s committed %s in term %d", computed.Short(), c.Node.Short(), c.Model.Short(), c.Term)
		}
	}
	return nil
}

func (w *walk) lostTerm(number uint64, group *ledger.Group, loss fl.Loss, c *fl.Commit) error {
	results := map[string]int{} // what dissenters came to
	agreed := 0
	err := w.words(number, group, c, func(_ ledger.ID, a *fl.Attestation) {
		switch {
		case a.Dissent == "":
			agreed++
		case a.Model.IsZero():
			results["dissent because of "+string(a.Dissent)]++
		default:
			results["recomputed "+a.Model.Short()]++
		}
	})
	if err != nil {
		return err
	}
	n := len(group.Nodes)
	if loss == fl.LossTimeout {
		w.say(0, Attested(agreed, n), "node %s lost term %d of round %d, no quorum in time: committed %s", c.Node.Short(), c.Term, number, c.Model.Short())
		return nil
	}
	if loss == fl.LossWithheld {
		w.say(0, Attested(agreed, n), "node %s lost term %d of round %d, dissent and withheld values left no quorum: committed %s", c.Node.Short(), c.Term, number, c.Model.Short())
		return nil
	}
	against := 0
	said := make([]string, 0, len(results))
	for _, result := range slices.SortedFunc(maps.Keys(results), func(a, b string) int {
		return cmp.Or(results[b]-results[a], strings.Compare(a, b))
	}) {
		against = max(against, results[result])
		said = append(said, fmt.Sprintf("%s by %d of %d", result, results[result], n))
	}
	w.say(0, Attested(against, n), "node %s outvoted in term %d of round %d: committed %s, %s",
		c.Node.Short(), c.Term, number, c.Model.Short(), strings.Join(said, ", "))
	return nil
}
