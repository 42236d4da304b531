package cassandra

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gocql/gocql"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Times, all finite.
const (
	attemptTime  = 10 * time.Second // for one answer
	openTime     = 5 * time.Minute  // for making tables, each of which may take ten seconds on a busy machine, and finishing a commit
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// maxRowBytes bounds the small rows: owner, applied, signatures, heads.
const maxRowBytes = 8 << 10

// Store is a [store.Store] in a keyspace.
type Store struct {
	opts    Options
	session *gocql.Session
	buckets int
	applied atomic.Pointer[store.Applied] // its Floor is not used
	floor   atomic.Uint64
	failed  atomic.Pointer[error]
	silent  atomic.Bool // Cassandra does not answer, and the log says so

	// inUse is held for reading by each call and for writing by Close.
	inUse  sync.RWMutex
	closed bool
	// still is held for reading by each write, for writing by Audit.
	still    sync.RWMutex
	applying sync.Mutex
	eras     map[string]int64 // newest era of a key that is known to be in table eras; guarded by applying
	pruning  sync.Mutex       // one Prune at a time
	// signing orders those who store a signature, by height and node.
	signing [64]sync.Mutex

	failpoint func() error // of tests; nil: none
}

var _ store.Store = (*Store)(nil)

// Open opens the keyspace, making it where there is none, and finishes the
// commit that a crash left under way. Close ends it.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.fill(); err != nil {
		return nil, fmt.Errorf("open store in Cassandra: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	s, err := open(ctx, opts)
	if errors.Is(err, store.ErrPartial) {
		err = fmt.Errorf("%w (name another keyspace, or DROP KEYSPACE %s)", err, opts.Keyspace)
	}
	if err != nil {
		return nil, fmt.Errorf("open keyspace %s in Cassandra at %v: %w", opts.Keyspace, opts.Hosts, err)
	}
	return s, nil
}

func open(ctx context.Context, opts Options) (*Store, error) {
	outside, err := opts.cluster("").CreateSession()
	if err != nil {
		return nil, err
	}
	first := &Store{opts: opts, session: outside}
	// An administrator may have made it, for a role that may not.
	_, there, err := first.one(ctx, `SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?`, opts.Keyspace)
	if err == nil && !there {
		err = first.exec(ctx, "CREATE KEYSPACE IF NOT EXISTS "+opts.Keyspace+" WITH replication = "+opts.Replication)
	}
	outside.Close()
	if err != nil {
		return nil, fmt.Errorf("make the keyspace: %w", err)
	}
	session, err := opts.cluster(opts.Keyspace).CreateSession()
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, session: session, eras: map[string]int64{}}
	for _, step := range []func(context.Context) error{s.checkDurable, s.migrate, s.own, s.loadFloor, s.loadApplied, s.finish, s.warnOfCrowds} {
		if err := step(ctx); err != nil {
			session.Close()
			return nil, err
		}
	}
	return s, nil
}

// Close implements [store.Store]. Closing again does nothing.
func (s *Store) Close() error {
	s.inUse.Lock()
	defer s.inUse.Unlock()
	if !s.closed {
		s.closed = true
		s.session.Close()
	}
	return nil
}

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

// fail ends the store and returns why: what is written is known again once it
// is opened anew.
func (s *Store) fail(reason error) error {
	err := fmt.Errorf("%w: %w", store.ErrFailed, reason)
	s.failed.CompareAndSwap(nil, &err)
	return *s.failed.Load()
}

// exec runs a statement until Cassandra has answered or the context ends
// (invariant 6).
func (s *Store) exec(ctx context.Context, statement string, values ...any) error {
	if s.failpoint != nil {
		if err := s.failpoint(); err != nil {
			return err
		}
	}
	return s.again(ctx, func() error { return s.query(ctx, statement, values...).Exec() })
}

func (s *Store) query(ctx context.Context, statement string, values ...any) *gocql.Query {
	q := s.session.Query(statement, values...).WithContext(ctx).Idempotent(true)
	if s.opts.Consistency == gocql.LocalQuorum && ofOwner(statement, values) {
		q = q.Consistency(gocql.Quorum)
	}
	return q
}

// one returns the only column of the first row, if there is one.
func (s *Store) one(ctx context.Context, statement string, values ...any) (row []byte, ok bool, err error) {
	err = s.scanOne(ctx, statement, []any{&row}, values...)
	if errors.Is(err, gocql.ErrNotFound) {
		return nil, false, nil
	}
	return row, err == nil, err
}

// scanOne reads the columns of the first row, or returns gocql.ErrNotFound.
func (s *Store) scanOne(ctx context.Context, statement string, into []any, values ...any) error {
	return s.again(ctx, func() error { return s.query(ctx, statement, values...).Scan(into...) })
}

// again repeats what may be repeated. The caller's context says for how long.
func (s *Store) again(ctx context.Context, try func() error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := try()
		if err == nil && s.silent.CompareAndSwap(true, false) {
			s.opts.Logger.Info("Cassandra answers again", "keyspace", s.opts.Keyspace)
		}
		if err == nil || errors.Is(err, gocql.ErrNotFound) || final(err) {
			return err
		}
		if pause == longestPause && s.silent.CompareAndSwap(false, true) { // once, for all that waits
			s.opts.Logger.Warn("Cassandra does not do what it is asked, trying again", "keyspace", s.opts.Keyspace, "error", err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// final reports whether asking again would get the same answer.
func final(err error) bool {
	var answer gocql.RequestError
	if !errors.As(err, &answer) {
		return errors.Is(err, gocql.ErrSessionClosed) || errors.Is(err, store.ErrCorrupt)
	}
	switch answer.Code() {
	case gocql.ErrCodeSyntax, gocql.ErrCodeUnauthorized, gocql.ErrCodeInvalid, gocql.ErrCodeConfig,
		gocql.ErrCodeAlreadyExists, gocql.ErrCodeCredentials, gocql.ErrCodeProtocol:
		return true
	}
	return false
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

func (s *Store) loadApplied(ctx context.Context) error {
	b, ok, err := s.meta(ctx, "applied")
	if err != nil || !ok {
		return err
	}
	var row appliedRow
	if err := ledger.Decode("applied position", b, maxRowBytes, &row); err != nil {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	if !s.opts.Topic.IsZero() && row.Topic != s.opts.Topic {
		return &store.OwnerError{Field: "log", Have: row.Topic.String(), Want: s.opts.Topic.String()}
	}
	s.applied.Store(&store.Applied{
		Height: row.Height, NextOffset: row.NextOffset, LastRecord: row.LastRecord, Topic: row.Topic, Commitment: row.Commitment,
	})
	return nil
}
