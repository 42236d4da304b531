package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// partial is an unfinished upload: a file of size bytes.
type partial struct {
	size    int64
	touched time.Time
	busy    bool
}

func (s *Store) partialPath(id ledger.ID) string {
	return s.fs.PathJoin(s.dir, partialDir, id.String())
}

// loadPartials finds the uploads of an earlier life and syncs them, since their
// length will be acknowledged. After a loss of power a file may hold bytes that
// never came: Finish finds that and the upload begins anew.
func (s *Store) loadPartials() error {
	dir := s.fs.PathJoin(s.dir, partialDir)
	names, err := s.fs.List(dir)
	if err != nil {
		return fmt.Errorf("list uploads: %w", err)
	}
	for _, name := range names {
		id, err := ledger.ParseID(name)
		if err != nil {
			continue // not ours
		}
		info, err := s.fs.Stat(s.partialPath(id))
		if err != nil {
			return fmt.Errorf("look at upload %s: %w", id, err)
		}
		if err := s.syncPartial(id); err != nil {
			return fmt.Errorf("sync upload %s: %w", id, err)
		}
		s.partials[id] = &partial{size: info.Size(), touched: info.ModTime()}
	}
	return s.dropStale()
}

func (s *Store) syncPartial(id ledger.ID) error {
	f, err := s.fs.OpenReadWrite(s.partialPath(id), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// dropStale forgets uploads that lie untouched. The caller holds s.mu or is
// alone.
func (s *Store) dropStale() error {
	now := time.Now()
	for id, p := range s.partials {
		if p.busy || now.Sub(p.touched) < s.opts.PartialAge {
			continue
		}
		if err := s.fs.Remove(s.partialPath(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("drop upload %s: %w", id, err)
		}
		delete(s.partials, id)
	}
	return nil
}

// Partial implements [blob.Uploads].
func (s *Store) Partial(ctx context.Context, id ledger.ID) (int64, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, fmt.Errorf("look up upload %s: %w", id, err)
	}
	defer leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.partials[id]
	if !ok || p.size == 0 && p.busy {
		return 0, fmt.Errorf("look up upload %s: %w", id, blob.ErrNotFound)
	}
	return p.size, nil
}

// take marks an upload as busy; create makes it where there is none.
func (s *Store) take(id ledger.ID, create bool) (*partial, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.partials[id]
	switch {
	case ok && p.busy:
		return nil, blob.ErrBusy
	case !ok && !create:
		return nil, blob.ErrNotFound
	case !ok:
		if len(s.partials) >= s.opts.MaxPartials {
			if err := s.dropStale(); err != nil {
				return nil, err
			}
		}
		if len(s.partials) >= s.opts.MaxPartials {
			return nil, fmt.Errorf("%w: %d", blob.ErrTooMany, len(s.partials))
		}
		p = &partial{}
		s.partials[id] = p
	}
	p.busy = true
	return p, nil
}

// give ends what take began; gone says that the file is no more.
func (s *Store) give(id ledger.ID, p *partial, size int64, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.busy, p.size, p.touched = false, size, time.Now()
	if gone {
		delete(s.partials, id)
	}
}

// Finish implements [blob.Uploads].
func (s *Store) Finish(ctx context.Context, id ledger.ID, want ledger.Digest) (int64, error) {
	leave, err := s.enterWriter(ctx)
	if err != nil {
		return 0, fmt.Errorf("finish upload %s: %w", id, err)
	}
	defer leave()
	p, err := s.take(id, false)
	if err != nil {
		return 0, fmt.Errorf("finish upload %s: %w", id, err)
	}
	size := p.size
	gone, err := s.finish(ctx, id, size, want)
	s.give(id, p, size, gone)
	if err != nil {
		return 0, fmt.Errorf("finish upload %s: %w", id, err)
	}
	return size, nil
}

func (s *Store) finish(ctx context.Context, id ledger.ID, size int64, want ledger.Digest) (gone bool, err error) {
	path := s.partialPath(id)
	f, err := s.fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return false, err
	}
	digest, found, err := s.sum(ctx, f)
	// Synced again: bytes of an earlier life may never have been.
	if err := errors.Join(err, full(f.Sync()), f.Close()); err != nil {
		return false, err
	}
	if digest != want || found.Size != size {
		err = fmt.Errorf("%w: %d bytes with digest %s, want %s", blob.ErrDigest, found.Size, digest, want)
		return true, errors.Join(err, s.fs.Remove(path))
	}
	if err := s.place(path, digest, found); err != nil {
		if remove := s.fs.Remove(path); remove != nil && !errors.Is(remove, os.ErrNotExist) {
			err = errors.Join(err, remove)
		}
		return true, err
	}
	return true, nil
}

// Discard implements [blob.Uploads].
func (s *Store) Discard(ctx context.Context, id ledger.ID) error {
	leave, err := s.enterWriter(ctx)
	if err != nil {
		return fmt.Errorf("discard upload %s: %w", id, err)
	}
	defer leave()
	p, err := s.take(id, false)
	if err != nil {
		return fmt.Errorf("discard upload %s: %w", id, err)
	}
	err = s.fs.Remove(s.partialPath(id))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	s.give(id, p, p.size, err == nil)
	if err != nil {
		return fmt.Errorf("discard upload %s: %w", id, err)
	}
	return nil
}
