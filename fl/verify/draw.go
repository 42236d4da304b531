package verify

import (
	"fmt"
	"slices"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	fl "github.com/librum/librum/fl/contract"
)

// drawn draws a round's cohort again, from what the nodes revealed, where the job
// draws its cohorts.
func (w *walk) drawn(number uint64, r *fl.Round, asked []ledger.ID) error {
	if !w.job.Spec.Draws() {
		return nil
	}
	where := fmt.Sprintf("round %d", number)
	draw, ok, err := fl.LoadDraw(w.in.State, w.in.Job, number)
	if err != nil {
		return err
	}
	roster, found, err := fl.LoadRoster(w.in.State, w.in.Job, number)
	if err != nil {
		return err
	}
	if !ok || !found || draw.Attempt != r.Attempt || roster.Attempt != r.Attempt {
		return finding("draw", where, "its cohort was to be drawn, but nothing says how")
	}
	if digest, err := cohort.RosterDigest(roster.Peers); err != nil || digest != draw.Roster {
		return finding("draw", where, "the roster has digest %s, the draw is over %s", digest, draw.Roster)
	}
	if err := w.links(number, draw); err != nil {
		return err
	}
	peers, err := draw.Cohort(w.in.Job, number, &w.job.Spec, roster.Peers)
	if err != nil {
		return err
	}
	if !slices.Equal(peers, asked) {
		return finding("draw", where, "what was revealed draws other peers than the %d that were asked", len(asked))
	}
	w.say(number, Recomputed, "cohort of %d of %d peers, drawn by %d of %d nodes", len(peers), len(roster.Peers), draw.Revealed(), len(draw.Links))
	for _, node := range draw.Withheld() {
		w.say(number, Recomputed, "node %s withheld what the cohort was to be drawn by", node.Short())
	}
	return nil
}

// links checks that each node of the group revealed what it had committed to, a
// quorum at least.
func (w *walk) links(number uint64, draw *fl.Draw) error {
	where := fmt.Sprintf("round %d", number)
	group, err := w.group(number)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(draw.Links, group.Nodes, func(l fl.Link, n ledger.GroupNode) bool { return l.Node == n.Node }) {
		return finding("draw", where, "others than the attesting group were to reveal")
	}
	for i := range draw.Links {
		l := &draw.Links[i]
		if l.Revealed != 0 && (l.Chain == 0 || l.Index <= l.From || !cohort.Leads(l.Value, l.Known, l.Index-l.From)) {
			return finding("draw", where, "node %s revealed another value than it had committed to", l.Node.Short())
		}
	}
	if revealed := draw.Revealed(); revealed < uint64(group.Quorum()) {
		return finding("draw", where, "%d of %d nodes revealed, a quorum is %d", revealed, len(group.Nodes), group.Quorum())
	}
	return nil
}
