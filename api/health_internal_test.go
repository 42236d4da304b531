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
	}{
		"":                     {status: node.Status{NotFinal: node.MaxNotFinal - 1}, store: awayAfter, log: awayAfter},
		"the node has stopped": {status: node.Status{Err: errors.New("x"), Diverged: true}},
		"the node's header differs from the quorum's": {status: node.Status{Diverged: true, NotFinal: node.MaxNotFinal}},
		"too many blocks are not final":               {status: node.Status{NotFinal: node.MaxNotFinal}, store: time.Hour},
		"the node's store does not answer":            {store: awayAfter + 1},
		"the log takes no records":                    {log: awayAfter + 1},
	} {
		if got := hindrance(c.status, c.store, c.log); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}
