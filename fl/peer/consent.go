package peer

import (
	"context"
	"errors"
	"fmt"
	"time"

	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/policy"
)

// Consent is what the owner of the data has a say in. The zero value agrees to
// everything and is for networks in one process.
type Consent struct {
	Policy *policy.Policy // nil: whatever is asked
	Egress *Egress        // nil: what leaves is not logged
	Paused func() bool    // nil: never; asked before and during all work
}

// ErrPaused ends the work of a peer whose owner paused it.
var ErrPaused = errors.New("the owner has paused the peer")

// errRefused wraps what the policy says no with.
var errRefused = errors.New("the policy refuses")

// pausePoll is how often a peer looks whether it is paused: the longest that
// work goes on after its owner said stop.
const pausePoll = 250 * time.Millisecond

func (p *Peer) paused() bool { return p.config.Consent.Paused != nil && p.config.Consent.Paused() }

// consent returns the rule that allows a round, or what speaks against it.
func (p *Peer) consent(opened *fl.RoundOpened) (rule string, err error) {
	c := &p.config.Consent
	switch {
	case p.paused():
		return "", ErrPaused
	case c.Policy == nil:
		return "none", nil
	}
	request := policy.Request{Creator: opened.Creator, Spec: &opened.Spec, Rows: p.config.Data.Rows, Columns: p.config.Data.Sources, Now: p.config.Now()}
	if c.Egress != nil {
		request.Jobs = c.Egress.OtherJobs(opened.Job)
	}
	decision := c.Policy.Decide(request)
	if !decision.Allowed() {
		return "", fmt.Errorf("%w: %s", errRefused, decision)
	}
	return decision.Rule, nil
}

// untilPaused returns a context that ends with the cause ErrPaused once the
// owner pauses the peer. stop is that of [until].
func (p *Peer) untilPaused(ctx context.Context) (_ context.Context, stop func()) {
	if p.config.Consent.Paused == nil {
		return ctx, func() {}
	}
	return until(ctx, pausePoll, ErrPaused, func(context.Context) bool { return p.paused() })
}
