package bearer

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// The bounds of a store.
const (
	MaxTokens    = 65_536
	MaxPerMember = 16
	// Requests that made a token which is gone are remembered until they expire,
	// a file each.
	MaxSpent          = 65_536
	MaxSpentPerMember = 1_024
)

// What callers can act on.
var (
	// ErrReplayed refuses a request that made a token before.
	ErrReplayed = errors.New("the request for a token was used before")
	// ErrTooMany refuses a token; revoke one, or wait until some expire.
	ErrTooMany = errors.New("too many tokens")
	// ErrTooFast refuses a token; ask again once requests before have expired.
	ErrTooFast = errors.New("too many requests for tokens are remembered")
	// ErrNotFound tells that there is no such token.
	ErrNotFound = errors.New("no such token")
)

// Store is the tokens of a node. It is safe for concurrent use.
type Store struct {
	dir string
	now func() time.Time

	writing sync.Mutex // held over changes, which touch the disk
	mu      sync.RWMutex
	byHash  map[Hash]Token
	hashes  map[ledger.ID]Hash
	member  map[ledger.ID]int       // tokens of each
	live    map[ledger.Digest]bool  // requests of tokens that are there
	spent   map[ledger.Digest]Token // what is gone and must be remembered, by request
	spends  map[ledger.ID]int       // of each member
	swept   time.Time
}

// Open reads the tokens kept in a folder, which need not exist yet. One process
// has it at a time.
func Open(dir string, now func() time.Time) (*Store, error) {
	s := &Store{
		dir: dir, now: now, byHash: map[Hash]Token{}, hashes: map[ledger.ID]Hash{},
		member: map[ledger.ID]int{}, live: map[ledger.Digest]bool{},
		spent: map[ledger.Digest]Token{}, spends: map[ledger.ID]int{}, swept: now(),
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open the token store: %w", err)
	}
	return s, nil
}

// Find returns the token that a secret stands for, unless it has expired. The
// secret is looked up by its hash, so that the time taken tells nothing of use.
func (s *Store) Find(secret string) (Token, bool) {
	s.mu.RLock()
	t, ok := s.byHash[HashOf(secret)]
	s.mu.RUnlock()
	return t, ok && s.now().Before(t.Expiry)
}

// Get returns a token by its id.
func (s *Store) Get(id ledger.ID) (Token, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	hash, ok := s.hashes[id]
	if !ok {
		return Token{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return s.byHash[hash], nil
}

// List returns the tokens that have not expired, oldest first: a member's, or
// all where the member is zero.
func (s *Store) List(member ledger.ID) []Token {
	now := s.now()
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []Token
	for _, t := range s.byHash {
		if (member.IsZero() || t.Member == member) && now.Before(t.Expiry) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, older)
	return list
}

func older(a, b Token) int {
	return cmp.Or(a.Created.Compare(b.Created), slices.Compare(a.ID[:], b.ID[:]))
}

// Put keeps a token under its secret, durably.
func (s *Store) Put(t Token, secret string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.sweep(false); err != nil {
		return err
	}
	if s.used(t.Request) {
		return ErrReplayed
	}
	if err := s.bearable(t.Member); err != nil {
		return err
	}
	if err := s.makeRoom(t.Member); err != nil {
		return err
	}
	hash := HashOf(secret)
	r, err := encode(&t, hash)
	if err == nil {
		err = s.write(r)
	}
	if err != nil {
		return fmt.Errorf("keep token %s: %w", t.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(t, hash)
	return nil
}

// Revoke drops a token for good.
func (s *Store) Revoke(id ledger.ID) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	t, err := s.Get(id)
	if err != nil {
		return err
	}
	return s.drop(&t)
}

// add puts a token into the maps; mu is held.
func (s *Store) add(t Token, hash Hash) {
	s.byHash[hash], s.hashes[t.ID] = t, hash
	s.member[t.Member]++
	if !t.Request.IsZero() {
		s.live[t.Request] = true
	}
}

// spend remembers the request of a token that is gone; mu is held.
func (s *Store) spend(t *Token) {
	s.spent[t.Request] = Token{ID: t.ID, Member: t.Member, Request: t.Request, RequestExpiry: t.RequestExpiry}
	s.spends[t.Member]++
}

// bearable refuses a member whose requests are all to be remembered, once they
// are too many: each new token makes an older one's request one of them.
func (s *Store) bearable(member ledger.ID) error {
	full := func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.spends[member] >= MaxSpentPerMember || len(s.spent) >= MaxSpent
	}
	if !full() {
		return nil
	}
	if err := s.sweep(true); err != nil || !full() {
		return err
	}
	return fmt.Errorf("%w: of member %s, at most %d, and %d at a node", ErrTooFast, member, MaxSpentPerMember, MaxSpent)
}

// used reports whether a request has made a token.
func (s *Store) used(request ledger.Digest) bool {
	if request.IsZero() {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, gone := s.spent[request]
	return gone || s.live[request]
}

// makeRoom drops what has expired, then the member's oldest token that only
// reads, where there is no place for another.
func (s *Store) makeRoom(member ledger.ID) error {
	full := func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return len(s.byHash) >= MaxTokens || s.member[member] >= MaxPerMember
	}
	if !full() {
		return nil
	}
	if err := s.sweep(true); err != nil || !full() {
		return err
	}
	for _, t := range s.List(member) {
		if t.ReadOnly() {
			return s.drop(&t)
		}
	}
	return fmt.Errorf("%w: %d of member %s, at most %d are allowed, and %d at a node", ErrTooMany, s.member[member], member, MaxPerMember, MaxTokens)
}

// sweepGap is how often expired tokens are looked for.
const sweepGap = time.Minute

// sweep drops tokens and requests that have expired.
func (s *Store) sweep(anyway bool) error {
	now := s.now()
	if !anyway && now.Sub(s.swept) < sweepGap {
		return nil
	}
	s.swept = now
	var gone, forgotten []Token
	s.mu.RLock()
	for _, t := range s.byHash {
		if !now.Before(t.Expiry) {
			gone = append(gone, t)
		}
	}
	for _, t := range s.spent {
		if !now.Before(t.RequestExpiry) {
			forgotten = append(forgotten, t)
		}
	}
	s.mu.RUnlock()
	for i := range gone {
		if err := s.drop(&gone[i]); err != nil {
			return err
		}
	}
	for i := range forgotten {
		if err := s.forget(&forgotten[i]); err != nil {
			return err
		}
	}
	return nil
}

// drop takes a token away, durably; its request stays as long as it could be
// sent again.
func (s *Store) drop(t *Token) error {
	remembered := !t.Request.IsZero() && s.now().Before(t.RequestExpiry)
	var err error
	if !remembered {
		err = s.remove(t)
	} else {
		err = s.write(&record{
			Version: fileVersion, ID: t.ID, Member: t.Member, Created: t.Created.UnixMilli(), Expiry: t.Expiry.UnixMilli(),
			Request: t.Request, RequestExpiry: t.RequestExpiry.UnixMilli(),
		})
	}
	if err != nil {
		return fmt.Errorf("drop token %s: %w", t.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byHash, s.hashes[t.ID])
	delete(s.hashes, t.ID)
	if s.member[t.Member]--; s.member[t.Member] == 0 {
		delete(s.member, t.Member)
	}
	delete(s.live, t.Request)
	if remembered {
		s.spend(t)
	}
	return nil
}

func (s *Store) forget(t *Token) error {
	if err := s.remove(t); err != nil {
		return fmt.Errorf("forget token %s: %w", t.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.spent, t.Request)
	if s.spends[t.Member]--; s.spends[t.Member] == 0 {
		delete(s.spends, t.Member)
	}
	return nil
}

func (s *Store) remove(t *Token) error {
	if err := os.Remove(s.path(t.ID)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return durable.SyncDir(vfs.Default, s.dir)
}
