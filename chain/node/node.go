package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
)

// Node is one node of a shard.
type Node struct {
	config   Config
	executor aplos.Config
	log      order.Log
	store    store.Store
	link     Link
	core     *Core

	pipeline *pipeline
	flights  *flights
	recent   *recent
	blocks   blockCache
	board    *board
	stopped  chan struct{}

	stages    Stages
	keeping   patience // the keeper's
	appending patience // with the log, which waits by itself
	seat      atomic.Pointer[seat]
	lastWake  atomic.Int64 // when this node appended its last wake, ms
	refused   atomic.Int64 // when log time last did not come that was asked for, ms
	logEnd    atomic.Uint64
	viewMu    sync.RWMutex // held for writing while a record executes
}

// New returns a node over its log and store, joined to the mesh through which
// it meets the others. The store must hold the genesis ([InitStore]). A node that
// is not in the group, or not any more, follows and signs nothing.
func New(ctx context.Context, config Config, log order.Log, s store.Store, mesh Mesh) (*Node, error) {
	config = config.WithDefaults()
	applied, _, err := s.Applied(ctx)
	if err != nil {
		return nil, err
	}
	config.checked, config.members = identity.NewChecked(config.Window), members.NewDecoded(decodedMembers)
	core, err := NewCore(ctx, config, log.Topic(), s)
	if err != nil {
		return nil, err
	}
	queues := newPipeline(config.Window)
	n := &Node{
		config: config, executor: config.executor(),
		log: log, store: s, core: core,
		pipeline: queues, flights: newFlights(queues.door), recent: newRecent(applied.NextOffset), board: newBoard(),
		stopped: make(chan struct{}),
	}
	if err := n.initStatus(ctx, applied); err != nil {
		return nil, err
	}
	n.takeSeat()
	n.link = mesh.Join(n)
	return n, nil
}

func (n *Node) initStatus(ctx context.Context, applied store.Applied) error {
	group := n.core.Machine.Stats()
	status := Status{
		Next: applied.NextOffset, Members: applied.NextOffset, Needed: neededFrom(applied.NextOffset), LogTime: n.core.Clock().Now,
		Height: applied.Height, Floor: applied.Floor, Final: group.Final, NotFinal: n.core.Machine.NotFinal(), Diverged: n.config.Diverged,
	}
	if group.Final > 0 {
		raw, err := n.store.Header(ctx, group.Final)
		if err != nil {
			return err
		}
		header, err := ledger.ParseHeader(raw)
		if err != nil {
			return err
		}
		status.FinalLast, status.FinalHash = header.Last, ledger.Hash(raw)
	}
	n.board.update(func(s *Status) { *s = status })
	return nil
}

// InitStore puts the genesis into a new store; into one that holds blocks it
// does nothing.
func InitStore(ctx context.Context, config Config, topic ledger.ID, s store.Store) error {
	if _, ok, err := s.Applied(ctx); err != nil || ok {
		return err
	}
	sealed, err := aplos.Genesis(config.Contracts, config.Genesis)
	if err != nil {
		return err
	}
	return s.Apply(ctx, &store.Commit{Writes: sealed.Writes, Commitment: sealed.Commitment, Topic: topic})
}

// Run runs the node until ctx ends or it must stop; the error says why. All
// goroutines have ended when it returns.
func (n *Node) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.follow(ctx) })
	group.Go(func() error { return n.runCore(ctx) })
	group.Go(func() error { return n.keep(ctx) })
	group.Go(func() error { return n.batch(ctx) })
	group.Go(func() error { return n.appendControl(ctx) })
	group.Go(func() error { return n.report(ctx) })
	group.Go(func() error { return n.readPulls(ctx) })
	group.Go(func() error { return n.sound(ctx) })
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if err != nil {
		n.config.Logger.Error("node stopped", "node", n.config.Self.Short(), "error", err)
	}
	n.board.update(func(s *Status) {
		if s.Err = ErrStopped; err != nil {
			s.Err = fmt.Errorf("%w: %w", ErrStopped, err)
		}
	})
	close(n.stopped)
	return err
}

// stopError says why nobody answers any more. Where the caller's own context
// ended, as it does when all is stopped at once, that is the reason.
func (n *Node) stopError(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return n.Status().Err
}

// Config returns what the node was made of.
func (n *Node) Config() Config { return n.config }

// ID returns the node's id.
func (n *Node) ID() ledger.ID { return n.config.Self }

// State returns the state after all that this node executed, to be read under
// ctx. It moves on while it is read: [Node.View] has it stand still.
func (n *Node) State(ctx context.Context) contract.Range { return n.core.State(ctx) }

// View calls read with the state after a whole number of records, and the log
// time there. Execution waits meanwhile, so read must be short.
func (n *Node) View(ctx context.Context, read func(state contract.Range, logTime int64) error) error {
	n.viewMu.RLock()
	defer n.viewMu.RUnlock()
	return read(n.State(ctx), n.core.Clock().Now) // the status may lag by a record
}

// Next returns the offset of the next record to execute.
func (n *Node) Next() uint64 { return n.Status().Next }

// Changed returns a channel that is closed at the next change of the status.
func (n *Node) Changed() <-chan struct{} {
	_, changed := n.board.read()
	return changed
}

// Reads returns how many committed rows execution found in memory, and how many
// it read of the store. It is safe for concurrent use.
func (n *Node) Reads() aplos.Reads { return n.core.Reads() }

// InFlight returns how many transactions were let in and not executed yet.
func (n *Node) InFlight() int { return n.flights.count() }

// logger returns the node's logger.
func (n *Node) logger() *slog.Logger { return n.config.Logger.With("node", n.config.Self.Short()) }

// nowMillis returns the node's clock.
func (n *Node) nowMillis() int64 { return n.config.Now().UnixNano() / int64(time.Millisecond) }
