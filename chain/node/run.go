package node

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/librum/librum/chain/aplos"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/order"
)

// coreRun is the state of the core's loop beside the core itself.
type coreRun struct {
	*Node
	returned  []kept // taken from the keeper while the core waited for it
	lastClock int64  // newest time this node sent to the log by itself, ms
	warned    int64  // when a skipped record was last logged, ms
	unlogged  int    // skipped since then
}

// runCore executes and groups until the context ends.
func (n *Node) runCore(ctx context.Context) error {
	c := &coreRun{Node: n}
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		var err error
		select {
		case entries := <-n.pipeline.entries:
			err = c.step(ctx, entries)
		case k := <-n.pipeline.kept:
			err = c.stored(k)
		case s := <-n.pipeline.signatures:
			n.core.Machine.Receive(s)
		case p := <-n.pipeline.pulls:
			n.answerTo(p)
		case a := <-n.pipeline.answers:
			n.core.Machine.ReceiveAnswer(a.header, a.signatures)
		case <-n.pipeline.wantFinal:
			n.core.Machine.WaitFinal(n.nowMillis())
		case <-ticker.C:
			n.core.Machine.Tick(n.nowMillis())
		case <-ctx.Done():
			return nil
		}
		if err == nil {
			err = c.drain(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// drain does what the group asks until nothing is left.
func (c *coreRun) drain(ctx context.Context) error {
	for {
		for _, k := range c.returned {
			if err := c.stored(k); err != nil {
				return err
			}
		}
		c.returned = c.returned[:0]
		ready := c.core.Machine.Ready()
		if ready.Empty() && len(c.returned) == 0 {
			return nil
		}
		if err := c.act(ctx, ready); err != nil {
			return err
		}
	}
}

// step executes entries and hands closed blocks to the keeper.
func (c *coreRun) step(ctx context.Context, entries []order.Entry) error {
	for _, e := range entries {
		done := c.stages.executing.begin()
		c.viewMu.Lock()
		step, err := c.core.Step(ctx, e)
		c.viewMu.Unlock()
		done()
		if err != nil {
			return err
		}
		outcomes := c.recent.add(step.Executed, c.config.Self)
		c.tell(step.Executed, step.Commit != nil || changesMembers(step.Executed.Writes))
		if step.Executed.Skipped != nil {
			c.resend(e.Bytes)
		}
		c.flights.land(outcomes)
		c.putClock(step.Executed)
		if step.Commit == nil {
			continue
		}
		c.takeSeat()
		if err := c.hand(ctx, work{commit: step.Commit}); err != nil {
			return err
		}
		if err := c.drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

// changesMembers reports whether transactions wrote rows of members. What is done
// between two blocks may, too, and shows in no transaction's writes.
func changesMembers(writes [][]ledger.Write) bool {
	for _, list := range writes {
		for _, w := range list {
			if bytes.HasPrefix(w.Key, []byte(members.Prefix)) {
				return true
			}
		}
	}
	return false
}

// tell updates the status after a record.
func (c *coreRun) tell(e aplos.Executed, membersChanged bool) {
	if e.Skipped != nil {
		c.warnSkipped(&e)
	}
	c.board.update(func(s *Status) {
		s.Next, s.LogTime = e.Offset+1, e.LogTime
		if membersChanged {
			s.Members = s.Next
		}
		if n := len(e.Results); n > 0 {
			s.Last = e.Results[n-1].Position
		}
		if e.Skipped != nil {
			s.Skipped++
		}
	})
}

// warnSkipped logs a skipped record, one a second: whoever can write to the log can
// write many, and the disk is for blocks.
func (c *coreRun) warnSkipped(e *aplos.Executed) {
	now := c.nowMillis()
	if now >= c.warned && now-c.warned < time.Second.Milliseconds() {
		c.unlogged++
		return
	}
	c.logger().Warn("skipped a record of the log", "offset", e.Offset, "reason", e.Reason, "not_logged_before", c.unlogged)
	c.warned, c.unlogged = now, 0
}

// putClock appends this node's time after a record that asks for it, if its
// newest time on the log is too old.
func (c *coreRun) putClock(e aplos.Executed) {
	asks := e.Skipped == nil && (e.Record.Kind == ledger.RecordTransactions || e.Record.Kind == ledger.RecordWake)
	now := c.nowMillis()
	newest := max(c.core.ClockOf(c.config.Self), c.lastClock)
	if !asks || now-newest <= clockLead.Milliseconds() {
		return
	}
	select {
	case c.pipeline.control <- ledger.Record{Kind: ledger.RecordClock}:
		c.lastClock = now
	default: // the next record asks again
	}
}

// hand gives work to the keeper. While its queue is full the core takes what
// the keeper returns, so that neither waits for the other for ever.
func (c *coreRun) hand(ctx context.Context, w work) error {
	for {
		select {
		case c.pipeline.commits <- w:
			return nil
		case k := <-c.pipeline.kept:
			c.returned = append(c.returned, k)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// stored takes note of what the keeper did.
func (c *coreRun) stored(k kept) error {
	if k.signed != nil {
		return c.core.Machine.Signed(*k.signed)
	}
	if k.final != nil {
		return c.finalise(k.final)
	}
	c.core.Applied(k.applied)
	if err := c.core.Machine.Applied(k.applied); err != nil {
		return err
	}
	// In this order: whoever does not find a record among the recent ones any
	// more must know of the block that holds it.
	c.board.update(func(s *Status) {
		s.Height, s.NotFinal, s.Needed = k.applied, c.core.Machine.NotFinal(), neededFrom(k.next)
	})
	c.recent.drop(k.next - 1)
	return nil
}

// neededFrom returns the lowest record that a node needs whose newest stored block
// ends before next: the one before it, by which it knows the log again.
func neededFrom(next uint64) uint64 { return max(next, 1) - 1 }

// act does what the group says.
func (c *coreRun) act(ctx context.Context, r lokka.Ready) error {
	for _, s := range r.Sign {
		if err := c.hand(ctx, work{sign: &signWork{height: s.Height, header: s.Header}}); err != nil {
			return err
		}
	}
	if len(r.Keep) > 0 {
		if err := c.hand(ctx, work{keep: r.Keep}); err != nil {
			return err
		}
	}
	for _, s := range r.Send {
		c.link.Push(s)
	}
	for _, p := range r.Pull {
		c.link.Pull(p.Node, p.Height)
	}
	if r.Marker != 0 {
		select {
		case c.pipeline.control <- ledger.Record{Kind: ledger.RecordMarker, Height: r.Marker}:
		default: // the group asks again
		}
	}
	if r.Final != 0 {
		// Through the keeper, behind the signatures: what is told to be final
		// can be proven from the store.
		if err := c.hand(ctx, work{final: &finalWork{height: r.Final, header: r.FinalHeader}}); err != nil {
			return err
		}
	}
	for _, e := range r.Equivocations {
		c.logger().Error("a node signed two headers of one height", "signer", e.Node, "height", e.Height,
			"first", ledger.Hash(e.Headers[0]), "second", ledger.Hash(e.Headers[1]))
		select {
		case c.pipeline.evidence <- e:
		default: // the other nodes have it too
		}
	}
	if d := r.Divergence; d != nil {
		c.logger().Error("DIVERGED: this node's header differs from the quorum's; it signs no more",
			"height", d.Height, "own", ledger.Hash(d.Own), "quorum", ledger.Hash(d.Quorum), "signers", len(d.Signatures))
		// The evidence first: a process that dies in between would sign again.
		if c.config.KeepEvidence != nil {
			if err := c.config.KeepEvidence(*d); err != nil {
				return fmt.Errorf("keep the evidence of a divergence at height %d: %w", d.Height, err)
			}
		}
		c.board.update(func(s *Status) { s.Diverged = true })
	}
	return nil
}

func (c *coreRun) finalise(w *finalWork) error {
	header, err := ledger.ParseHeader(w.header)
	if err != nil {
		return fmt.Errorf("read final header %d: %w", w.height, err)
	}
	c.board.update(func(s *Status) {
		s.Final, s.FinalLast, s.FinalHash = w.height, header.Last, ledger.Hash(w.header)
		s.NotFinal = c.core.Machine.NotFinal()
	})
	return nil
}
