package node

import (
	"sync"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/ledger"
)

// recent holds the records that were executed and are in no stored block yet.
type recent struct {
	mu      sync.RWMutex
	records []aplos.Executed
	byID    map[ledger.Digest]Outcome
}

func newRecent() *recent { return &recent{byID: map[ledger.Digest]Outcome{}} }

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
}

func (r *recent) outcome(id ledger.Digest) (Outcome, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	o, ok := r.byID[id]
	return o, ok
}

// from returns the records at or after the offset.
func (r *recent) from(offset uint64) []aplos.Executed {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for i := range r.records {
		if r.records[i].Offset >= offset {
			return append([]aplos.Executed(nil), r.records[i:]...)
		}
	}
	return nil
}

func outcomeOf(r *ledger.Result, logTime int64, detail string) Outcome {
	return Outcome{
		ID: r.ID, Executed: true, Position: r.Position, LogTime: logTime,
		Code: r.Code, Detail: detail, Events: r.Events,
	}
}
