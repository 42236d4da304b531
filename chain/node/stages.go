package node

import (
	"sync/atomic"
	"time"
)

// Stages says how long each stage of the node was at work.
type Stages struct {
	validating stage
	executing  stage
	storing    stage
}

// StageTimes is a reading of [Stages].
type StageTimes struct {
	Validating time.Duration // of all clients together
	Executing  time.Duration
	Storing    time.Duration
}

// StageTimes returns how long each stage was at work since the start.
func (n *Node) StageTimes() StageTimes {
	return StageTimes{Validating: n.stages.validating.total(), Executing: n.stages.executing.total(), Storing: n.stages.storing.total()}
}

type stage struct{ nanoseconds atomic.Int64 }

// begin starts the clock and returns what stops it.
func (s *stage) begin() func() {
	start := time.Now()
	return func() { s.nanoseconds.Add(int64(time.Since(start))) }
}

func (s *stage) total() time.Duration { return time.Duration(s.nanoseconds.Load()) }
