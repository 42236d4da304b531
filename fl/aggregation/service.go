package aggregation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// Limits bound what the service takes. Zero stands for the default.
type Limits struct {
	Total       int           // aggregations of the node; 256
	PerMember   int           // of one member; 32
	Inputs      int           // of one aggregation; 4,096
	InputBytes  int64         // of one input; 1 GiB
	Bytes       int64         // announced, of the node; 64 GiB
	MemberBytes int64         // announced, of one member; 16 GiB
	FreeBytes   int64         // of the disk, left free; 1 GiB
	Runs        int           // at once; 1, since one run uses all cores
	Waiting     int           // runs that wait; 16
	OwnWaiting  int           // of them, of one member; 2
	Life        time.Duration // how long one may lie untouched; 24 h
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Total, 256)
	setDefault(&l.PerMember, 32)
	setDefault(&l.Inputs, 4_096)
	setDefault(&l.InputBytes, 1<<30)
	setDefault(&l.Bytes, 64<<30)
	setDefault(&l.MemberBytes, 16<<30)
	setDefault(&l.FreeBytes, 1<<30)
	setDefault(&l.Runs, 1)
	setDefault(&l.Waiting, 16)
	setDefault(&l.OwnWaiting, 2)
	setDefault(&l.Life, 24*time.Hour)
	return l
}

func setDefault[T comparable](at *T, value T) {
	var zero T
	if *at == zero {
		*at = value
	}
}

// Store keeps the files of one aggregation.
type Store interface {
	blob.Store
	io.Closer
}

// Config is what the service stands on. Now, Logger, Limits and Free may be left
// out.
type Config struct {
	Dir    string                                               // holds a directory for each aggregation
	Files  func(ctx context.Context, dir string) (Store, error) // opens the store in a directory
	Free   func() (int64, error)                                // bytes left on the disk; nil: not looked at
	Now    func() time.Time
	Logger *slog.Logger
	Limits Limits
}

// Service is all aggregations of a node. Its methods are safe for concurrent use.
type Service struct {
	config Config
	wake   chan struct{} // holds one while the queue may hold some

	mu     sync.Mutex
	all    map[ledger.Digest]*aggregation
	coming int64          // bytes that parts which are being received may still bring
	queue  []*aggregation // those that are to be run, the oldest first
	runs   uint64         // ended, since the start
	closed bool
}

// aggregation is one of them. The service's mu is taken inside its own, never
// around it.
type aggregation struct {
	id    ledger.Digest
	dir   string
	store Store
	bytes int64 // announced or written; guarded by the service's mu, as is written

	written map[string]int64 // of bytes, what is on the disk, by input; results under ""

	mu       sync.Mutex
	head     head
	inputs   map[string]Input
	complete map[string]bool
	parts    int // that are being received
	touched  time.Time
	gone     bool               // it is being removed
	stop     context.CancelFunc // ends its run; nil while none is under way
	ran      chan struct{}      // closed when that run has ended
	removed  chan struct{}      // closed when the service knows it no more
}

// newAggregation returns one that the service does not know yet.
func (s *Service) newAggregation(id ledger.Digest) *aggregation {
	return &aggregation{
		id: id, dir: filepath.Join(s.config.Dir, id.String()), inputs: map[string]Input{}, complete: map[string]bool{},
		written: map[string]int64{}, touched: s.config.Now(), removed: make(chan struct{}),
	}
}

// ID returns the id of the aggregation that creator makes with key:
// SHA-256(creator, key).
func ID(creator ledger.ID, key []byte) ledger.Digest { return ledger.Hash(append(creator[:], key...)) }

// OpenService finds what an earlier life left. Close must be called after.
func OpenService(ctx context.Context, config Config) (*Service, error) {
	config.Limits = config.Limits.withDefaults()
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{config: config, wake: make(chan struct{}, 1), all: map[ledger.Digest]*aggregation{}}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the aggregations: %w", err), s.Close())
	}
	for _, a := range s.all {
		if a.head.State == Running {
			s.queue = append(s.queue, a)
		}
	}
	s.signal()
	return s, nil
}

// Close ends the service; Run must have ended.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	errs := make([]error, 0, len(s.all))
	for _, a := range s.all {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}

// Create makes an aggregation, or finds the one that the creator made with the
// same key and spec.
func (s *Service) Create(ctx context.Context, creator ledger.ID, key []byte, spec Spec) (_ View, created bool, _ error) {
	if err := spec.validate(); err != nil {
		return View{}, false, err
	}
	id := ID(creator, key)
	for {
		view, created, err := s.create(ctx, id, creator, &spec)
		if err != nil || created {
			return view, created, err
		}
		view, err = s.Get(id)
		if errors.Is(err, ErrNotFound) { // deleted meanwhile
			if err := s.awaitRemoval(ctx, id); err != nil {
				return View{}, false, fmt.Errorf("create aggregation %s: %w", id, err)
			}
			continue
		}
		if err != nil {
			return View{}, false, err
		}
		same, err := sameSpec(view.Spec, spec)
		if err == nil && !same {
			err = fmt.Errorf("%w: aggregation %s", ErrKeyReused, id)
		}
		return view, false, err
	}
}

// awaitRemoval waits until one that is being deleted is known no more.
func (s *Service) awaitRemoval(ctx context.Context, id ledger.Digest) error {
	s.mu.Lock()
	a, ok := s.all[id]
	s.mu.Unlock()
	if !ok {
		return nil
	}
	select {
	case <-a.removed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// create makes an aggregation, unless it is there.
func (s *Service) create(ctx context.Context, id ledger.Digest, creator ledger.ID, spec *Spec) (_ View, created bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock() // held while it is made, so that a repeat finds it whole
	if _, ok := s.all[id]; ok {
		return View{}, false, nil
	}
	if err := s.roomFor(creator); err != nil {
		return View{}, false, err
	}
	a := s.newAggregation(id)
	a.head = head{Version: version, Creator: creator, Created: a.touched.UnixMilli(), Spec: *spec, State: Open}
	if err := os.RemoveAll(a.dir); err != nil { // what could not be removed or set aside
		return View{}, false, fmt.Errorf("create aggregation %s: %w", id, err)
	}
	if a.store, err = s.config.Files(ctx, a.filesDir()); err != nil {
		return View{}, false, fmt.Errorf("create aggregation %s: %w", id, err)
	}
	if err := a.save(); err != nil {
		return View{}, false, errors.Join(fmt.Errorf("create aggregation %s: %w", id, err), a.store.Close())
	}
	s.all[id] = a
	return s.view(a), true, nil
}

func sameSpec(a, b Spec) (bool, error) {
	x, err := ledger.Encode(&a)
	if err != nil {
		return false, err
	}
	y, err := ledger.Encode(&b)
	return bytes.Equal(x, y), err
}

// roomFor refuses one more aggregation where there are too many.
func (s *Service) roomFor(creator ledger.ID) error {
	if s.closed {
		return ErrClosed
	}
	if len(s.all) >= s.config.Limits.Total {
		return fmt.Errorf("%w: the node has %d aggregations", ErrLimit, len(s.all))
	}
	own := 0
	for _, a := range s.all {
		if a.head.Creator == creator { // it never changes
			own++
		}
	}
	if own >= s.config.Limits.PerMember {
		return fmt.Errorf("%w: member %s has %d aggregations", ErrLimit, creator, own)
	}
	return nil
}

// reserve counts bytes that are to be written, or refuses them; a negative number
// gives some back. The disk must hold these beside all that others were promised
// and have not written yet.
func (s *Service) reserve(a *aggregation, bytes int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	limits := s.config.Limits
	total, own, pending := bytes, bytes, bytes
	for _, each := range s.all {
		total += each.bytes
		pending += each.pending()
		if each.head.Creator == a.head.Creator {
			own += each.bytes
		}
	}
	switch {
	case bytes <= 0:
	case own > limits.MemberBytes:
		return fmt.Errorf("%w: %d bytes of member %s with this; at most %d are allowed", ErrLimit, own, a.head.Creator, limits.MemberBytes)
	case total > limits.Bytes:
		return fmt.Errorf("%w: %d bytes of all aggregations with this; at most %d are allowed", ErrLimit, total, limits.Bytes)
	default:
		if err := s.fits(pending); err != nil {
			return err
		}
	}
	a.bytes += bytes
	return nil
}

// fits refuses bytes that would leave too little of the disk.
func (s *Service) fits(bytes int64) error {
	if s.config.Free == nil {
		return nil
	}
	free, err := s.config.Free()
	if err != nil {
		return fmt.Errorf("look at the disk: %w", err)
	}
	if free-bytes < s.config.Limits.FreeBytes {
		return fmt.Errorf("%w: %d bytes are free, %d are promised, %d are to stay free", blob.ErrFull, free, bytes, s.config.Limits.FreeBytes)
	}
	return nil
}

// pending is how much was reserved and is not on the disk. The service is locked.
func (a *aggregation) pending() int64 {
	pending := a.bytes
	for _, n := range a.written {
		pending -= n
	}
	return pending
}

// wrote notes how much of an input, or of the results, is on the disk.
func (s *Service) wrote(a *aggregation, name string, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.written[name] = bytes
}

// expect counts what a part may bring, or refuses it where the disk has less left
// than it had when the input was announced; a negative number ends the part.
func (s *Service) expect(bytes int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes > 0 {
		if err := s.fits(s.coming + bytes); err != nil {
			return err
		}
	}
	s.coming += bytes
	return nil
}

// find returns an aggregation locked.
func (s *Service) find(id ledger.Digest) (*aggregation, error) {
	s.mu.Lock()
	a, ok := s.all[id]
	s.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	a.mu.Lock()
	if a.gone {
		a.mu.Unlock()
		return nil, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return a, nil
}

// Delete forgets an aggregation with all its files. A run of it is ended.
func (s *Service) Delete(id ledger.Digest) error {
	a, err := s.find(id)
	if err != nil {
		return err
	}
	a.retire()
	s.dequeue(a)
	a.mu.Unlock()
	return s.remove(a)
}

// retire lets nobody find a locked aggregation any more and ends its run. Who
// calls it calls remove after.
func (a *aggregation) retire() {
	a.gone = true
	if a.stop != nil {
		a.stop()
	}
}

// remove takes a retired aggregation off the disk. It must not be locked: a run
// ends in its own time, and whoever looks at all aggregations must not wait for
// that. A part that is being received is not waited for, since its sender may take
// forever: the store, once closed, takes no more of it.
func (s *Service) remove(a *aggregation) error {
	a.mu.Lock()
	ran := a.ran
	a.mu.Unlock()
	if ran != nil {
		<-ran
	}
	err := a.erase()
	s.mu.Lock()
	delete(s.all, a.id)
	s.mu.Unlock()
	close(a.removed)
	if err != nil { // the next start clears the rest, as does whoever uses the key again
		return fmt.Errorf("delete aggregation %s: %w", a.id, err)
	}
	return nil
}

// expire deletes those that lie untouched.
func (s *Service) expire() error {
	s.mu.Lock()
	all := make([]*aggregation, 0, len(s.all))
	for _, a := range s.all {
		all = append(all, a)
	}
	s.mu.Unlock()
	var errs []error
	for _, a := range all {
		a.mu.Lock()
		expired := !a.gone && a.parts == 0 && a.head.State != Running && s.config.Now().Sub(a.touched) >= s.config.Limits.Life
		if expired {
			a.retire()
		}
		a.mu.Unlock()
		if expired {
			errs = append(errs, s.remove(a))
		}
	}
	return errors.Join(errs...)
}

// View is an aggregation as it stands.
type View struct {
	ID       ledger.Digest
	Creator  ledger.ID
	Created  int64 // ms since 1970, by the node's clock, as all times here
	Expires  int64 // where nothing happens until then
	Spec     Spec
	State    State
	Reason   string // why it failed
	Inputs   int    // announced
	Complete int    // of them
	Bytes    int64
	Outcome
}

// Outcome is what came of an aggregation.
type Outcome struct {
	_        struct{} `cbor:",toarray"`
	Model    File     // zero before it is done
	Memory   File     // zero where the rule remembers nothing
	Averaged uint64   // updates
	Examples uint64   // of them
	Refused  []Refused
}

// Get shows an aggregation.
func (s *Service) Get(id ledger.Digest) (View, error) {
	a, err := s.find(id)
	if err != nil {
		return View{}, err
	}
	defer a.mu.Unlock()
	return s.show(a), nil
}

// List shows those whose creator is wanted, ids ascending behind after, at most
// limit; more says that there are others.
func (s *Service) List(after ledger.Digest, limit int, wanted func(creator ledger.ID) bool) (views []View, more bool) {
	s.mu.Lock()
	var all []*aggregation
	for id, a := range s.all {
		if bytes.Compare(id[:], after[:]) > 0 && wanted(a.head.Creator) {
			all = append(all, a)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *aggregation) int { return bytes.Compare(a.id[:], b.id[:]) })
	for _, a := range all {
		a.mu.Lock()
		if !a.gone {
			views = append(views, s.show(a))
		}
		a.mu.Unlock()
		if len(views) > limit {
			return views[:limit], true
		}
	}
	return views, false
}

// show shows a locked aggregation.
func (s *Service) show(a *aggregation) View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view(a)
}

// view shows a locked aggregation of a locked service.
func (s *Service) view(a *aggregation) View {
	return View{
		ID: a.id, Creator: a.head.Creator, Created: a.head.Created, Expires: a.touched.Add(s.config.Limits.Life).UnixMilli(),
		Spec: a.head.Spec, State: a.head.State, Reason: a.head.Reason,
		Inputs: len(a.inputs), Complete: len(a.complete), Bytes: a.bytes, Outcome: a.head.Outcome,
	}
}

// Stats counts the aggregations.
type Stats struct {
	States map[State]int
	Bytes  int64
	Runs   uint64 // ended since the start
}

// Stats returns how many aggregations there are, by state.
func (s *Service) Stats() Stats {
	views, _ := s.List(ledger.Digest{}, s.config.Limits.Total, func(ledger.ID) bool { return true })
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := Stats{States: map[State]int{Open: 0, Running: 0, Done: 0, Failed: 0}, Runs: s.runs}
	for i := range views {
		stats.States[views[i].State]++
		stats.Bytes += views[i].Bytes
	}
	return stats
}
