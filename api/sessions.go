package api

import (
	"sync"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// sessions knows what the open uploads are. Their bytes are the blob store's;
// after a restart a client announces its upload again and goes on.
type sessions struct {
	mu    sync.Mutex
	most  int
	life  time.Duration
	now   func() time.Time
	byID  map[ledger.ID]*session
	open  int               // those that are not complete
	ofAny map[ledger.ID]int // of them, by peer
}

type session struct {
	v1.NewUpload

	touched  time.Time
	complete bool // all bytes were sent here, by whoever announced them
}

func newSessions(limits Limits, now func() time.Time) *sessions {
	return &sessions{
		most: limits.Uploads, life: limits.UploadLife, now: now,
		byID: map[ledger.ID]*session{}, ofAny: map[ledger.ID]int{},
	}
}

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

// announce adds a session, or finds it. Lapsed ones make room; their ids are
// returned so that their bytes can be dropped. A peer has a quarter of the
// places at most.
func (s *sessions) announce(id ledger.ID, u v1.NewUpload) (lapsed []ledger.ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if old, ok := s.byID[id]; ok {
		old.touched = now
		return nil, nil
	}
	for other, session := range s.byID {
		if now.Sub(session.touched) > s.life {
			lapsed = append(lapsed, other)
			s.drop(other)
		}
	}
	if s.open >= s.most || s.ofAny[u.Peer] >= max(1, s.most/4) {
		return lapsed, fail("too_many_uploads", "finish some or wait until they lapse").retry(30 * time.Second)
	}
	s.byID[id] = &session{NewUpload: u, touched: now}
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

// finish notes that an upload is complete. It stays known for its life, so
// that a lost answer can be asked for again, and takes no place any more.
func (s *sessions) finish(id ledger.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.byID[id]; ok && !found.complete {
		s.leave(found)
		found.complete = true
	}
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
	if !found.complete {
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
