package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/contract/identity"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Submit lets signed transactions in and waits until this node has executed
// all of them. The outcomes stand in the order of raw; one that was refused at
// the door has Executed false and the code that execution would give it. A
// transaction that was executed before gives its first outcome again. Where
// there is no room for all of them, none is let in.
//
// When ctx ends the transactions stay where they are: they may still execute.
func (n *Node) Submit(ctx context.Context, raw [][]byte) ([]Outcome, error) {
	if n.Status().Diverged {
		return nil, ErrDiverged
	}
	if n.seat.Load().key == nil {
		return nil, ErrOutside
	}
	if err := n.awaitClock(ctx); err != nil {
		return nil, err
	}
	group := &waitGroup{outcomes: make([]Outcome, len(raw)), open: len(raw), done: make(chan struct{})}
	guests, err := n.receive(ctx, raw, group)
	if err != nil {
		return nil, err
	}
	if len(guests) == 0 {
		return group.outcomes, nil
	}
	if err := n.flights.addAll(group, guests); err != nil {
		return nil, err
	}
	select {
	case <-group.done:
		if group.err != nil {
			return nil, group.err
		}
		return group.outcomes, n.firstOutcomes(ctx, group.outcomes)
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for execution: %w", context.Cause(ctx))
	case <-n.stopped:
		return nil, n.stopError(ctx)
	}
}

// firstOutcomes puts the first outcome in place of a replay's: a transaction
// sent again while it was under way was executed once, and that counts. It may
// have been executed through another node, and have expired by the time that the
// copy from here had its turn.
func (n *Node) firstOutcomes(ctx context.Context, outcomes []Outcome) error {
	var again []int
	var ids []ledger.Digest
	for i := range outcomes {
		if code := outcomes[i].Code; code == contract.CodeReplayed || code == contract.CodeExpired {
			again, ids = append(again, i), append(ids, outcomes[i].ID)
		}
	}
	first, err := n.outcomes(ctx, ids)
	for _, i := range again {
		if o, ok := first[outcomes[i].ID]; ok {
			outcomes[i] = o
		}
	}
	return err
}

// SubmitFinal is Submit, then waits until a quorum signed the blocks.
func (n *Node) SubmitFinal(ctx context.Context, raw [][]byte) ([]Outcome, error) {
	outcomes, err := n.Submit(ctx, raw)
	if err != nil {
		return nil, err
	}
	for _, o := range outcomes {
		if !o.Executed {
			continue
		}
		if err := n.AwaitFinal(ctx, o.Position); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// AwaitFinal waits until the block that holds the position is final, and asks
// for that block to be closed.
func (n *Node) AwaitFinal(ctx context.Context, p ledger.Position) error {
	select {
	case n.pipeline.wantFinal <- struct{}{}:
	default: // somebody has asked already
	}
	status, err := n.Await(ctx, func(s Status) bool { return s.Diverged || s.IsFinal(p) })
	if err == nil && !status.IsFinal(p) {
		err = ErrDiverged // nothing becomes final here any more
	}
	if err != nil {
		return fmt.Errorf("wait for the quorum: %w", err)
	}
	return nil
}

// guest is a valid transaction at the door.
type guest struct {
	admitted

	index  int // in the caller's list
	member ledger.ID
}

// receive validates transactions. It puts the outcomes that are known now in
// their places and returns the others as guests.
func (n *Node) receive(ctx context.Context, raw [][]byte, group *waitGroup) ([]guest, error) {
	defer n.stages.validating.begin()()
	settle := func(i int, o Outcome) { group.outcomes[i], group.open = o, group.open-1 }
	arrivals := make([]arrival, 0, len(raw))
	var late []arrival
	var executed []ledger.Digest // perhaps
	for i, b := range raw {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		a := arrival{Candidate: aplos.Read(b), index: i, raw: b}
		var err error
		a.refused, err = n.inspect(ctx, &a)
		switch {
		case err != nil:
			return nil, err
		case a.refused == nil:
			arrivals = append(arrivals, a)
		case isLate(a.refused.Code):
			late, executed = append(late, a), append(executed, a.ID)
		default:
			settle(i, refusedOutcome(a.ID, a.refused))
		}
	}
	valid := arrivals[:0]
	for k, holds := range n.verify(arrivals) {
		a := arrivals[k]
		if !holds {
			settle(a.index, refusedOutcome(a.ID, a.Forged()))
			continue
		}
		if n.core.Seen(a.ID) { // which spares a look-up in the store of what most are not
			executed = append(executed, a.ID)
		}
		valid = append(valid, a)
	}
	first, err := n.outcomes(ctx, executed)
	if err != nil {
		return nil, err
	}
	for _, a := range late {
		o, known := first[a.ID]
		if !known {
			o = refusedOutcome(a.ID, a.refused)
		}
		settle(a.index, o)
	}
	guests := make([]guest, 0, len(valid))
	for k := range valid {
		a := &valid[k]
		if o, known := first[a.ID]; known {
			settle(a.index, o)
			continue
		}
		if n.Status().NotFinal >= MaxNotFinal && a.Transaction.Contract != governance.Name {
			return nil, ErrNotFinal
		}
		n.config.checked.Put(a.ID, &a.Signed, &a.Transaction)
		guests = append(guests, guest{admitted: admitted{id: a.ID, raw: a.raw}, index: a.index, member: a.Transaction.Sender})
	}
	return guests, nil
}

// arrival is a transaction at the door that is being looked at.
type arrival struct {
	aplos.Candidate

	index   int // in the caller's list
	raw     []byte
	refused *contract.Error
}

// inspect checks all of a transaction but its signature, and says why it is
// refused, if it is.
func (n *Node) inspect(ctx context.Context, a *arrival) (*contract.Error, error) {
	status := n.Status()
	err := n.executor.Inspect(n.State(ctx), status.LogTime, n.seat.Load().limits.MaxTTL, neverSeen, &a.Candidate)
	if refused, ok := errors.AsType[*contract.Error](err); ok {
		return refused, nil
	}
	return nil, err
}

// isLate reports whether a transaction that is refused so now may have been
// executed: what was true of it once may be over.
func isLate(code ledger.Code) bool {
	switch code {
	case identity.CodeNotActive, contract.CodeUnknownKey, contract.CodeNotPermitted, contract.CodeExpired:
		return true
	default:
		return false
	}
}

// verify gives a verdict over each signature.
func (n *Node) verify(arrivals []arrival) []bool {
	list := make([]keys.Signed, len(arrivals))
	for i := range arrivals {
		list[i] = arrivals[i].Signed
	}
	if n.config.VerifyAll != nil {
		return n.config.VerifyAll(list)
	}
	valid := make([]bool, len(list))
	for i := range list {
		valid[i] = n.config.Verify(list[i].Key, list[i].Message, list[i].Signature)
	}
	return valid
}

// refusedOutcome is that of a transaction that was refused at the door.
func refusedOutcome(id ledger.Digest, err *contract.Error) Outcome {
	return Outcome{ID: id, Code: err.Code, Detail: err.Detail}
}

// awaitClock puts this node's time on the log where log time lags too far
// behind, since a deadline could not be told otherwise.
func (n *Node) awaitClock(ctx context.Context) error {
	caughtUp := func(s Status) bool {
		return n.config.Now().UnixMilli()-s.LogTime <= clockLead.Milliseconds()
	}
	if caughtUp(n.Status()) {
		return nil
	}
	return n.Wake(ctx, n.config.Now().Add(-clockLead).UnixMilli())
}

// Wake moves log time on to at least the given time, ms, by asking all nodes
// for theirs. It fails with [ErrClock] where they do not answer.
func (n *Node) Wake(ctx context.Context, logTime int64) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, clockWait, ErrClock)
	defer cancel()
	defer func() {
		if errors.Is(err, ErrClock) {
			n.refused.Store(n.nowMillis())
		}
	}()
	ask := time.NewTimer(0)
	defer ask.Stop()
	for {
		status, changed := n.board.read()
		switch {
		case status.LogTime >= logTime:
			return nil
		case status.Err != nil:
			return n.stopError(ctx)
		}
		select {
		case <-ask.C:
			// Asked again and again: a node whose time on the log is not old
			// yet does not answer, and may have to later.
			if err := n.wake(ctx); err != nil {
				return err
			}
			ask.Reset(wakeGap)
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// wake appends a wake, unless this node has done so just now: one answers all
// who wait.
func (n *Node) wake(ctx context.Context) error {
	now, last := n.nowMillis(), n.lastWake.Load()
	recent := now >= last && now-last < wakeGap.Milliseconds()
	if recent || !n.lastWake.CompareAndSwap(last, now) {
		return nil
	}
	return n.control(ctx, ledger.Record{Kind: ledger.RecordWake})
}

// control hands a record without transactions to the appender.
func (n *Node) control(ctx context.Context, r ledger.Record) error {
	select {
	case n.pipeline.control <- r:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-n.stopped:
		return n.stopError(ctx)
	}
}

// neverSeen leaves replays to the look-up of outcomes, which can answer them.
func neverSeen(ledger.Digest) bool { return false }
