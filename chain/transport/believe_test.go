package transport_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/transport"
)

// TestCallsReadTheLedgerOnce holds that calls over one connection read the ledger once
// a record.
func TestCallsReadTheLedgerOnce(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	a := n.start(0, nil)
	n.start(1, nil)
	say := func(times int) {
		for range times {
			if err := n.say(a, 0, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	say(1)
	before := n.views.Load()
	say(20)
	if more := n.views.Load() - before; more != 0 {
		t.Errorf("the ledger was read %d times for 20 calls without a record", more)
	}
	n.put("elsewhere", 1)
	say(20)
	if more := n.views.Load() - before; more != 1 {
		t.Errorf("the ledger was read %d times for 20 calls after a record", more)
	}
}

// TestTimeRunsOutWhileConnected has a certificate, and a list of revoked ones, run out
// between two calls over one connection, without a record.
func TestTimeRunsOutWhileConnected(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{"certificate": cert.ErrExpired, "list": cert.ErrStaleList} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, 2)
			clock := new(clock)
			a := n.start(0, nil) // whose clock stands still
			until := now.AddDate(10, 0, 0)
			if name == "list" {
				until = now.Add(10 * time.Minute)
			}
			text, err := n.office.Authority.Revoke(nil, 1, now, until)
			if err != nil {
				t.Fatal(err)
			}
			list, err := cert.ParseRevoked(text, certificates(n.office.Authority.Certificate))
			if err != nil {
				t.Fatal(err)
			}
			n.start(1, func(c *transport.Config) {
				c.Now, c.Revoked = clock.now, func() *cert.Revoked { return list }
			})
			for range 2 {
				if err := n.say(a, 0, 1); err != nil {
					t.Fatal(err)
				}
				clock.advance(5 * time.Minute)
			}
			clock.advance(time.Second)
			if name == "certificate" {
				clock.advance(365 * 24 * time.Hour)
			}
			if err := n.say(a, 0, 1); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), want.Error()) {
				t.Errorf("a %s that ran out while connected: %v, want %v", name, err, want)
			}
		})
	}
}

// TestAuthorityIsReplacedWhileConnected has the ledger list the authority of a node
// for another organisation while it is connected.
func TestAuthorityIsReplacedWhileConnected(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	a := n.start(0, nil)
	n.start(1, nil)
	if err := n.say(a, 0, 1); err != nil {
		t.Fatal(err)
	}
	n.put("elsewhere", 1) // a record that says nothing of it
	if err := n.say(a, 0, 1); err != nil {
		t.Fatal(err)
	}
	n.list(n.office.Authority, aplostest.NodeID(7), false)
	if err := n.say(a, 0, 1); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a node whose authority is another organisation's: %v", err)
	}
	n.list(n.office.Authority, n.organisation(), false)
	n.eventually("the node to be heard again", func() error { return n.say(a, 0, 1) })
	n.put(governance.SuspendedRow, []governance.Suspension{{Node: aplostest.NodeID(0)}})
	if err := n.say(a, 0, 1); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a node that is suspended: %v", err)
	}
}

// BenchmarkCall is what a call over a connection costs, both of its sides: without a
// record in between, and with one before each call.
func BenchmarkCall(b *testing.B) {
	for name, record := range map[string]bool{"quiet": false, "a record before each": true} {
		b.Run(name, func(b *testing.B) {
			n := newNetwork(b, 4)
			a := n.start(0, nil)
			n.start(1, nil)
			for b.Loop() {
				if record {
					n.next.Add(1)
				}
				if err := n.say(a, 0, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
