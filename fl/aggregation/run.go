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
	if len(s.queue) >= s.config.Limits.Waiting {
		return View{}, fmt.Errorf("%w: %d runs wait", ErrLimit, len(s.queue))
	}
	state, reason := a.head.State, a.head.Reason
	a.head.State, a.head.Reason = Running, ""
	err = a.save()
	if err == nil {
		select {
		case s.queue <- a:
			a.touched = s.config.Now()
			return s.show(a), nil
		default:
			err = fmt.Errorf("%w: %d runs wait", ErrLimit, len(s.queue))
		}
	}
	a.head.State, a.head.Reason = state, reason
	return View{}, err
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
				select {
				case <-ctx.Done():
					return nil
				case a := <-s.queue:
					s.run(ctx, a)
				}
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
