package node

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// TestComesBackToAFullDoor: a transaction whose record was skipped, since it came
// behind a change of the group, comes back while copies fill the door. It goes on its
// way when there is room, once, however often it came back and its client asked.
func TestComesBackToAFullDoor(t *testing.T) {
	t.Parallel()
	door := make(chan admitted, 4)
	f := newFlights(door)
	send := func(id ledger.Digest) *waitGroup {
		t.Helper()
		g := &waitGroup{outcomes: make([]Outcome, 1), open: 1, done: make(chan struct{})}
		if err := f.addAll(g, []guest{{admitted: admitted{id: id}, member: ledger.ID(id[:16])}}); err != nil {
			t.Fatal(err)
		}
		return g
	}
	empty := func() (ids []ledger.Digest) {
		for len(door) > 0 {
			ids = append(ids, (<-door).id)
			f.resume()
		}
		return ids
	}
	copies := func() {
		for i := range byte(cap(door)) {
			id := ledger.Digest{2, i}
			send(id)
			f.land([]Outcome{{ID: id}}) // through another node; it still stands at the door
		}
	}
	lost, landed := ledger.Digest{1}, ledger.Digest{3}
	send(lost)
	send(landed)
	empty() // their record is skipped
	copies()
	for range 2 {
		f.again(admitted{id: lost})
		f.again(admitted{id: landed})
	}
	f.land([]Outcome{{ID: landed}})
	waits := send(lost) // its client asks again
	sent := empty()
	if len(sent) != cap(door)+1 || sent[len(sent)-1] != lost {
		t.Fatalf("sent %v, want the copies and the one that came back", sent)
	}
	f.land([]Outcome{{ID: lost}})
	select {
	case <-waits.done:
	default:
		t.Error("its client is told nothing")
	}
	// What was held and is under way anew is sent once.
	send(lost)
	empty()
	copies()
	f.again(admitted{id: lost})
	f.land([]Outcome{{ID: lost}})
	<-door
	send(lost)
	if sent := empty(); len(sent) != cap(door) || sent[len(sent)-1] != lost {
		t.Errorf("sent %v, want one of the new flight", sent)
	}
	if len(f.held) != 0 || f.count() != 1 {
		t.Errorf("%d are held and %d under way, want none and one", len(f.held), f.count())
	}
}

// TestHeldIsAppended has the batcher go on with what came back, once it has taken the
// copies that were in its way and are not appended themselves.
func TestHeldIsAppended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &counted{gate: make(chan struct{})}
		n, send, end := batching(t, log)
		defer end()
		first := send()
		synctest.Wait() // it is being appended
		for range cap(n.pipeline.door) {
			n.flights.land([]Outcome{send()})
		}
		n.flights.again(admitted{id: first.ID, raw: []byte{1}})
		for range 2 {
			log.gate <- struct{}{}
			time.Sleep(recordGap)
		}
		log.is(t, "the one that came back", 1, 1)
	})
}
