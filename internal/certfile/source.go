package certfile

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Interval is how long the files are not looked at again, so that a flood of
// handshakes is no flood of system calls.
const Interval = time.Second

// Source is what stands in files and follows them: a certificate, or a list of
// those that were revoked. It is safe for concurrent use.
type Source[T any] struct {
	paths  []string
	load   func() (*T, error)
	now    func() time.Time
	logger *slog.Logger

	current atomic.Pointer[T]
	mutex   sync.Mutex // of what follows; whoever has it looks at the files
	looked  time.Time
	seen    []stamp // of the files when they were loaded or refused last
}

// stamp tells one state of a file from another.
type stamp struct {
	info os.FileInfo
}

func (s stamp) same(t stamp) bool {
	return os.SameFile(s.info, t.info) && s.info.ModTime().Equal(t.info.ModTime()) && s.info.Size() == t.info.Size()
}

// Open loads the files. The function load is called again when one of them has
// changed.
func Open[T any](paths []string, load func() (*T, error), now func() time.Time, logger *slog.Logger) (*Source[T], error) {
	s := &Source[T]{paths: slices.Clone(paths), load: load, now: now, logger: logger, looked: now()}
	var err error
	if s.seen, err = stamps(paths); err != nil {
		return nil, fmt.Errorf("open the certificate: %w", err)
	}
	first, err := load()
	if err != nil {
		return nil, fmt.Errorf("open the certificate: %w", err)
	}
	s.current.Store(first)
	return s, nil
}

// GetCertificate returns what [tls.Config] asks of a source.
func GetCertificate(s *Source[tls.Certificate]) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.Current(), nil }
}

// Current returns what the files held when they were last looked at.
func (s *Source[T]) Current() *T {
	if s.mutex.TryLock() {
		defer s.mutex.Unlock()
		if now := s.now(); now.Sub(s.looked) >= Interval || now.Before(s.looked) {
			s.looked = now
			s.follow()
		}
	}
	return s.current.Load()
}

// follow loads the files if they have changed (invariant 1).
func (s *Source[T]) follow() {
	seen, err := stamps(s.paths)
	if err == nil && slices.EqualFunc(seen, s.seen, stamp.same) {
		return
	}
	var next *T
	if err == nil {
		next, err = s.load()
	}
	if err != nil {
		s.logger.Warn("the certificate has changed and can't be used; the old one is served on", "error", err)
		return // looked at again: the other half of a pair may be on its way
	}
	s.seen = seen
	s.current.Store(next)
	s.logger.Info("a new certificate is served", "files", s.paths)
}

func stamps(paths []string) ([]stamp, error) {
	all := make([]stamp, len(paths))
	for i, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		all[i] = stamp{info}
	}
	return all, nil
}
