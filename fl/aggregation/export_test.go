package aggregation

import "context"

// Step takes the next aggregation of the queue to its end.
func (s *Service) Step(ctx context.Context) { s.run(ctx, s.next(ctx)) }

// Expire deletes what has expired by the service's clock.
func (s *Service) Expire() error { return s.expire() }
