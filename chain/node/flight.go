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
	door     chan<- admitted // as long as the window; the lock is held while it is sent to
	byID     map[ledger.Digest]*flight
	byMember map[ledger.ID]int
	held     []admitted // came back while copies filled the door, see again
	refused  error      // why none is let in, nil while they are
}

type flight struct {
	member  ledger.ID
	waiters []waiter
	held    bool
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

func newFlights(door chan<- admitted) *flights {
	return &flights{window: cap(door), door: door, byID: map[ledger.Digest]*flight{}, byMember: map[ledger.ID]int{}}
}

// addAll joins the group to the flights of its guests, and sends those on their
// way whose flight is new. Where the window, a member's quarter of it or the door
// has no room for all, none joins and the error is [ErrBusy]. It waits for
// nothing. The door may be fuller than the window: of what was executed through
// another node meanwhile a copy stands there until the log takes it.
func (f *flights) addAll(group *waitGroup, guests []guest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused != nil {
		return f.refused
	}
	var fresh []guest
	news, perMember := map[ledger.Digest]bool{}, map[ledger.ID]int{}
	for _, g := range guests {
		if f.byID[g.id] == nil && !news[g.id] {
			news[g.id] = true
			perMember[g.member]++
			fresh = append(fresh, g)
		}
	}
	if len(f.byID)+len(fresh) > f.window || len(f.door)+len(fresh) > cap(f.door) {
		return ErrBusy
	}
	for member, n := range perMember {
		if f.byMember[member]+n > share(f.window) {
			return ErrBusy
		}
	}
	for _, g := range fresh {
		f.byID[g.id] = &flight{member: g.member}
		f.byMember[g.member]++
		f.door <- g.admitted // there is room
	}
	for _, g := range guests {
		fl := f.byID[g.id]
		fl.waiters = append(fl.waiters, waiter{group, g.index})
	}
	return nil
}

// again sends a transaction on its way once more if it is still under way. While
// copies fill the door, see addAll, it is held: a client that asks again joins this
// flight, and nobody else would send it.
func (f *flights) again(a admitted) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl := f.byID[a.id]
	if fl == nil || fl.held {
		return
	}
	select {
	case f.door <- a:
	default:
		fl.held = true
		f.held = append(f.held, a)
	}
}

// underWay reports whether a transaction that was let in was not executed yet.
func (f *flights) underWay(id ledger.Digest) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byID[id] != nil
}

// resume sends those that are held on their way, as far as there is room. Who takes
// from the door calls it before it waits there.
func (f *flights) resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ; len(f.held) > 0; f.held = f.held[1:] {
		a := f.held[0]
		fl := f.byID[a.id]
		if fl == nil || !fl.held { // it has landed meanwhile
			continue
		}
		select {
		case f.door <- a:
			fl.held = false
		default:
			return
		}
	}
	f.held = nil
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
	f.held = nil
}

// open lets them in again.
func (f *flights) open() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = nil
}

// count returns how many transactions are under way.
func (f *flights) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byID)
}
