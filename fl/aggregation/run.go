package aggregation

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ledger"
)

// Start puts an aggregation into the queue. One that is there, or done, stays as
// it is.
func (s *Service) Start(id ledger.Digest) (View, error) {
	a, err := s.find(id)
	if err != nil {
		return View{}, err
	}
	defer a.mu.Unlock()
	if a.head.State == Running || a.head.State == Done {
		return s.show(a), nil
	}
	if err := s.startable(a); err != nil {
		return View{}, err
	}
	if err := s.enqueue(a); err != nil {
		return View{}, err
	}
	state, reason := a.head.State, a.head.Reason
	a.head.State, a.head.Reason = Running, ""
	if err := a.save(); err != nil {
		a.head.State, a.head.Reason = state, reason
		s.dequeue(a)
		return View{}, err
	}
	a.touched = s.config.Now()
	return s.show(a), nil
}

// enqueue gives a locked aggregation a place in the queue, unless too many wait,
// of all or of its creator's.
func (s *Service) enqueue(a *aggregation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := 0
	for _, other := range s.queue {
		if other.head.Creator == a.head.Creator { // it never changes
			own++
		}
	}
	switch {
	case len(s.queue) >= s.config.Limits.Waiting:
		return fmt.Errorf("%w: %d runs wait", ErrLimit, len(s.queue))
	case own >= s.config.Limits.OwnWaiting:
		return fmt.Errorf("%w: %d runs of member %s wait", ErrLimit, own, a.head.Creator)
	}
	s.queue = append(s.queue, a)
	s.signal()
	return nil
}

// dequeue gives back the place of an aggregation, if it has one.
func (s *Service) dequeue(a *aggregation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(other *aggregation) bool { return other == a })
}

// next waits for the oldest of the queue; nil once ctx has ended.
func (s *Service) next(ctx context.Context) *aggregation {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
		s.mu.Lock()
		if len(s.queue) == 0 { // it was deleted
			s.mu.Unlock()
			continue
		}
		a := s.queue[0]
		s.queue = slices.Delete(s.queue, 0, 1)
		if len(s.queue) > 0 {
			s.signal() // another may take it meanwhile
		}
		s.mu.Unlock()
		return a
	}
}

// signal wakes one that waits in next.
func (s *Service) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// startable refuses what lacks inputs.
func (s *Service) startable(a *aggregation) error {
	if a.parts > 0 {
		return fmt.Errorf("%w: a part of an input is being received", ErrState)
	}
	updates, global := 0, false
	for name, in := range a.inputs {
		if !a.complete[name] {
			return fmt.Errorf("%w: input %s is not complete", ErrState, name)
		}
		if in.Kind == Update {
			updates++
		}
		global = global || in.Kind == Global
	}
	if updates == 0 {
		return fmt.Errorf("%w: it has no update", ErrState)
	}
	rule, problems := a.head.Spec.resolve(updates)
	if len(problems) > 0 {
		texts := make([]string, len(problems))
		for i, p := range problems {
			texts[i] = p.Field + ": want " + p.Allowed
		}
		return fmt.Errorf("%w: %s", ErrState, strings.Join(texts, "; "))
	}
	if root := a.head.Spec.Strategy.Root; root != "" && a.inputs[root].Kind != Update {
		return fmt.Errorf("%w: the strategy trusts the update %s; send it", ErrState, root)
	}
	if rule.Needs().Global && !global {
		return fmt.Errorf("%w: the strategy looks at the global model; send it as an input of kind %s", ErrState, Global)
	}
	return nil
}

// Run runs what is started and deletes what expires, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range s.config.Limits.Runs {
		group.Go(func() error {
			for {
				a := s.next(ctx)
				if a == nil {
					return nil
				}
				s.run(ctx, a)
			}
		})
	}
	group.Go(func() error {
		tick := time.NewTicker(min(time.Minute, s.config.Limits.Life))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := s.expire(); err != nil {
					s.config.Logger.LogAttrs(ctx, slog.LevelError, "delete expired aggregations", slog.Any("error", err))
				}
			}
		}
	})
	return group.Wait()
}

// run takes one aggregation to its end.
func (s *Service) run(ctx context.Context, a *aggregation) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a.mu.Lock()
	if a.gone || a.head.State != Running {
		a.mu.Unlock()
		return
	}
	a.stop, a.ran = stop, make(chan struct{})
	defer close(a.ran) // after the unlock
	w := &work{service: s, aggregation: a, spec: a.head.Spec}
	for _, in := range a.inputs {
		w.inputs = append(w.inputs, in)
	}
	a.mu.Unlock()
	slices.SortFunc(w.inputs, func(x, y Input) int { return strings.Compare(x.Name, y.Name) })

	outcome, err := w.aggregate(ctx)

	a.mu.Lock()
	defer a.mu.Unlock()
	a.stop = nil
	if a.gone || err != nil && ctx.Err() != nil {
		return // deleted; or stopped, and run again at the next start
	}
	a.head.State, a.head.Outcome = Done, outcome
	if err != nil {
		a.head.State, a.head.Reason = Failed, clip(s.reason(ctx, a, err), maxReason)
	}
	a.touched = s.config.Now()
	s.mu.Lock()
	s.runs++
	s.mu.Unlock()
	if err := a.save(); err != nil { // it stands in memory, and is run again after a restart
		s.config.Logger.LogAttrs(ctx, slog.LevelError, "keep the end of an aggregation", slog.String("aggregation", a.id.String()), slog.Any("error", err))
	}
}
