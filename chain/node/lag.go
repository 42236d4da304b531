package node

import (
	"context"
	"time"
)

const (
	endGap    = time.Second      // between two questions for the log's end
	endWait   = 5 * time.Second  // how long an answer may take
	refusedIn = 30 * time.Second // for how long a refusal tells of the next
)

// Lag is how far a node is behind.
type Lag struct {
	Records uint64        // that were on the log a second ago and are not executed yet
	LogTime time.Duration // how far log time is behind the node's clock
}

// Lag says how far this node is behind, where transactions would be refused with
// [ErrClock] for it; elsewhere it is zero. Log time stands still on an idle log too,
// where a wake moves it on: it tells something only while records wait to be executed,
// or once such a wake went unanswered.
func (n *Node) Lag() Lag {
	const most = (clockLead + clockWait) / time.Millisecond
	status, now := n.Status(), n.nowMillis()
	lag := Lag{LogTime: time.Duration(now-status.LogTime) * time.Millisecond}
	if end := n.logEnd.Load(); end > status.Next {
		lag.Records = end - status.Next
	}
	refused := n.refused.Load()
	unanswered := status.LogTime < refused-int64(most) && now-refused < refusedIn.Milliseconds()
	if unanswered || lag.Records > 0 && now-status.LogTime > int64(most) {
		return lag
	}
	return Lag{}
}

// sound asks for the log's end again and again, and keeps the answer before the last:
// what came since then may just be under way. An answer that does not come is told by
// whoever reads or appends.
func (n *Node) sound(ctx context.Context) error {
	ticker := time.NewTicker(endGap)
	defer ticker.Stop()
	latest, known := uint64(0), false
	for {
		asking, cancel := context.WithTimeout(ctx, endWait)
		end, err := n.log.End(asking)
		cancel()
		if err == nil {
			if !known { // a node that starts knows at once how much lies before it
				latest, known = end, true
			}
			n.logEnd.Store(latest)
			latest = end
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
