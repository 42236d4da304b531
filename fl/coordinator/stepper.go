package coordinator

import (
	"context"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/round"
)

// Stepper does for one job what a running service does, but one action after
// another and only when told, so that a simulation can be repeated.
type Stepper struct{ worker *worker }

// Stepper returns a stepper for a job.
func (s *Service) Stepper(id ledger.Digest) *Stepper {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := newBell()
	s.workers[id] = b
	return &Stepper{worker: newWorker(s, id, b)}
}

// Step does what is due now. It returns how many actions succeeded, and the
// log time at which more may be due, 0 for none. An action that fails is
// tried again by a later step.
func (s *Stepper) Step(ctx context.Context) (done int, wake int64, err error) {
	snapshot, actions, err := s.worker.decide(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, a := range actions {
		if at, ok := a.(round.Wake); ok {
			wake = at.At
			continue
		}
		apply, err := s.worker.perform(ctx, snapshot, a)
		if apply != nil {
			apply(s.worker)
		}
		if err == nil {
			done++
		}
	}
	return done, wake, nil
}
