package node_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
)

// unread is a log whose records are not handed out until it is opened.
type unread struct {
	order.Log

	open chan struct{}
}

func (l *unread) Read(ctx context.Context, from uint64, maxBytes int) ([]order.Entry, error) {
	select {
	case <-l.open:
		return l.Log.Read(ctx, from, maxBytes)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// TestLagOfRecords: a node that starts far behind the log refuses transactions since
// log time does not come, and says so before anybody asked, until it has caught up.
func TestLagOfRecords(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	f := newFleet(t, options{nodes: 1, frozen: true, wrapLog: func(_ int, l order.Log) order.Log { return &unread{l, open} }})
	const records = 20
	for range records {
		if _, err := f.log.Append(t.Context(), []byte("of nobody")); err != nil {
			t.Fatal(err)
		}
	}
	f.clock.advance(6 * time.Second)
	f.start()
	defer f.close()
	n := f.node(0)
	if lag := n.Lag(); lag != (node.Lag{}) {
		t.Errorf("log time came within the bound: %+v", lag)
	}
	f.clock.advance(time.Second)
	f.eventually("the lag is known", func() bool { return n.Lag() == node.Lag{Records: records, LogTime: 7 * time.Second} })
	close(open)
	f.eventually("it has caught up", func() bool { return n.Lag() == node.Lag{} })
	f.submit(0, f.transfer(0, 1, 1))
	f.clock.advance(time.Hour) // an idle log falls silent
	if lag := n.Lag(); lag != (node.Lag{}) {
		t.Errorf("idle: %+v", lag)
	}
}

// TestLagOfLogTime: where too few nodes put their clocks on the log, a node that had to
// refuse says so, for a while or until log time comes.
func TestLagOfLogTime(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{frozen: true})
	f.start(0, 1)
	defer f.close()
	n := f.node(0)
	f.clock.advance(time.Hour)
	if lag := n.Lag(); lag != (node.Lag{}) {
		t.Errorf("idle: %+v", lag)
	}
	refuse := func() {
		t.Helper()
		if _, err := n.Submit(t.Context(), [][]byte{f.transfer(0, 1, 1)}); !errors.Is(err, node.ErrClock) {
			t.Fatalf("error %v, want %v", err, node.ErrClock)
		}
		if lag := n.Lag(); lag.LogTime < time.Hour {
			t.Errorf("after a refusal: %+v", lag)
		}
	}
	refuse()
	f.clock.advance(30 * time.Second)
	f.eventually("it is tried again", func() bool { return n.Lag() == node.Lag{} })
	refuse()
	f.start(2) // answers the wakes that it finds
	f.eventually("log time has come", func() bool { return n.Lag() == node.Lag{} })
	if o := f.submit(0, f.transfer(0, 1, 1)); o[0].Code != ledger.CodeOK {
		t.Errorf("%+v", o)
	}
}
