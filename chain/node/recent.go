package node

import (
	"cmp"
	"slices"
	"sync"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/ledger"
)

// recent holds the records that were executed and are in no stored block yet, and
// some of those that went into one, for whoever follows closely: else each
// follower would read and decode every block of a busy chain.
type recent struct {
	mu      sync.RWMutex
	floor   uint64                    // records from this offset on are here or not executed yet
	records []aplos.Executed          // followers share what is in it: it grows at its end, and is copied to be cut
	stored  int                       // how many of records, from the front, stand in a stored block
	bytes   int                       // about what those take
	byID    map[ledger.Digest]Outcome // of the records in no stored block
}

// maxStoredBytes bounds what is kept of stored blocks.
const maxStoredBytes = 8 << 20

func newRecent(next uint64) *recent {
	return &recent{floor: next, byID: map[ledger.Digest]Outcome{}}
}

// add keeps a record and returns the outcomes that this node's clients wait
// for: those that stand for their id, and those of what this node appended
// itself. A record of another node may hold a copy with a broken signature, or
// one that came too early; what was let in here is still on its way then.
func (r *recent) add(e aplos.Executed, self ledger.ID) []Outcome {
	outcomes := make([]Outcome, 0, len(e.Results))
	e.Writes = nil // execution has them, and no follower asks
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

// drop forgets the outcomes in records up to the offset, which a stored block
// holds, and the oldest of such records where they become too many.
func (r *recent) drop(last uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ; r.stored < len(r.records) && r.records[r.stored].Offset <= last; r.stored++ {
		e := &r.records[r.stored]
		for i := range e.Results {
			if e.Burnt[i] {
				delete(r.byID, e.Results[i].ID)
			}
		}
		r.bytes += sizeOf(e)
	}
	n := 0
	for ; n < r.stored && r.bytes > maxStoredBytes; n++ {
		r.bytes -= sizeOf(&r.records[n])
		r.floor = max(r.floor, r.records[n].Offset+1)
	}
	if n > 0 {
		r.records, r.stored = append([]aplos.Executed(nil), r.records[n:]...), r.stored-n
	}
}

// sizeOf is about what a record without its writes takes in memory.
func sizeOf(e *aplos.Executed) int {
	size := 1024 + 2*len(e.Envelope) // read, it points to further copies of parts
	for i := range e.Results {
		size += 512
		for _, event := range e.Results[i].Events {
			size += len(event.Type) + len(event.Data)
		}
	}
	return size
}

func (r *recent) outcome(id ledger.Digest) (Outcome, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	o, ok := r.byID[id]
	return o, ok
}

// from returns the records at or after the offset, which are shared, and whether
// none of them stands in a stored block alone.
func (r *recent) from(offset uint64) (records []aplos.Executed, all bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i, _ := slices.BinarySearchFunc(r.records, offset, func(e aplos.Executed, o uint64) int { return cmp.Compare(e.Offset, o) })
	return slices.Clip(r.records[i:]), offset >= r.floor
}

func outcomeOf(r *ledger.Result, logTime int64, detail string) Outcome {
	return Outcome{
		ID: r.ID, Executed: true, Position: r.Position, LogTime: logTime,
		Code: r.Code, Detail: detail, Events: r.Events,
	}
}
