package verify

import (
	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// without returns the updates that were not refused, and the peers whose
// update was called unavailable, which no bytes can confirm.
func without(submitted []fl.Averaged, refused []fl.Refused) (averaged []fl.Averaged, unavailable map[ledger.ID]bool) {
	out := map[ledger.ID]bool{}
	unavailable = map[ledger.ID]bool{}
	for _, r := range refused {
		out[r.Peer] = true
		if r.Reason == aggregator.RefusedUnavailable {
			unavailable[r.Peer] = true
		}
	}
	return except(submitted, out), unavailable
}

// except returns the updates of all peers but some.
func except(updates []fl.Averaged, peers map[ledger.ID]bool) []fl.Averaged {
	var rest []fl.Averaged
	for _, u := range updates {
		if !peers[u.Peer] {
			rest = append(rest, u)
		}
	}
	return rest
}

// known returns the refusals that follow from the bytes.
func known(refused []fl.Refused) []fl.Refused {
	var rest []fl.Refused
	for _, r := range refused {
		if r.Reason != aggregator.RefusedUnavailable {
			rest = append(rest, r)
		}
	}
	return rest
}

// examples sums the examples of the updates that were averaged.
func examples(submitted []fl.Averaged, refused []fl.Refused) uint64 {
	averaged, _ := without(submitted, refused)
	sum := uint64(0)
	for _, u := range averaged {
		sum += u.Weight
	}
	return sum
}
