package coordinator

import (
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

// Mesh connects the coordinators of one process by plain calls.
type Mesh struct {
	mu       sync.RWMutex
	services []*Service
}

// NewMesh returns a mesh without services.
func NewMesh() *Mesh { return &Mesh{} }

// join adds a service, in place of an earlier one of its node.
func (m *Mesh) join(s *Service) {
	m.Leave(s.config.Self)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.services = append(m.services, s)
}

// Leave takes a node out: the others ask it nothing until it joins again.
func (m *Mesh) Leave(node ledger.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.services = slices.DeleteFunc(m.services, func(s *Service) bool { return s.config.Self == node })
}

// others returns the services beside the one with that id.
func (m *Mesh) others(self ledger.ID) []*Service {
	m.mu.RLock()
	defer m.mu.RUnlock()
	others := make([]*Service, 0, len(m.services))
	for _, s := range m.services {
		if s.config.Self != self {
			others = append(others, s)
		}
	}
	return others
}

// fetchTimeout bounds one attempt to get one file from one node.
const fetchTimeout = 2 * time.Minute

// Ensure gets a file from whichever other node has it, unless it is here.
func (s *Service) Ensure(ctx context.Context, digest ledger.Digest, size uint64) error {
	file, err := s.open(ctx, digest)
	if err == nil {
		return file.Close()
	}
	if !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, blob.ErrCorrupt) {
		return err
	}
	var tried []error
	for _, other := range s.config.Mesh.others(s.config.Self) {
		err := s.copyFrom(ctx, other, digest, size)
		if err == nil {
			return nil
		}
		tried = append(tried, fmt.Errorf("node %s: %w", other.config.Self.Short(), err))
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

func (s *Service) copyFrom(ctx context.Context, other *Service, digest ledger.Digest, size uint64) (err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	file, err := other.config.Blobs.Get(ctx, digest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if uint64(file.Size()) != size {
		return fmt.Errorf("%w: it has %d bytes, want %d", blob.ErrDigest, file.Size(), size)
	}
	_, err = s.config.Blobs.PutDigest(ctx, digest, io.NewSectionReader(file, 0, file.Size()), file.Size())
	return err
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
