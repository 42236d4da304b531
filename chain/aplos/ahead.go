package aplos

import (
	"sync/atomic"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
)

// Reads counts what was asked of the cache of committed rows since the start.
type Reads struct {
	Ahead  uint64 // rows read before the record that needs them was executed
	Missed uint64 // rows that execution then had to wait for one by one
	Held   uint64 // rows that were there
}

type reads struct{ ahead, missed, held atomic.Uint64 }

// Reads returns the counts. It is safe for concurrent use.
func (e *Executor) Reads() Reads {
	r := &e.state.reads
	return Reads{Ahead: r.ahead.Load(), Missed: r.missed.Load(), Held: r.held.Load()}
}

// readAhead brings into the cache what the turns of a record will read of the base,
// many rows at once: where the base is elsewhere, a row takes as long as hundreds
// do. What it leaves out, or what the cache could not hold, execution reads by
// itself.
func (e *Executor) readAhead(turns []turn) error {
	if e.config.ReadAhead < 2 {
		return nil
	}
	missing := e.state.missing(turns)
	values := make([]row, len(missing))
	failed := make([]error, len(missing))
	spread(e.config.ReadAhead, len(missing), 1, func(_, from, to int) {
		for i := from; i < to; i++ {
			values[i].value, values[i].exists, failed[i] = e.state.base.Latest([]byte(missing[i]))
		}
	})
	e.state.reads.ahead.Add(uint64(len(missing)))
	e.state.mu.Lock()
	defer e.state.mu.Unlock()
	for i, key := range missing {
		if failed[i] != nil {
			return failed[i]
		}
		e.state.keep(key, values[i])
	}
	return nil
}

// missing lists the rows that the turns' checks and footprints name and that are
// not in memory, each once.
func (s *state) missing(turns []turn) []contract.Key {
	var list []contract.Key
	listed := map[contract.Key]bool{}
	add := func(key contract.Key) {
		if listed[key] {
			return
		}
		listed[key] = true
		if _, ok := s.below(key, len(s.layers)); ok {
			s.reads.held.Add(1)
		} else {
			list = append(list, key)
		}
	}
	for i := range turns {
		t := &turns[i]
		if t.malformed != nil {
			continue
		}
		add(members.MemberRow(t.Transaction.Sender))
		for _, k := range t.action.Footprint.Reads {
			add(k)
		}
		for _, k := range t.action.Footprint.Writes {
			add(k)
		}
	}
	if len(list) > 0 {
		add(governance.OrganisationsRow)
		add(governance.SuspendedRow)
	}
	return list
}
