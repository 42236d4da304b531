package aplos

import (
	"fmt"
	"slices"
	"sync"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Base is the committed state below the open block.
type Base interface {
	// Latest returns the newest committed value of key.
	Latest(key []byte) (value []byte, ok bool, err error)
	// Scan lists the newest committed rows as [contract.Range] says.
	Scan(prefix, after contract.Key, limit int) ([]contract.Row, error)
}

// row is a value, or its absence.
type row struct {
	value  []byte
	exists bool
}

// layer holds the changes of one block that the base may not hold yet.
type layer struct {
	height uint64
	rows   map[contract.Key]row
}

// state is the base with the changes of newer blocks above it. One goroutine
// writes; any number read.
type state struct {
	mu     sync.RWMutex
	base   Base
	layers []layer // oldest first; the last is the open block's
	// cache holds rows of the base that execution read. Readers that are not the
	// executing goroutine use it too and put nothing in: what they read of the
	// base may be older by the time they could.
	cache      map[contract.Key]row
	cacheBytes int // of their keys and values
}

// The bounds of the cache. It is emptied when full: rows in use come back at
// the cost of one read each, and no order of use has to be kept.
const (
	maxCachedRows  = 1 << 17
	maxCachedBytes = 64 << 20
)

func newState(base Base, open uint64) *state {
	return &state{
		base:   base,
		layers: []layer{{height: open, rows: map[contract.Key]row{}}},
		cache:  map[contract.Key]row{},
	}
}

// Get returns the value of key after all that was executed. It is safe for
// concurrent use.
func (s *state) Get(key contract.Key) ([]byte, bool, error) {
	if r, ok := s.inMemory(key); ok {
		return r.value, r.exists, nil
	}
	return s.base.Latest([]byte(key))
}

func (s *state) inMemory(key contract.Key) (row, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, l := range slices.Backward(s.layers) {
		if r, ok := l.rows[key]; ok {
			return r, true
		}
	}
	r, ok := s.cache[key]
	return r, ok
}

// cached is the state as execution reads it: like Get, but rows of the base
// are kept. Only the executing goroutine may use it.
type cached struct{ *state }

func (s cached) Get(key contract.Key) ([]byte, bool, error) {
	return s.getBelow(key, len(s.layers))
}

// getBelow reads key without the layers from index top on. The executing
// goroutine is the only writer, so it reads without the lock and takes it to
// write alone.
func (s cached) getBelow(key contract.Key, top int) ([]byte, bool, error) {
	for i := top - 1; i >= 0; i-- {
		if r, ok := s.layers[i].rows[key]; ok {
			return r.value, r.exists, nil
		}
	}
	if r, ok := s.cache[key]; ok {
		return r.value, r.exists, nil
	}
	value, ok, err := s.base.Latest([]byte(key))
	if err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	s.keep(key, row{value: value, exists: ok})
	s.mu.Unlock()
	return value, ok, nil
}

// keep puts a row of the base into the cache, over what the cache has of it. The
// lock is held.
func (s *state) keep(key contract.Key, r row) {
	if old, ok := s.cache[key]; ok {
		s.cacheBytes -= len(key) + len(old.value)
	}
	s.cacheBytes += len(key) + len(r.value)
	if len(s.cache) >= maxCachedRows || s.cacheBytes > maxCachedBytes {
		clear(s.cache)
		s.cacheBytes = len(key) + len(r.value)
	}
	s.cache[key] = r
}

// write applies the writes of one transaction to the open block.
func (s *state) write(writes []ledger.Write) {
	if len(writes) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.layers[len(s.layers)-1].rows
	for _, w := range writes {
		open[contract.Key(w.Key)] = row{value: w.Value, exists: !w.Delete}
	}
}

// seal returns what the open block changed, keys ascending, updates the
// commitment, and opens the next block above.
func (s *state) seal(commitment *ledger.Commitment) ([]ledger.Write, error) {
	top := len(s.layers) - 1
	open := s.layers[top]
	keys := make([]contract.Key, 0, len(open.rows))
	for k := range open.rows {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	writes := make([]ledger.Write, 0, len(keys))
	for _, k := range keys {
		before, existed, err := cached{s}.getBelow(k, top)
		if err != nil {
			return nil, fmt.Errorf("read state row %q: %w", string(k), err)
		}
		after := open.rows[k]
		if existed {
			commitment.Remove([]byte(k), before)
		}
		if after.exists {
			commitment.Add([]byte(k), after.value)
		}
		if existed || after.exists {
			writes = append(writes, ledger.Write{Key: []byte(k), Value: after.value, Delete: !after.exists})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layers = append(s.layers, layer{height: open.height + 1, rows: map[contract.Key]row{}})
	return writes, nil
}

// applied drops the layers that the base holds now. Only the executing
// goroutine may call it, since the cache takes over their rows.
func (s *state) applied(height uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.layers) > 1 && s.layers[0].height <= height {
		for k, r := range s.layers[0].rows {
			s.keep(k, r)
		}
		s.layers = s.layers[1:]
	}
}
