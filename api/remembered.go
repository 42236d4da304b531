package api

import (
	"net/http"
	"sync"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Bounds of who is remembered.
const (
	maxRemembered = 4_096
	rememberedFor = 10 * time.Minute
)

// remembered are the callers that were let in lately, by token. Until a record is
// executed that changes members, what the ledger said of them holds. While the store is
// away the node can't look at members, and executes nothing that would change them;
// who was let in before may see how it fares.
type remembered struct {
	mu sync.Mutex
	by map[ledger.ID]acquaintance
}

type acquaintance struct {
	caller *caller
	at     time.Time
}

func newRemembered() *remembered { return &remembered{by: map[ledger.ID]acquaintance{}} }

func (r *remembered) note(c *caller, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.by) >= maxRemembered {
		clear(r.by)
	}
	r.by[c.ID] = acquaintance{caller: c, at: at}
}

// of returns who came with a token not long ago.
func (r *remembered) of(token ledger.ID, now time.Time) (*caller, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.by[token]
	return a.caller, ok && now.Sub(a.at) < rememberedFor
}

// still returns who came with a token since the record before that offset was
// executed, the last that changed members.
func (r *remembered) still(token ledger.ID, as uint64, now int64) (*caller, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.by[token]
	return a.caller, ok && a.caller.as == as && now <= a.caller.until
}

// recognise is identify. While the store is away it knows those that it remembers.
func (s *server) recognise(r *http.Request, away bool) (*caller, error) {
	if away {
		secret, ok := secretOf(r)
		if !ok {
			return s.identify(r) // which tells what is missing, and needs no store for it
		}
		token, ok := s.Tokens.Find(secret)
		if !ok {
			return s.identify(r)
		}
		if c, ok := s.remembered.of(token.ID, s.Now()); ok {
			return c, nil
		}
		return nil, store.ErrAway
	}
	c, err := s.identify(r)
	if err == nil {
		s.remembered.note(c, s.Now())
	}
	return c, err
}
