package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// Submit lets signed transactions in and waits until this node has executed
// all of them. The outcomes stand in the order of raw; one that was refused at
// the door has Executed false and the code that execution would give it. A
// transaction that was executed before and has not expired gives its first
// outcome again. Where there is no room for all of them, none is let in.
//
// When ctx ends the transactions stay where they are: they may still execute.
func (n *Node) Submit(ctx context.Context, raw [][]byte) ([]Outcome, error) {
	if n.Status().Diverged {
		return nil, ErrDiverged
	}
	if err := n.awaitClock(ctx); err != nil {
		return nil, err
	}
	group := &waitGroup{outcomes: make([]Outcome, len(raw)), open: len(raw), done: make(chan struct{})}
	guests := make([]guest, 0, len(raw))
	for i, b := range raw {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		g, settled, err := n.receive(b)
		if err != nil {
			return nil, err
		}
		if settled != nil {
			group.outcomes[i] = *settled
			group.open--
			continue
		}
		g.index = i
		guests = append(guests, g)
	}
	if len(guests) == 0 {
		return group.outcomes, nil
	}
	if err := n.letIn(ctx, group, guests); err != nil {
		return nil, err
	}
	select {
	case <-group.done:
		return group.outcomes, n.firstOutcomes(group.outcomes)
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for execution: %w", context.Cause(ctx))
	case <-n.stopped:
		return nil, n.stopError(ctx)
	}
}

// firstOutcomes puts the first outcome in place of a replay's: a transaction
// sent again while it was under way was executed once, and that counts.
func (n *Node) firstOutcomes(outcomes []Outcome) error {
	for i := range outcomes {
		if outcomes[i].Code != contract.CodeReplayed {
			continue
		}
		first, ok, err := n.Outcome(outcomes[i].ID)
		if err != nil {
			return err
		}
		if ok {
			outcomes[i] = first
		}
	}
	return nil
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

// receive validates one transaction. It returns the transaction as a guest, or
// its outcome where that is known now.
func (n *Node) receive(raw []byte) (guest, *Outcome, error) {
	status := n.Status()
	validated := n.stages.validating.begin()
	t, id, err := n.executor.Validate(n, status.LogTime, n.limits.MaxTTL, neverSeen, raw)
	validated()
	if refused, ok := errors.AsType[*contract.Error](err); ok {
		switch refused.Code { // execution asks for replays before it asks for the sender's standing
		case identity.CodeNotActive, contract.CodeUnknownKey, contract.CodeNotPermitted:
			if outcome, known, err := n.Outcome(id); err != nil || known {
				return guest{}, &outcome, err
			}
		default:
		}
		return guest{}, &Outcome{ID: id, Code: refused.Code, Detail: refused.Detail}, nil
	}
	if err != nil {
		return guest{}, nil, err
	}
	if outcome, ok, err := n.Outcome(id); err != nil || ok {
		return guest{}, &outcome, err
	}
	if status.NotFinal >= MaxNotFinal && t.Contract != governance.Name {
		return guest{}, nil, ErrNotFinal
	}
	return guest{admitted: admitted{id: id, raw: raw}, member: t.Sender}, nil, nil
}

// letIn takes places in the window for all guests and sends those on their way
// that are not under way already.
func (n *Node) letIn(ctx context.Context, group *waitGroup, guests []guest) error {
	fresh, err := n.flights.addAll(group, guests)
	if err != nil {
		return err
	}
	for _, g := range fresh {
		select {
		case n.pipeline.door <- g.admitted: // as long as the window, so there is room
		case <-n.stopped:
			return n.stopError(ctx)
		}
	}
	return nil
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
func (n *Node) Wake(ctx context.Context, logTime int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, clockWait, ErrClock)
	defer cancel()
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
