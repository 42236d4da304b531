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

// Source is a certificate that follows its files. It is safe for concurrent
// use.
type Source struct {
	paths  []string
	load   func() (*tls.Certificate, error)
	now    func() time.Time
	logger *slog.Logger

	current atomic.Pointer[tls.Certificate]
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

// Open loads the certificate. The function load is called again when one of
// the files has changed.
func Open(paths []string, load func() (*tls.Certificate, error), now func() time.Time, logger *slog.Logger) (*Source, error) {
	s := &Source{paths: slices.Clone(paths), load: load, now: now, logger: logger, looked: now()}
	var err error
	if s.seen, err = stamps(paths); err != nil {
		return nil, fmt.Errorf("open the certificate: %w", err)
	}
	certificate, err := load()
	if err != nil {
		return nil, fmt.Errorf("open the certificate: %w", err)
	}
	s.current.Store(certificate)
	return s, nil
}

// GetCertificate is for [tls.Config].
func (s *Source) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.mutex.TryLock() {
		defer s.mutex.Unlock()
		if now := s.now(); now.Sub(s.looked) >= Interval || now.Before(s.looked) {
			s.looked = now
			s.follow()
		}
	}
	return s.current.Load(), nil
}

// follow loads the files if they have changed (invariant 1).
func (s *Source) follow() {
	seen, err := stamps(s.paths)
	if err == nil && slices.EqualFunc(seen, s.seen, stamp.same) {
		return
	}
	var certificate *tls.Certificate
	if err == nil {
		certificate, err = s.load()
	}
	if err != nil {
		s.logger.Warn("the certificate has changed and can't be used; the old one is served on", "error", err)
		return // looked at again: the other half of a pair may be on its way
	}
	s.seen = seen
	s.current.Store(certificate)
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
