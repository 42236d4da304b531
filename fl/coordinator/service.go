package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// What callers can act on.
var (
	// ErrNotFound: no such job, or it has not got there yet.
	ErrNotFound = errors.New("not found")
	// ErrNotAsked: the job's open round does not ask this peer.
	ErrNotAsked = errors.New("the round does not ask this peer")
	// ErrUnavailable: the file is at none of the nodes that answered.
	ErrUnavailable = errors.New("no node has the file")
)

// Config is what a service is made of.
type Config struct {
	Self ledger.ID
	Key  *identity.Key
	// OtherKeys were in force for this node, or will be: a receipt is signed with
	// the key that the round's group lists.
	OtherKeys []*identity.Key
	Genesis   *ledger.Genesis
	Chain     ledger.Digest
	Ledger    Ledger
	Blobs     blob.Store
	Mesh      Mesh
	Now       func() time.Time
	Logger    *slog.Logger
	// Threads is how many threads an average takes, 0 for all.
	Threads int
}

// Service is the coordinator of one node.
type Service struct {
	config Config
	link   Link
	peers  *peers
	chains *chains
	proofs *proofs

	fetches chan struct{} // one in it for each fetch of updates under way

	mu      sync.Mutex
	workers map[ledger.Digest]*bell // of the jobs with a worker
	settled map[ledger.Digest]bool  // ended jobs with nothing left to do
	copied  map[place]copies        // of peers, until their job is settled
	coming  map[file]*coming        // files that are being looked for or fetched
	owed    map[ledger.ID]int       // answers, by the nodes that were asked
	opened  chan struct{}           // closed and replaced when a round opens
}

// maxFetches bounds the fetches of updates under way at one node.
const maxFetches = 8

// New returns a service that has joined the mesh.
func New(config Config) *Service {
	s := &Service{
		config:  config,
		peers:   newPeers(config.Now),
		chains:  newChains(&config),
		proofs:  newProofs(config.Ledger),
		fetches: make(chan struct{}, maxFetches),
		workers: map[ledger.Digest]*bell{},
		opened:  make(chan struct{}),
		copied:  map[place]copies{},
		coming:  map[file]*coming{},
		owed:    map[ledger.ID]int{},
		settled: map[ledger.Digest]bool{},
	}
	s.link = config.Mesh.Join(s)
	return s
}

// Run follows the jobs until ctx ends. The terms it holds stay its own: started
// again within a lease it goes on in them, after that another node takes them.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	attend := func(id ledger.Digest) {
		if b := s.attend(id); b != nil {
			group.Go(func() error {
				s.work(ctx, id, b)
				return nil
			})
		}
	}
	group.Go(func() error {
		known := func() error {
			defer s.roundOpened() // some may be open
			return s.config.Ledger.View(ctx, func(state contract.Range, _ int64) error { return eachJob(state, attend) })
		}
		err := s.config.Ledger.Follow(ctx, known, func(e ledger.Event) error {
			s.pass(e, attend)
			return nil
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // ctx has ended: that it broke off is no error
		}
		return err
	})
	return group.Wait()
}

// attend returns the bell of a worker that the job needs, and counts it as
// having one; nil where it needs none.
func (s *Service) attend(id ledger.Digest) *bell {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers[id] != nil || s.settled[id] {
		return nil
	}
	s.workers[id] = newBell()
	return s.workers[id]
}

// eachJob calls visit for every job on the ledger.
func eachJob(state contract.Range, visit func(id ledger.Digest)) error {
	const page = 1_000
	for after := contract.Key(""); ; {
		rows, err := state.Scan(fl.PrefixJob, after, page)
		if err != nil {
			return fmt.Errorf("list jobs: %w", err)
		}
		for _, r := range rows {
			visit(ledger.Digest([]byte(r.Key[len(fl.PrefixJob):])))
		}
		if len(rows) < page {
			return nil
		}
		after = rows[len(rows)-1].Key
	}
}
