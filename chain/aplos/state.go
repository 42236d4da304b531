package aplos

import (
	"errors"
	"fmt"
	"maps"
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
	reads      reads
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

// visitor is the state as one that does not execute reads it: what is not in
// memory through a base of its own.
type visitor struct {
	*state
	base Base
}

// Get returns the value of key after all that was executed.
func (r visitor) Get(key contract.Key) ([]byte, bool, error) {
	if row, ok := r.inMemory(key); ok {
		return row.value, row.exists, nil
	}
	return r.base.Latest([]byte(key))
}

// Get is that of a visitor with the base of execution.
func (s *state) Get(key contract.Key) ([]byte, bool, error) { return visitor{s, s.base}.Get(key) }

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

// getBelow reads key without the layers from index top on.
func (s cached) getBelow(key contract.Key, top int) ([]byte, bool, error) {
	if r, ok := s.below(key, top); ok {
		return r.value, r.exists, nil
	}
	s.reads.missed.Add(1)
	value, ok, err := s.base.Latest([]byte(key))
	if err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	s.keep(key, row{value: value, exists: ok})
	s.mu.Unlock()
	return value, ok, nil
}

// below looks for key in memory without the layers from index top on. The
// executing goroutine is the only writer, so it reads without the lock and takes
// it to write alone.
func (s *state) below(key contract.Key, top int) (row, bool) {
	for i := top - 1; i >= 0; i-- {
		if r, ok := s.layers[i].rows[key]; ok {
			return r, true
		}
	}
	r, ok := s.cache[key]
	return r, ok
}

// reader is the state as one of several goroutines reads it while the executing
// one waits for them, so that nothing writes.
type reader struct {
	*state

	found map[contract.Key]row // rows that it read of the base
}

// readers returns one for each worker.
func (s *state) readers(n int) []reader {
	list := make([]reader, n)
	for i := range list {
		list[i] = reader{state: s, found: map[contract.Key]row{}}
	}
	return list
}

// keepRead puts what the readers read of the base into the cache. Only the
// executing goroutine may call it, once they have ended.
func (s *state) keepRead(readers []reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range readers {
		for k, r := range readers[i].found {
			s.keep(k, r)
		}
	}
}

// Get reads key after all that was executed.
func (r *reader) Get(key contract.Key) ([]byte, bool, error) { return r.getBelow(key, len(r.layers)) }

// getBelow reads key without the layers from index top on.
func (r *reader) getBelow(key contract.Key, top int) ([]byte, bool, error) {
	known, ok := r.below(key, top)
	if !ok {
		known, ok = r.found[key]
	}
	if !ok {
		r.reads.missed.Add(1)
		value, exists, err := r.base.Latest([]byte(key))
		if err != nil {
			return nil, false, err
		}
		known = row{value: value, exists: exists}
		r.found[key] = known
	}
	return known.value, known.exists, nil
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

// sealShare is how many rows at once are worth a goroutine: one takes about two
// microseconds to hash, twice where it was there before.
const sealShare = 64

// seal returns what the open block changed, keys ascending, updates the
// commitment, and opens the next block above.
func (s *state) seal(commitment *ledger.Commitment, workers int) ([]ledger.Write, error) {
	top := len(s.layers) - 1
	open := s.layers[top]
	keys := slices.Sorted(maps.Keys(open.rows))
	// The sum does not depend on the order, so each worker has its own.
	readers := s.readers(max(workers, 1))
	sums := make([]ledger.Commitment, len(readers))
	errs := make([]error, len(readers))
	written := make([]bool, len(keys))
	spread(workers, len(keys), sealShare, func(worker, from, to int) {
		for i := from; i < to && errs[worker] == nil; i++ {
			written[i], errs[worker] = sum(&readers[worker], &sums[worker], keys[i], open.rows[keys[i]], top)
		}
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.keepRead(readers)
	for i := range sums {
		commitment.Merge(&sums[i])
	}
	writes := make([]ledger.Write, 0, len(keys))
	for i, k := range keys {
		if after := open.rows[k]; written[i] {
			writes = append(writes, ledger.Write{Key: []byte(k), Value: after.value, Delete: !after.exists})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layers = append(s.layers, layer{height: open.height + 1, rows: map[contract.Key]row{}})
	return writes, nil
}

// sum changes the sum by one row of the layer at index top, and reports whether
// anything is different after it.
func sum(r *reader, c *ledger.Commitment, key contract.Key, after row, top int) (bool, error) {
	before, existed, err := r.getBelow(key, top)
	if err != nil {
		return false, fmt.Errorf("read state row %q: %w", string(key), err)
	}
	if existed {
		c.Remove([]byte(key), before)
	}
	if after.exists {
		c.Add([]byte(key), after.value)
	}
	return existed || after.exists, nil
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
