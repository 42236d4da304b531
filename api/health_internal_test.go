package api

import (
	"errors"
	"testing"
	"time"

	"github.com/librum/librum/chain/node"
)

func TestHindrance(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		status     node.Status
		store, log time.Duration
		lag        node.Lag
	}{
		"":                     {status: node.Status{NotFinal: node.MaxNotFinal - 1}, store: awayAfter, log: awayAfter},
		"the node has stopped": {status: node.Status{Err: errors.New("x"), Diverged: true}},
		"the node's header differs from the quorum's": {status: node.Status{Diverged: true, NotFinal: node.MaxNotFinal}},
		"too many blocks are not final":               {status: node.Status{NotFinal: node.MaxNotFinal}, store: time.Hour},
		"the node's store does not answer":            {store: awayAfter + 1},
		"the log takes no records":                    {log: awayAfter + 1, lag: node.Lag{Records: 1}},
		"log time is 1m1s behind the node's clock: 7 records of the log are not executed yet": {lag: node.Lag{Records: 7, LogTime: 61 * time.Second}},
		"log time is 12s behind the node's clock: too few nodes put theirs on the log":        {lag: node.Lag{LogTime: 12 * time.Second}},
	} {
		if got := hindrance(c.status, c.store, c.log, c.lag); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}
