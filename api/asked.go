package api

import (
	"context"
	"sync"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// asked finds out whether a member was asked by a round of a job. The ledger has
// a row for each round and peer and none for a job and its peers, so that a
// stranger costs a read a round; what was found is remembered, and each round is
// looked at once.
type asked struct {
	state func(context.Context) contract.Range // as of now
	turn  chan struct{}                        // held by who walks over past rounds, one at a time

	mu          sync.Mutex
	newer, past map[askedKey]askedUpTo
	bound       int // of each of the two
}

type askedKey struct {
	job    ledger.Digest
	member ledger.ID
}

// askedUpTo is what is known: that a round asked, or the last round of those that
// did not.
type askedUpTo struct {
	asked bool
	round uint64
}

// maxAsked is how many members of jobs are remembered, at least; about 150 bytes
// each, twice as many at most.
const maxAsked = 32_768

func newAsked(state func(context.Context) contract.Range, bound int) *asked {
	return &asked{state: state, turn: make(chan struct{}, 1), newer: map[askedKey]askedUpTo{}, bound: bound}
}

// by reports whether one of the rounds up to the newest asked the member, and how
// many it looked at.
func (a *asked) by(ctx context.Context, job ledger.Digest, newest uint64, member ledger.ID) (is bool, looked int, err error) {
	if newest == 0 {
		return false, 0, nil
	}
	key := askedKey{job, member}
	known := a.recall(key)
	if known.asked {
		return true, 0, nil
	}
	// The newest may ask others when it is opened again, and who trains now asks
	// most.
	_, is, err = fl.LoadUpdate(a.state(ctx), job, newest, member)
	if err != nil {
		return false, 1, err
	}
	if looked = 1; is {
		a.remember(key, askedUpTo{asked: true, round: newest})
		return true, looked, nil
	}
	if known.round+1 >= newest {
		return false, looked, nil
	}
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return false, looked, context.Cause(ctx)
	}
	known = a.recall(key) // another walked meanwhile
	for !known.asked && known.round+1 < newest {
		if err := context.Cause(ctx); err != nil {
			return false, looked, err
		}
		_, is, err := fl.LoadUpdate(a.state(ctx), job, known.round+1, member)
		if err != nil {
			return false, looked, err
		}
		looked++
		known = askedUpTo{asked: is, round: known.round + 1}
		a.remember(key, known)
	}
	return known.asked, looked, nil
}

func (a *asked) recall(key askedKey) askedUpTo {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.newer[key]; ok {
		return known
	}
	known, ok := a.past[key]
	if ok {
		a.put(key, known) // what is used stays
	}
	return known
}

func (a *asked) remember(key askedKey, known askedUpTo) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.put(key, known)
}

func (a *asked) put(key askedKey, known askedUpTo) {
	if _, ok := a.newer[key]; !ok && len(a.newer) >= a.bound {
		a.newer, a.past = map[askedKey]askedUpTo{}, a.newer
	}
	a.newer[key] = known
}
