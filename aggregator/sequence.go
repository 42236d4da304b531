package aggregator

import (
	"fmt"
	"io"
	"sync"
)

// sequence writes tiles in order though they are finished in any order; the
// digest of the file needs that order anyway. Whoever brings the next tile
// writes it and those behind it that are there already; the others leave a
// copy and go on, so that no thread waits while another hashes.
type sequence struct {
	w      io.Writer
	window int // tiles that may lie ready; bounds the memory

	mu      sync.Mutex
	room    sync.Cond      // next moved on, or err is set
	next    int            // the tile to be written, or just being written
	pending map[int][]byte // finished tiles behind it
	free    [][]byte       // buffers for more of them
	err     error          // the failure that stopped it
}

func newSequence(w io.Writer, window int) *sequence {
	s := &sequence{w: w, window: window, pending: make(map[int][]byte, window)}
	s.room.L = &s.mu
	return s
}

// write takes over tile number; the caller may reuse p. It waits only while the
// tile is too far ahead; the next one never is, so that someone always moves.
func (s *sequence) write(number int, p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for number-s.next > s.window && s.err == nil {
		s.room.Wait()
	}
	switch {
	case s.err != nil:
		return s.err
	case number != s.next:
		s.pending[number] = append(s.buffer(), p...)
		return nil
	}
	for ready := true; ready; p, ready = s.pending[s.next] {
		delete(s.pending, s.next)
		if err := s.put(p); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		if s.next > number {
			s.free = append(s.free, p[:0])
		}
		s.next++
		s.room.Broadcast()
	}
	return nil
}

// put writes one tile without the lock. Until next moves on nobody else can
// come here.
func (s *sequence) put(p []byte) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	_, err := s.w.Write(p)
	return err
}

// buffer returns an empty buffer, used before if there is one.
func (s *sequence) buffer() []byte {
	if len(s.free) == 0 {
		return nil
	}
	last := len(s.free) - 1
	b := s.free[last]
	s.free = s.free[:last]
	return b
}

// stop ends the sequence; those who wait return err too.
func (s *sequence) stop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.room.Broadcast()
}
