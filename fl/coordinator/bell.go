package coordinator

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/fxamacker/cbor/v2"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// bell wakes a job's worker. It rings once however often it was pulled since
// the worker last looked.
type bell struct {
	rung chan struct{}
	// waits is set before the worker looks which peers are there, so that one
	// that comes afterwards wakes it.
	waits atomic.Bool
}

func newBell() *bell { return &bell{rung: make(chan struct{}, 1)} }

func (b *bell) ring() {
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// pass hands an event to whoever it concerns.
func (s *Service) pass(e ledger.Event, attend func(ledger.Digest)) {
	if e.Type == fl.EventPeerRegistered || e.Type == fl.EventChainCommitted {
		s.PeerCame()
		return
	}
	id, ok := eventJob(e)
	if !ok {
		return
	}
	if e.Type == fl.EventJobCreated {
		attend(id)
	}
	s.mu.Lock()
	b := s.workers[id]
	s.mu.Unlock()
	if b != nil {
		b.ring()
	}
	if e.Type == fl.EventRoundOpened {
		s.roundOpened()
	}
}

// eventJob returns the job that an event of the contract fl is about.
func eventJob(e ledger.Event) (ledger.Digest, bool) {
	kind, _, _ := strings.Cut(e.Type, ".")
	if !slices.Contains([]string{"job", "term", "round", "update"}, kind) {
		return ledger.Digest{}, false
	}
	var about struct {
		Job ledger.Digest `cbor:"job"`
	}
	err := cbor.Unmarshal(e.Data, &about) // leaves out the other fields, as ledger.Decode would not
	return about.Job, err == nil && !about.Job.IsZero()
}

// PeerCame wakes the workers whose job waits for peers, or for the chains that
// its cohorts are drawn by.
func (s *Service) PeerCame() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.workers {
		if b.waits.Load() {
			b.ring()
		}
	}
}

// roundOpened wakes the polls of peers.
func (s *Service) roundOpened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.opened)
	s.opened = make(chan struct{})
}

// opening returns a channel that is closed once another round has opened.
func (s *Service) opening() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// hear notes that a peer is there; one that was not tells all nodes, since any
// of them may be waiting for it.
func (s *Service) hear(peer ledger.ID) {
	if !s.peers.hear(peer) {
		return
	}
	s.PeerCame()
	s.link.Wake()
}
