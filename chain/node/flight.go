package node

import (
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// Outcome is what became of a transaction at this node.
type Outcome struct {
	ID       ledger.Digest
	Executed bool // false: refused at the door, nothing is on the log
	Position ledger.Position
	LogTime  int64 // of the record; of its block once that is stored
	Code     ledger.Code
	Detail   string // for people; empty where the node no longer knows it
	Events   []ledger.Event
}

// flights knows the transactions that were let in and not executed yet.
type flights struct {
	mu       sync.Mutex
	window   int
	byID     map[ledger.Digest]*flight
	byMember map[ledger.ID]int
	refused  error // why none is let in, nil while they are
}

type flight struct {
	member  ledger.ID
	waiters []waiter
}

// waiter is a place in a caller's list of outcomes.
type waiter struct {
	group *waitGroup
	index int
}

// waitGroup is one call of Submit that waits for several transactions.
type waitGroup struct {
	outcomes []Outcome
	open     int
	err      error // set before done is closed where no outcome will come
	done     chan struct{}
}

func newFlights(window int) *flights {
	return &flights{window: window, byID: map[ledger.Digest]*flight{}, byMember: map[ledger.ID]int{}}
}

// addAll joins the group to the flights of its guests and returns those whose
// flight is new, which must be appended. Where the window, or a member's
// quarter of it, has no room for all, none joins and the error is [ErrBusy].
func (f *flights) addAll(group *waitGroup, guests []guest) (fresh []guest, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused != nil {
		return nil, f.refused
	}
	news, perMember := map[ledger.Digest]bool{}, map[ledger.ID]int{}
	for _, g := range guests {
		if f.byID[g.id] == nil && !news[g.id] {
			news[g.id] = true
			perMember[g.member]++
			fresh = append(fresh, g)
		}
	}
	if len(f.byID)+len(fresh) > f.window {
		return nil, ErrBusy
	}
	for member, n := range perMember {
		if f.byMember[member]+n > share(f.window) {
			return nil, ErrBusy
		}
	}
	for _, g := range fresh {
		f.byID[g.id] = &flight{member: g.member}
		f.byMember[g.member]++
	}
	for _, g := range guests {
		fl := f.byID[g.id]
		fl.waiters = append(fl.waiters, waiter{group, g.index})
	}
	return fresh, nil
}

// share is how much of a window one member may fill.
func share(window int) int { return max(1, window/4) }

// land tells whoever waits for these transactions what became of them.
func (f *flights) land(outcomes []Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range outcomes {
		fl, ok := f.byID[o.ID]
		if !ok {
			continue
		}
		delete(f.byID, o.ID)
		if f.byMember[fl.member]--; f.byMember[fl.member] == 0 {
			delete(f.byMember, fl.member)
		}
		for _, w := range fl.waiters {
			w.group.outcomes[w.index] = o
			w.group.landed(1)
		}
	}
}

// landed counts places of the group that are filled; the lock is held, or the
// group not shared yet.
func (g *waitGroup) landed(n int) {
	if g.open -= n; g.open == 0 {
		close(g.done)
	}
}

// refuse lets none in from now on, and tells whoever waits that no outcome will
// come from here.
func (f *flights) refuse(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = err
	for _, fl := range f.byID {
		for _, w := range fl.waiters {
			if w.group.err == nil {
				w.group.err = err
				close(w.group.done)
			}
		}
	}
	clear(f.byID)
	clear(f.byMember)
}

// open lets them in again.
func (f *flights) open() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = nil
}

// has reports whether a transaction is under way.
func (f *flights) has(id ledger.Digest) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byID[id] != nil
}

// count returns how many transactions are under way.
func (f *flights) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byID)
}
