package node

import (
	"cmp"
	"slices"
	"sync"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/ledger"
)

// recent holds the records that were executed and are in no stored block yet.
type recent struct {
	mu      sync.RWMutex
	floor   uint64 // records from this offset on are here or not executed yet
	records []aplos.Executed
	byID    map[ledger.Digest]Outcome
}

func newRecent(next uint64) *recent {
	return &recent{floor: next, byID: map[ledger.Digest]Outcome{}}
}

// add keeps a record and returns the outcomes that this node's clients wait
// for: those that stand for their id, and those of what this node appended
// itself. A record of another node may hold a copy with a broken signature, or
// one that came too early; what was let in here is still on its way then.
func (r *recent) add(e aplos.Executed, self ledger.ID) []Outcome {
	outcomes := make([]Outcome, 0, len(e.Results))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, e)
	for i := range e.Results {
		outcome := outcomeOf(&e.Results[i], e.LogTime, e.Details[i])
		if e.Burnt[i] {
			r.byID[outcome.ID] = outcome
		}
		if e.Burnt[i] || e.Record.Node == self {
			outcomes = append(outcomes, outcome)
		}
	}
	return outcomes
}

// drop forgets records that a stored block holds, all up to the offset.
func (r *recent) drop(last uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for ; n < len(r.records) && r.records[n].Offset <= last; n++ {
		for i := range r.records[n].Results {
			if r.records[n].Burnt[i] {
				delete(r.byID, r.records[n].Results[i].ID)
			}
		}
	}
	r.records = append([]aplos.Executed(nil), r.records[n:]...)
	r.floor = max(r.floor, last+1)
}

func (r *recent) outcome(id ledger.Digest) (Outcome, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	o, ok := r.byID[id]
	return o, ok
}

// from returns the records at or after the offset, and whether none of them
// stands in a stored block alone.
func (r *recent) from(offset uint64) (records []aplos.Executed, all bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i, _ := slices.BinarySearchFunc(r.records, offset, func(e aplos.Executed, o uint64) int { return cmp.Compare(e.Offset, o) })
	return slices.Clone(r.records[i:]), offset >= r.floor
}

func outcomeOf(r *ledger.Result, logTime int64, detail string) Outcome {
	return Outcome{
		ID: r.ID, Executed: true, Position: r.Position, LogTime: logTime,
		Code: r.Code, Detail: detail, Events: r.Events,
	}
}
