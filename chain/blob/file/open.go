package file

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/internal/checked"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/internal/readonly"
)

const (
	lockName     = "LOCK"
	temporaryDir = "temporary"
	partialDir   = "partial"
)

// Options tune a store. The zero value is good.
type Options struct {
	// MaxWriters bounds the Puts under way, and so the temporary files, and
	// the Appends that write at the moment: one that waits for its sender takes
	// no place. 0 stands for 64.
	MaxWriters int
	// MaxPartials bounds the unfinished uploads. 0 stands for 1,024.
	MaxPartials int
	// PartialAge is how long an upload may lie untouched before Open, or an
	// upload that finds no room, drops it. 0 stands for 24 h.
	PartialAge time.Duration
	// SumBytes bounds the memory for sums of verified blobs, 8 bytes for each
	// 64 KiB. 0 stands for 4 MiB, enough for 32 GiB.
	SumBytes int
	// ReadOnly opens an existing store without changing anything: a store that
	// a process writes is refused.
	ReadOnly bool
}

// Store is a [blob.Store] in a directory.
type Store struct {
	fs       vfs.FS
	dir      string
	opts     Options
	seed     maphash.Seed
	verified *checked.Cache
	writers  chan struct{} // holds one for each writer under way
	names    atomic.Uint64 // of temporary files
	lock     io.Closer

	// inUse is held for reading by each call that touches the directory and
	// for writing by Close.
	inUse  sync.RWMutex
	closed bool

	dirsMu sync.Mutex
	dirs   map[string]bool // known to be durable, at most 256

	mu       sync.Mutex
	partials map[ledger.ID]*partial
}

var _ blob.Store = (*Store)(nil)

// Open opens the store in dir, making it where there is none, and clears what
// a crash left half written. Close ends it.
func Open(ctx context.Context, fs vfs.FS, dir string, opts Options) (*Store, error) {
	if opts.MaxWriters == 0 {
		opts.MaxWriters = 64
	}
	if opts.MaxPartials == 0 {
		opts.MaxPartials = 1024
	}
	if opts.PartialAge == 0 {
		opts.PartialAge = 24 * time.Hour
	}
	if opts.SumBytes == 0 {
		opts.SumBytes = 4 << 20
	}
	if opts.ReadOnly {
		fs = readonly.FS(fs)
	}
	s := &Store{
		fs: fs, dir: dir, opts: opts, seed: maphash.MakeSeed(), verified: checked.NewCache(opts.SumBytes),
		writers: make(chan struct{}, opts.MaxWriters), partials: map[ledger.ID]*partial{}, dirs: map[string]bool{},
	}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("open blob store %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.opts.ReadOnly {
		if err := durable.MakeDir(s.fs, s.dir); err != nil {
			return err
		}
	}
	lock, err := s.fs.Lock(s.fs.PathJoin(s.dir, lockName))
	if err != nil {
		if _, ok := errors.AsType[*os.PathError](err); ok {
			return err
		}
		return fmt.Errorf("%w by another process: %w", blob.ErrLocked, err)
	}
	s.lock = lock
	if s.opts.ReadOnly {
		return nil
	}
	if err := s.prepare(); err != nil {
		return errors.Join(err, lock.Close())
	}
	return nil
}

// prepare makes the directories durable and clears them.
func (s *Store) prepare() error {
	for _, name := range []string{temporaryDir, partialDir} {
		if err := s.fs.MkdirAll(s.fs.PathJoin(s.dir, name), 0o750); err != nil {
			return err
		}
	}
	names, err := s.fs.List(s.fs.PathJoin(s.dir, temporaryDir))
	if err != nil {
		return fmt.Errorf("list temporary files: %w", err)
	}
	for _, name := range names {
		if err := s.fs.Remove(s.fs.PathJoin(s.dir, temporaryDir, name)); err != nil {
			return fmt.Errorf("remove temporary file %s: %w", name, err)
		}
	}
	if err := s.loadPartials(); err != nil {
		return err
	}
	return durable.SyncDir(s.fs, s.dir)
}

// Close implements io.Closer. Blobs that are open stay so. Closing again does
// nothing.
func (s *Store) Close() error {
	s.inUse.Lock()
	defer s.inUse.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("close blob store: %w", err)
	}
	return nil
}

// enter keeps the store open until the returned function is called.
func (s *Store) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.inUse.RLock()
	if s.closed {
		s.inUse.RUnlock()
		return nil, blob.ErrClosed
	}
	return s.inUse.RUnlock, nil
}

// enterWriter is enter for those who write files: no more than
// Options.MaxWriters at once.
func (s *Store) enterWriter(ctx context.Context) (leave func(), err error) {
	if s.opts.ReadOnly {
		return nil, fmt.Errorf("write to blob store: %w", os.ErrPermission)
	}
	select {
	case s.writers <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leaveStore, err := s.enter(ctx)
	if err != nil {
		<-s.writers
		return nil, err
	}
	return func() {
		leaveStore()
		<-s.writers
	}, nil
}

// path returns the directory and the name of content.
func (s *Store) path(d ledger.Digest) (dir, path string) {
	name := d.String()
	dir = s.fs.PathJoin(s.dir, name[:2])
	return dir, s.fs.PathJoin(dir, name)
}

// place renames a synced file to where content of that digest stands.
func (s *Store) place(from string, d ledger.Digest, sums *checked.Sums) error {
	dir, path := s.path(d)
	if err := s.shardDir(dir); err != nil {
		return full(err)
	}
	if err := s.fs.Rename(from, path); err != nil {
		return full(err)
	}
	s.verified.Put(d, sums)
	return full(durable.SyncDir(s.fs, dir))
}

// shardDir makes a directory durable before the first file goes in.
func (s *Store) shardDir(dir string) error {
	s.dirsMu.Lock()
	defer s.dirsMu.Unlock()
	if s.dirs[dir] {
		return nil
	}
	if err := s.fs.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	if err := durable.SyncDir(s.fs, s.dir); err != nil {
		return err
	}
	s.dirs[dir] = true
	return nil
}
