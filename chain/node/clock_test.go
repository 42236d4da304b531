package node_test

import (
	"errors"
	"testing"
	"time"

	"github.com/librum/librum/chain/node"
)

// TestWake lets log time follow the clock, with one node of four down.
func TestWake(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{frozen: true})
	f.start()
	defer f.close()
	f.stop(3)
	for range 5 {
		f.clock.advance(10 * time.Second)
		want := f.clock.now().UnixMilli()
		if err := f.node(0).Wake(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if s := f.node(0).Status(); s.LogTime < want {
			t.Errorf("log time %d, want %d", s.LogTime, want)
		}
	}
	// A gateway whose log lags wakes it by itself.
	f.clock.advance(time.Minute)
	f.submit(1, f.transfer(0, 1, 1))
	end, err := f.log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Clocks wake nobody: an idle log falls silent.
	f.await(func(s node.Status) bool { return s.Next == end })
	if err := f.node(0).Wake(t.Context(), f.clock.start.UnixMilli()); err != nil {
		t.Error(err)
	}
	if again, err := f.log.End(t.Context()); err != nil || again > end+2 { // and the clocks that were on their way
		t.Errorf("the log went on from %d to %d, %v", end, again, err)
	}
}

// TestWakeAsksAgain wakes nodes whose time on the log is too new to be put
// there again: they answer once it is old.
func TestWakeAsksAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{frozen: true})
	f.start()
	defer f.close()
	f.clock.advance(10 * time.Second)
	if err := f.node(0).Wake(t.Context(), f.clock.now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(500 * time.Millisecond)
	woken := make(chan error, 1)
	go func() { woken <- f.node(0).Wake(t.Context(), f.clock.now().UnixMilli()) }()
	end, err := f.log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.eventually("the first wake to be executed everywhere", func() bool {
		for i := range 4 {
			if f.node(i).Status().Next <= end {
				return false
			}
		}
		return true
	})
	f.clock.advance(time.Second)
	if err := <-woken; err != nil {
		t.Errorf("woken: %v", err)
	}
}

// TestWakeAlone has nobody to answer.
func TestWakeAlone(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{frozen: true})
	f.start(0, 1)
	defer f.close()
	f.clock.advance(10 * time.Second)
	if _, err := f.node(0).Submit(t.Context(), [][]byte{f.transfer(0, 1, 1)}); !errors.Is(err, node.ErrClock) {
		t.Errorf("error %v, want %v", err, node.ErrClock)
	}
}
