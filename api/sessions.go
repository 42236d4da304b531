package api

import (
	"context"
	"sync"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// sessions knows what uploads there are: the open ones, and of each peer in
// each round the one that was completed last. Their bytes are the blob store's;
// after a restart a client announces its upload again and goes on.
type sessions struct {
	mu       sync.Mutex
	most     int
	life     time.Duration
	now      func() time.Time
	awaited  func(context.Context, v1.NewUpload) bool // whether the round still waits for the peer
	byID     map[ledger.ID]*session
	open     int                // those that are not complete
	ofAny    map[ledger.ID]int  // of them, by peer
	complete map[seat]ledger.ID // the others
}

// seat is a peer's place in a round.
type seat struct {
	job   ledger.Digest
	round uint64
	peer  ledger.ID
}

// maxComplete bounds the complete uploads that rounds wait for: those of two
// cohorts of [job.MaxPeers].
const maxComplete = 4_096

type session struct {
	v1.NewUpload

	id       ledger.ID
	touched  time.Time
	complete bool // all bytes were sent here, by whoever announced them
	own      bool // the content came with it and with nobody before
}

func newSessions(limits Limits, now func() time.Time, awaited func(context.Context, v1.NewUpload) bool) *sessions {
	return &sessions{
		most: limits.Uploads, life: limits.UploadLife, now: now, awaited: awaited,
		byID: map[ledger.ID]*session{}, ofAny: map[ledger.ID]int{}, complete: map[seat]ledger.ID{},
	}
}

func (s *session) seat() seat { return seat{s.Job, s.Round, s.Peer} }

// uploadID is the same for the same announcement, so that announcing it again
// after a lost answer or a restart finds what was sent.
func uploadID(u v1.NewUpload) (ledger.ID, error) {
	b, err := ledger.Encode([]any{"upload", u.Job[:], u.Round, u.Peer[:], u.Digest[:], u.Size})
	if err != nil {
		return ledger.ID{}, err
	}
	digest := ledger.Hash(b)
	return ledger.ID(digest[:16]), nil
}

// announce adds a session, or finds it. Lapsed ones make room; they are
// returned so that their bytes can be dropped. A peer has a quarter of the
// places at most.
func (s *sessions) announce(ctx context.Context, id ledger.ID, u v1.NewUpload) (lapsed []session, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if old, ok := s.byID[id]; ok {
		old.touched = now
		return nil, nil
	}
	crowded := len(s.complete) >= maxComplete
	for other, session := range s.byID {
		old := now.Sub(session.touched) > s.life
		if !session.complete && !old || session.complete && (!old && !crowded || s.awaited(ctx, session.NewUpload)) {
			continue
		}
		lapsed = append(lapsed, *session)
		s.drop(other)
	}
	if len(s.complete) >= maxComplete || s.open >= s.most || s.ofAny[u.Peer] >= max(1, s.most/4) {
		return lapsed, fail("too_many_uploads", "finish some or wait until they lapse").retry(30 * time.Second)
	}
	s.byID[id] = &session{NewUpload: u, id: id, touched: now}
	s.open++
	s.ofAny[u.Peer]++
	return lapsed, nil
}

// find returns an announced upload as it stands.
func (s *sessions) find(id ledger.ID) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.byID[id]
	if !ok {
		return session{}, false
	}
	found.touched = s.now()
	return *found, true
}

// finish notes that an upload is complete; own says that its content was not
// here before. It stays known, so that a lost answer can be asked for again,
// and takes no place any more. The one that the peer completed before in that
// round is forgotten and returned: a peer that sends one update after another
// must not fill the disk.
func (s *sessions) finish(id ledger.ID, own bool) (replaced *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.byID[id]
	if !ok || found.complete {
		return nil
	}
	if old, ok := s.complete[found.seat()]; ok {
		replaced = s.byID[old]
		s.drop(old)
	}
	s.leave(found)
	found.complete, found.own = true, own
	s.complete[found.seat()] = id
	return replaced
}

// inherit reports whether another complete upload has that content, which
// then counts as come with it.
func (s *sessions) inherit(digest ledger.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.complete {
		if heir := s.byID[id]; heir.Digest == digest {
			heir.own = true
			return true
		}
	}
	return false
}

// close forgets an upload.
func (s *sessions) close(id ledger.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(id)
}

func (s *sessions) drop(id ledger.ID) {
	found, ok := s.byID[id]
	if !ok {
		return
	}
	delete(s.byID, id)
	if found.complete {
		delete(s.complete, found.seat())
	} else {
		s.leave(found)
	}
}

// leave gives the place of an open upload back.
func (s *sessions) leave(found *session) {
	s.open--
	if s.ofAny[found.Peer]--; s.ofAny[found.Peer] == 0 {
		delete(s.ofAny, found.Peer)
	}
}

// count returns how many uploads are open.
func (s *sessions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}
