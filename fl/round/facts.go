package round

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// Facts are what a node knows beside the ledger. All of them can be found out
// again after a restart.
type Facts struct {
	Node     ledger.ID
	Started  int64        // the node's clock when this process started, ms; log time stands still while all are down
	Online   []ledger.ID  // peers registered as available that were heard of lately
	Initial  *File        // the initial model, derived here from the spec
	Held     []ledger.ID  // peers whose update of this attempt this node has, digest checked
	Missing  []ledger.ID  // peers whose update of this attempt it tried to get at least once and could not
	Computed *Computation // what it came to in this round
	Card     *File        // the model card, written here, once all rounds are final
	Chain    OwnChain     // where the job draws its cohorts
}

// OwnChain is what a node knows of its hash chain, whose secret is its alone.
type OwnChain struct {
	Known  bool           // it can reveal what the chain on the ledger has left
	Next   ledger.Digest  // anchor of the chain that it would commit to next
	Reveal *ledger.Digest // its value for the round whose cohort is being drawn; nil where it has none
}

// File is a file by its content.
type File struct {
	Digest ledger.Digest // SHA-256
	Size   uint64        // bytes
}

// Computation is the result of a round as a node computed it.
type Computation struct {
	Round   uint64
	Attempt uint64
	Without []ledger.ID  // peers left out as unavailable, ascending
	Refused []fl.Refused // all that were left out, peers ascending
	Set     ledger.Digest
	Weights ledger.Digest
	Model   File       // zero where fewer than min_train_peers updates remain
	State   File       // what the server remembers, with a model, where the strategy has any
	Metrics fl.Metrics // mean of the peers' claims
}

// Averaged returns the updates that remain once those of the refused peers are
// left out, peers ascending, each with its number of examples as its weight.
func (s *Snapshot) Averaged(refused []fl.Refused) []fl.Averaged {
	out := make(map[ledger.ID]bool, len(refused))
	for _, r := range refused {
		out[r.Peer] = true
	}
	var set []fl.Averaged
	for _, a := range s.Answers {
		if a.State == fl.UpdateSubmitted && !out[a.Peer] {
			set = append(set, fl.Averaged{Peer: a.Peer, Digest: a.Digest, Weight: a.NumExamples})
		}
	}
	return set
}

// Result returns the computation of the snapshot's round with the given
// refusals, average and state. They are left zero where fewer than
// min_train_peers updates remain.
func (s *Snapshot) Result(without []ledger.ID, refused []fl.Refused, model, state File) (Computation, error) {
	set := s.Averaged(refused)
	c := Computation{
		Round: s.Job.Round, Attempt: s.Round.Attempt, Without: ascending(without), Refused: slices.Clone(refused),
		Model: model, State: state, Metrics: s.meanMetrics(set),
	}
	slices.SortFunc(c.Refused, func(a, b fl.Refused) int { return compare(a.Peer, b.Peer) })
	var err error
	if c.Set, err = fl.SetDigest(set); err != nil {
		return c, err
	}
	c.Weights, err = fl.WeightsDigest(set)
	return c, err
}

// meanMetrics returns the means, weighted by examples, of the metrics that all
// updates of the set claim. What peers measured on rows that they held out is
// weighted by these, over those that tell it. A mean that is not finite is left
// out, and beyond [fl.MaxMetrics] those that the fewest tell: no peer can take the
// other means away by what it claims.
func (s *Snapshot) meanMetrics(set []fl.Averaged) fl.Metrics {
	weights := make(map[ledger.ID]float64, len(set))
	for _, a := range set {
		weights[a.Peer] = float64(a.Weight)
	}
	sums, totals, counts := map[string]float64{}, map[string]float64{}, map[string]int{}
	for _, a := range s.Answers {
		w, in := weights[a.Peer]
		if !in {
			continue
		}
		for name, value := range a.Metrics {
			w := w
			if strings.HasPrefix(name, fl.EvalPrefix) {
				w = max(a.Metrics[fl.EvalExamples], 0)
			}
			sums[name] += float64(w * value)
			totals[name] += w
			counts[name]++
		}
	}
	names := slices.SortedFunc(maps.Keys(sums), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	means := fl.Metrics{}
	for _, name := range names {
		mean := sums[name] / totals[name]
		switch {
		case name == fl.EvalExamples:
			mean = totals[name]
		case !strings.HasPrefix(name, fl.EvalPrefix) && counts[name] < len(set):
			continue
		}
		if len(means) < fl.MaxMetrics && !math.IsNaN(mean) && !math.IsInf(mean, 0) { // NaN: also where it is of no rows
			means[name] = mean
		}
	}
	return means
}
