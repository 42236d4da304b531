package coordinator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// Mesh is where the coordinators of a group meet.
type Mesh interface {
	// Join lets the others reach a service, in place of an earlier one of its
	// node, and returns its way to them.
	Join(s *Service) Link
}

// Link is a service's way to the others.
type Link interface {
	// Others returns the nodes that may be asked.
	Others() []ledger.ID
	// Open opens a file that a node has for reading. What is read is to be
	// checked. [blob.ErrNotFound], [blob.ErrDigest] where the node's file
	// has another size.
	Open(ctx context.Context, of ledger.ID, digest ledger.Digest, size uint64) (io.ReadCloser, error)
	// Hold has a node fetch an update and vouch for it, see [Service.Hold].
	Hold(ctx context.Context, of ledger.ID, u Upload) ([]byte, error)
	// Heard returns the peers that a node has heard of lately.
	Heard(ctx context.Context, of ledger.ID) ([]ledger.ID, error)
	// Wake tells all others that a peer came. It never waits, and may be lost.
	Wake()
}

// Upload is an update that a peer has uploaded for a round.
type Upload struct {
	_      struct{} `cbor:",toarray"`
	Peer   ledger.ID
	Job    ledger.Digest
	Round  uint64
	Digest ledger.Digest
	Size   uint64
}

// LocalMesh connects the coordinators of one process by plain calls.
type LocalMesh struct {
	mu       sync.RWMutex
	services []*Service
}

// NewLocalMesh returns a mesh without services.
func NewLocalMesh() *LocalMesh { return &LocalMesh{} }

// Join implements [Mesh].
func (m *LocalMesh) Join(s *Service) Link {
	m.Leave(s.config.Self)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.services = append(m.services, s)
	return localLink{m, s.config.Self}
}

// Leave takes a node out: the others ask it nothing until it joins again.
func (m *LocalMesh) Leave(node ledger.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.services = slices.DeleteFunc(m.services, func(s *Service) bool { return s.config.Self == node })
}

// localLink is one service's place in a [LocalMesh].
type localLink struct {
	mesh *LocalMesh
	self ledger.ID
}

func (l localLink) others() []*Service {
	l.mesh.mu.RLock()
	defer l.mesh.mu.RUnlock()
	return slices.DeleteFunc(slices.Clone(l.mesh.services), func(s *Service) bool { return s.config.Self == l.self })
}

func (l localLink) Others() []ledger.ID {
	others := l.others()
	ids := make([]ledger.ID, len(others))
	for i, s := range others {
		ids[i] = s.config.Self
	}
	return ids
}

func (l localLink) service(id ledger.ID) (*Service, error) {
	for _, s := range l.others() {
		if s.config.Self == id {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: node %s is not in the mesh", ErrNotFound, id.Short())
}

func (l localLink) Open(ctx context.Context, of ledger.ID, digest ledger.Digest, size uint64) (io.ReadCloser, error) {
	s, err := l.service(of)
	if err != nil {
		return nil, err
	}
	file, err := s.OpenFile(ctx, digest, size)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(file, 0, file.Size()), file}, nil
}

func (l localLink) Hold(ctx context.Context, of ledger.ID, u Upload) ([]byte, error) {
	s, err := l.service(of)
	if err != nil {
		return nil, err
	}
	return s.Hold(ctx, l.self, u)
}

func (l localLink) Heard(_ context.Context, of ledger.ID) ([]ledger.ID, error) {
	s, err := l.service(of)
	if err != nil {
		return nil, err
	}
	return s.Heard(), nil
}

func (l localLink) Wake() {
	for _, s := range l.others() {
		s.PeerCame()
	}
}

// How long one attempt to get one file from one node may take, and how slow it
// may be for its size.
const (
	fetchTimeout = 2 * time.Minute
	fetchRate    = 1 << 20 // bytes a second
)

// file is a file to be fetched.
type file struct {
	digest ledger.Digest
	size   uint64
}

// coming is a file that is being looked for or fetched.
type coming struct {
	done chan struct{} // closed at the end
	err  error
}

// Ensure gets a file from whichever other node has it, unless it is here. However
// many want it at once, as the peers of a round do, it comes once.
func (s *Service) Ensure(ctx context.Context, digest ledger.Digest, size uint64) error {
	for {
		c, first := s.comes(file{digest, size})
		if first {
			c.err = s.bring(ctx, digest, size)
			s.came(file{digest, size}, c)
			return c.err
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		// Whoever fetched may have been given up: that says nothing about the file.
		if !errors.Is(c.err, context.Canceled) && !errors.Is(c.err, context.DeadlineExceeded) {
			return c.err
		}
	}
}

// bring fetches a file that is not here.
func (s *Service) bring(ctx context.Context, digest ledger.Digest, size uint64) error {
	here, err := s.open(ctx, digest)
	switch {
	case err == nil:
		return here.Close()
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrCorrupt):
		return s.fetch(ctx, digest, size)
	default:
		return err
	}
}

// comes returns what is known of a file that is being fetched, and whether it is
// the caller who is to see to it.
func (s *Service) comes(f file) (_ *coming, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.coming[f]; c != nil {
		return c, false
	}
	s.coming[f] = &coming{done: make(chan struct{})}
	return s.coming[f], true
}

func (s *Service) came(f file, c *coming) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.coming, f)
	close(c.done)
}

// inTurn returns the other nodes, those first that owe the fewest answers: one
// that takes requests and answers none holds up few.
func (s *Service) inTurn() []ledger.ID {
	others := s.link.Others()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortStableFunc(others, func(a, b ledger.ID) int { return cmp.Compare(s.owed[a], s.owed[b]) })
	return others
}

// asking counts an answer that a node owes until what it returns is called.
func (s *Service) asking(of ledger.ID) (answered func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed[of]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.owed[of]--; s.owed[of] == 0 {
			delete(s.owed, of)
		}
	}
}

// fetch asks one node after another for a file.
func (s *Service) fetch(ctx context.Context, digest ledger.Digest, size uint64) error {
	var tried []error
	for _, other := range s.inTurn() {
		answered := s.asking(other)
		err := s.copyFrom(ctx, other, digest, size)
		answered()
		if err == nil {
			return nil
		}
		tried = append(tried, fmt.Errorf("node %s: %w", other.Short(), err))
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, digest.Short(), reasons(tried))
}

// errAlone tells that there was nobody to ask.
var errAlone = errors.New("there is no other node to ask")

// reasons joins why each node that was asked did not help.
func reasons(tried []error) error {
	if len(tried) == 0 {
		return errAlone
	}
	return errors.Join(tried...)
}

// MaxFileBytes bounds the files that nodes fetch from each other.
const MaxFileBytes = 1 << 40

func (s *Service) copyFrom(ctx context.Context, other ledger.ID, digest ledger.Digest, size uint64) (err error) {
	if size > MaxFileBytes {
		return fmt.Errorf("%w: %d bytes, at most %d are fetched", blob.ErrTooLarge, size, uint64(MaxFileBytes))
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout+time.Duration(size/fetchRate)*time.Second)
	defer cancel()
	file, err := s.link.Open(ctx, other, digest, size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = s.config.Blobs.PutDigest(ctx, digest, file, int64(size))
	return err
}

// OpenFile opens a file that is here, for another node. [blob.ErrDigest] where
// its size is another one.
func (s *Service) OpenFile(ctx context.Context, digest ledger.Digest, size uint64) (blob.Blob, error) {
	file, err := s.config.Blobs.Get(ctx, digest)
	if err != nil {
		return nil, err
	}
	if have := file.Size(); uint64(have) != size {
		return nil, errors.Join(fmt.Errorf("%w: it has %d bytes, want %d", blob.ErrDigest, have, size), file.Close())
	}
	return file, nil
}

// open opens a file that is held here. One that the disk has damaged is
// dropped, so that it is fetched from another node again.
func (s *Service) open(ctx context.Context, digest ledger.Digest) (blob.Blob, error) {
	file, err := s.config.Blobs.Get(ctx, digest)
	if errors.Is(err, blob.ErrCorrupt) {
		if gone := s.config.Blobs.Delete(ctx, digest); gone != nil && !errors.Is(gone, blob.ErrNotFound) {
			err = errors.Join(err, gone)
		}
	}
	return file, err
}
