package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/internal/readonly"
)

// formatVersion is the pinned version of the database. This one marks in the
// write-ahead log what was synced, so that damage is told from a torn tail.
const formatVersion = pebble.FormatWALSyncChunks

// Options say whose a store is and tune it.
type Options struct {
	FS    vfs.FS // nil stands for the operating system's
	Chain ledger.Digest
	Shard uint32
	Node  ledger.ID
	// CacheBytes is the size of the block cache. 0 stands for 16 MiB.
	CacheBytes int64
	// ReadOnly opens an existing store without changing anything: a store that
	// a process writes is refused. With it the zero Node stands for any one,
	// which [Store.Owner] tells.
	ReadOnly bool
	Logger   *slog.Logger // nil stands for none
}

// Store is a [store.Store] on Pebble.
type Store struct {
	db       *pebble.DB
	lock     *pebble.Lock
	readOnly bool
	owner    ledger.ID

	applied atomic.Pointer[store.Applied] // nil before height 0; its Floor is not used
	floor   atomic.Uint64

	failed atomic.Pointer[error] // why the store serves no more, nil while it does

	applying   sync.Mutex     // one Apply at a time
	pruning    sync.Mutex     // one Prune at a time; taken before applying
	signatures sync.Mutex     // held from looking a signature up to writing it
	unsynced   map[string]int // keys of signatures whose sync is awaited; guarded by signatures

	// inUse is held for reading by each call and for writing by Close.
	inUse  sync.RWMutex
	closed bool
}

var _ store.Store = (*Store)(nil)

// owner is the row that says whose the store is.
type owner struct {
	_       struct{} `cbor:",toarray"`
	Version uint16
	Chain   ledger.Digest
	Shard   uint32
	Node    ledger.ID
}

// appliedRow is [store.Applied] as it is stored.
type appliedRow struct {
	_          struct{} `cbor:",toarray"`
	Height     uint64
	NextOffset uint64
	LastRecord ledger.Digest
	Topic      ledger.ID
	Commitment []byte
}

// maxRowBytes bounds the rows m, a and s.
const maxRowBytes = 8 << 10

// Open opens the store in dir, making it where there is none. Close ends it.
func Open(dir string, opts Options) (*Store, error) {
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	if opts.CacheBytes == 0 {
		opts.CacheBytes = 16 << 20
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.ReadOnly {
		opts.FS = readonly.FS(opts.FS)
	}
	s, err := open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return s, nil
}

func open(dir string, opts Options) (*Store, error) {
	if !opts.ReadOnly {
		if err := durable.MakeDir(opts.FS, dir); err != nil {
			return nil, fmt.Errorf("make directory: %w", err)
		}
	}
	lock, err := pebble.LockDirectory(dir, opts.FS)
	if err != nil {
		if _, ok := errors.AsType[*os.PathError](err); ok {
			return nil, err
		}
		return nil, fmt.Errorf("%w by another process: %w", store.ErrLocked, err)
	}
	s := &Store{lock: lock, readOnly: opts.ReadOnly, unsynced: map[string]int{}}
	disk := newDisk(opts.FS, func(err error) { _ = s.fail(err) })
	opts.FS = disk
	if err := s.guard(func() (err error) {
		s.db, err = openDatabase(dir, opts, lock)
		return err
	}); s.db == nil {
		return nil, errors.Join(corrupt(err), lock.Close())
	}
	err = s.guard(func() error { return s.load(opts) })
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	disk.opened.Store(true)
	if f := s.failed.Load(); f != nil { // in the background, a moment before
		return nil, errors.Join(*f, s.Close())
	}
	return s, nil
}

// openDatabase opens the database. A new one is opened twice: Pebble raises its
// format only after it has begun the first write-ahead log, which would be one
// without marks of what was synced.
func openDatabase(dir string, opts Options, lock *pebble.Lock) (*pebble.DB, error) {
	about, err := pebble.Peek(dir, opts.FS)
	if err != nil {
		return nil, err
	}
	if !about.Exists && !opts.ReadOnly {
		db, err := pebble.Open(dir, databaseOptions(opts, lock))
		if err != nil {
			return nil, err
		}
		if err := db.Close(); err != nil {
			return nil, err
		}
	}
	return pebble.Open(dir, databaseOptions(opts, lock))
}

func databaseOptions(opts Options, lock *pebble.Lock) *pebble.Options {
	log := &logger{log: opts.Logger.With("component", "pebble")}
	o := &pebble.Options{
		FS:                 opts.FS,
		Lock:               lock,
		ReadOnly:           opts.ReadOnly,
		ErrorIfNotExists:   opts.ReadOnly,
		FormatMajorVersion: formatVersion,
		CacheSize:          opts.CacheBytes,
		// Several stores run in one process: tables in memory stay small.
		MemTableSize:                32 << 20,
		MemTableStopWritesThreshold: 3,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		MaxOpenFiles:                512,
		Logger:                      log,
		LoggerAndTracer:             log,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { log.Errorf("background work: %v", err) },
			// The read that meets it returns the error: no need to die, as is
			// Pebble's way.
			DataCorruption: func(info pebble.DataCorruptionInfo) { log.Errorf("%s is corrupt: %v", info.Path, info.Details) },
		},
	}
	o.Experimental.FileCacheShards = 2
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // 1 % of misses read a block
	}
	return o
}

// load checks whose the store is, or takes it, and reads where it stands.
func (s *Store) load(opts Options) error {
	want := owner{Version: ledger.Version, Chain: opts.Chain, Shard: opts.Shard, Node: opts.Node}
	b, ok, err := s.read([]byte{prefixOwner})
	if err != nil {
		return fmt.Errorf("read owner: %w", err)
	}
	if !ok {
		if s.readOnly {
			return fmt.Errorf("read owner: %w", store.ErrNotFound)
		}
		row, err := ledger.Encode(&want)
		if err != nil {
			return err
		}
		if err := s.db.Set([]byte{prefixOwner}, row, pebble.Sync); err != nil {
			return fmt.Errorf("write owner: %w", err)
		}
		return nil
	}
	var have owner
	if err := ledger.Decode("owner of the store", b, maxRowBytes, &have); err != nil {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	switch {
	case have.Version != want.Version:
		return fmt.Errorf("store has version %d, this program reads %d", have.Version, want.Version)
	case have.Chain != want.Chain:
		return &store.OwnerError{Field: "chain", Have: have.Chain.String(), Want: want.Chain.String()}
	case have.Shard != want.Shard:
		return &store.OwnerError{Field: "shard", Have: strconv.FormatUint(uint64(have.Shard), 10), Want: strconv.FormatUint(uint64(want.Shard), 10)}
	case have.Node != want.Node && (!s.readOnly || !want.Node.IsZero()):
		return &store.OwnerError{Field: "node", Have: have.Node.String(), Want: want.Node.String()}
	}
	s.owner = have.Node
	if err := s.loadFloor(); err != nil {
		return err
	}
	b, ok, err = s.read([]byte{prefixApplied})
	if err != nil || !ok {
		return err
	}
	var row appliedRow
	if err := ledger.Decode("applied position", b, maxRowBytes, &row); err != nil {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	s.applied.Store(&store.Applied{
		Height: row.Height, NextOffset: row.NextOffset,
		LastRecord: row.LastRecord, Topic: row.Topic, Commitment: row.Commitment,
	})
	return nil
}

// Owner returns the node that a store opened for reading says it belongs to.
func (s *Store) Owner() ledger.ID { return s.owner }

// Close implements [store.Store]. Closing again does nothing.
func (s *Store) Close() error {
	s.inUse.Lock()
	defer s.inUse.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := errors.Join(s.db.Close(), s.lock.Close()); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// enter keeps the database open until the returned function is called.
func (s *Store) enter(ctx context.Context) (leave func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.inUse.RLock()
	if s.closed {
		s.inUse.RUnlock()
		return nil, store.ErrClosed
	}
	if f := s.failed.Load(); f != nil {
		s.inUse.RUnlock()
		return nil, *f
	}
	return s.inUse.RUnlock, nil
}

// corrupt lets callers see corruption without knowing Pebble.
func corrupt(err error) error {
	if err != nil && pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	return err
}
