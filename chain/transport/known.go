package transport

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
)

// known is what the ledger says of the nodes, as of a record. It is not changed.
type known struct {
	next      uint64 // the offset behind that record
	group     *ledger.Group
	suspended []governance.Suspension
}

// knowledge reads the ledger once a record at most, one reader at a time: what
// strangers ask of a node before they have shown who they are must cost it no
// more (invariant 6).
type knowledge struct {
	newest atomic.Pointer[known]
	turn   sync.Mutex // held while the ledger is read
}

func (k *knowledge) of(r *running) (*known, error) {
	if held := k.newest.Load(); held != nil && held.next == r.ledger.Next() {
		return held, nil
	}
	k.turn.Lock()
	defer k.turn.Unlock()
	next := r.ledger.Next() // before it is read: what is read is as new as that, or newer
	if held := k.newest.Load(); held != nil && held.next == next {
		return held, nil
	}
	fresh := &known{next: next}
	err := r.view(func(state contract.Range, _ int64) (err error) {
		if fresh.group, err = governance.Group(state); err != nil {
			return err
		}
		fresh.suspended, err = governance.Suspensions(state)
		return err
	})
	if err != nil {
		return nil, err
	}
	k.newest.Store(fresh)
	return fresh, nil
}

// speaks returns a node of the group in force that may speak.
func (k *known) speaks(id ledger.ID) (ledger.GroupNode, error) {
	member, ok := k.group.Find(id)
	switch {
	case !ok:
		return member, ErrOutside
	case k.isSuspended(id):
		return member, ErrSuspended
	}
	return member, nil
}

func (k *known) isSuspended(id ledger.ID) bool {
	return slices.ContainsFunc(k.suspended, func(s governance.Suspension) bool { return s.Node == id })
}
