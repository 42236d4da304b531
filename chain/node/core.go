package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
)

// Core is the deterministic part of a node: it executes entries of the log
// and groups them. It reads the store and writes nothing; what it says must be
// done, its caller does. One goroutine owns it, but for [Core.State].
type Core struct {
	*aplos.Executor
	base    *executing
	Machine *lokka.Machine // groups what the executor executes
	epoch   uint64         // of the group that the machine was told
	topic   ledger.ID
	last    ledger.Digest   // hash of the newest record
	index   []ledger.Digest // ids that the open block's results stand for, zero for none
}

// Step is what one entry of the log led to.
type Step struct {
	Executed aplos.Executed
	Commit   *store.Commit // the block that this entry closed, or nil
}

// NewCore returns a core that goes on where the store stands.
func NewCore(ctx context.Context, config Config, topic ledger.ID, s store.Store) (*Core, error) {
	applied, ok, err := s.Applied(ctx)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("open node: the store holds no genesis")
	}
	base := &executing{committed: committed{ctx, s}}
	executor, err := aplos.New(config.executor(), base, applied.Height, applied.Commitment)
	if err != nil {
		return nil, err
	}
	machine, err := restoreGroup(ctx, config, executor, &applied, s)
	if err != nil {
		return nil, err
	}
	return &Core{Executor: executor, base: base, Machine: machine, epoch: executor.Group().Epoch, topic: topic, last: applied.LastRecord}, nil
}

// State returns the state after all that was executed, to be read under ctx by
// any goroutine.
func (c *Core) State(ctx context.Context) contract.Range {
	return c.Visit(committed{ctx, c.base.store})
}

// Step executes one entry.
func (c *Core) Step(ctx context.Context, e order.Entry) (Step, error) {
	c.base.ctx = ctx
	executed, err := c.Execute(e.Offset, e.Bytes)
	if err != nil {
		return Step{}, fmt.Errorf("execute record %d: %w", e.Offset, err)
	}
	c.last = ledger.Hash(e.Bytes)
	step := Step{Executed: executed}
	for i := range executed.Results {
		id := executed.Results[i].ID
		if !executed.Burnt[i] {
			id = ledger.Digest{}
		}
		c.index = append(c.index, id)
	}
	cut, err := c.Machine.Add(lokka.Record{
		Offset:       e.Offset,
		Envelope:     executed.Envelope,
		Skipped:      executed.Skipped,
		Kind:         executed.Record.Kind,
		Marker:       executed.Record.Height,
		LogTime:      executed.LogTime,
		Transactions: executed.Record.Transactions,
		Results:      executed.Results,
	})
	if err != nil || !cut {
		return step, err
	}
	step.Commit, err = c.cut(e.Offset + 1)
	return step, err
}

func (c *Core) cut(next uint64) (*store.Commit, error) {
	sealed, err := c.Seal()
	if err != nil {
		return nil, err
	}
	_, header, err := c.Machine.Cut(sealed.State, sealed.Group)
	if err != nil {
		return nil, err
	}
	if err := c.changeRules(); err != nil {
		return nil, err
	}
	ids := c.index
	c.index = nil
	return &store.Commit{
		Height: sealed.Height, Header: header, Block: c.Machine.BlockBytes(), Writes: sealed.Writes, Transactions: ids,
		NextOffset: next, LastRecord: c.last, Commitment: sealed.Commitment, Topic: c.topic,
	}, nil
}

// changeRules hands on what governance left for the block that begins.
func (c *Core) changeRules() error {
	suspended, err := suspendedNodes(c.Executor)
	if err != nil {
		return err
	}
	c.Machine.Suspend(suspended)
	if err := c.Machine.SetLimits(c.Limits()); err != nil {
		return err
	}
	if group := c.Group(); group.Epoch != c.epoch {
		c.epoch = group.Epoch
		return c.Machine.SetGroup(group)
	}
	return nil
}

// restoreGroup rebuilds the state machine from the stored headers and their
// signatures. A header that a quorum signed proves all before it, so the walk
// goes back from the newest block to the first that is final, and then over as
// many as the machine still collects signatures for: those that a crash lost
// must come again, or these blocks could never be proven by themselves. The floor
// of the store is final: nothing is restored or pruned to a block that is not.
func restoreGroup(ctx context.Context, config Config, e *aplos.Executor, applied *store.Applied, s store.Store) (*lokka.Machine, error) {
	group, height := e.Group(), applied.Height
	past, limit, err := handovers(ctx, config, e, applied.Floor, s)
	if err != nil {
		return nil, err
	}
	groups := append(slices.Clip(past), group)
	c := lokka.Config{
		Chain: config.Chain, Shard: config.Genesis.Shard, Self: config.Self, Group: group, Past: past, Limits: e.Limits(),
		Height: height, Previous: config.Chain, LogTime: e.Clock().Now,
		Verify: config.Verify, MarkerDelay: config.MarkerDelay.Milliseconds(),
	}
	type open struct {
		header     []byte
		signatures []ledger.HeaderSignature
		suspended  []ledger.ID // before the block
	}
	var blocks []open // newest first
	if height > 0 && height == applied.Floor {
		header, err := s.Header(ctx, height)
		if err != nil {
			return nil, err
		}
		c.Previous = ledger.Hash(header)
	}
	for h := height; h > applied.Floor && (c.Final == 0 || h+lokka.Window > c.Final); h-- {
		header, err := s.Header(ctx, h)
		if err != nil {
			return nil, err
		}
		if h == height {
			c.Previous = ledger.Hash(header)
		}
		signatures, err := s.Signatures(ctx, h)
		if err != nil {
			return nil, err
		}
		suspended, err := suspendedNodes(before{ctx, s, h - 1})
		if err != nil {
			return nil, err
		}
		if c.Final == 0 && h <= limit {
			parsed, err := ledger.ParseHeader(header)
			if err != nil || parsed.Epoch >= uint64(len(groups)) {
				return nil, fmt.Errorf("read header %d of epoch %d: %w", h, parsed.Epoch, cmp.Or(err, ErrNotFound))
			}
			if hasQuorum(header, &groups[parsed.Epoch], signatures, suspended, config.Verify) {
				c.Final = h
			}
		}
		blocks = append(blocks, open{header, signatures, suspended})
	}
	c.Final = max(c.Final, applied.Floor)
	c.Diverged = config.Diverged
	machine := lokka.New(c)
	for _, b := range slices.Backward(blocks) {
		machine.Suspend(b.suspended)
		if err := machine.Restore(b.header, b.signatures); err != nil {
			return nil, err
		}
	}
	suspended, err := suspendedNodes(e)
	machine.Suspend(suspended)
	return machine, err
}

// handovers returns the groups of all epochs before the current one, and the
// height above which nothing is final: the end of an epoch that its own group
// did not make final holds up all behind it. Those up to the floor are final.
func handovers(ctx context.Context, config Config, e *aplos.Executor, floor uint64, s store.Store) (past []ledger.Group, limit uint64, err error) {
	limit = ^uint64(0)
	group := config.Genesis.Group
	for number := uint64(1); number <= e.Group().Epoch; number++ {
		next, ok, err := governance.LoadEpoch(e, number)
		if err == nil && !ok {
			err = fmt.Errorf("read state row of epoch %d: missing", number)
		}
		if err != nil {
			return nil, 0, err
		}
		height := next.First - 1
		past = append(past, group)
		if height <= floor {
			group = next.Group
			continue
		}
		header, err := s.Header(ctx, height)
		if err != nil {
			return nil, 0, err
		}
		signatures, err := s.Signatures(ctx, height)
		if err != nil {
			return nil, 0, err
		}
		suspended, err := suspendedNodes(before{ctx, s, height - 1})
		if err != nil {
			return nil, 0, err
		}
		if !hasQuorum(header, &group, signatures, suspended, config.Verify) {
			limit = min(limit, height-1)
		}
		group = next.Group
	}
	return past, limit, nil
}

// hasQuorum reports whether a quorum signed a header, suspended nodes not
// counted.
func hasQuorum(
	header []byte, group *ledger.Group, signatures []ledger.HeaderSignature, suspended []ledger.ID, verify ledger.VerifyFunc,
) bool {
	counted := slices.DeleteFunc(slices.Clone(signatures), func(s ledger.HeaderSignature) bool {
		return slices.Contains(suspended, s.Node)
	})
	return ledger.CountSigners(header, group, counted, verify) >= group.Quorum()
}

// suspendedNodes returns the nodes that a state says are suspended.
func suspendedNodes(state contract.State) ([]ledger.ID, error) {
	list, err := governance.Suspensions(state)
	ids := make([]ledger.ID, len(list))
	for i := range list {
		ids[i] = list[i].Node
	}
	return ids, err
}

// before is the stored state after the block of that height.
type before struct {
	ctx    context.Context //nolint:containedctx // contracts read without one; this value belongs to one call
	store  store.Store
	height uint64
}

func (b before) Get(key contract.Key) ([]byte, bool, error) {
	return b.store.Get(b.ctx, b.height, []byte(key))
}

// executing is the store as execution reads it, under the context of the step
// under way. A store that is away is waited for: a record that was begun can't be
// given up.
type executing struct {
	committed
	patience patience
}

// Latest implements [aplos.Base].
func (e *executing) Latest(key []byte) (value []byte, ok bool, err error) {
	err = e.patience.do(e.ctx, func() error {
		value, ok, err = e.committed.Latest(key)
		return err
	})
	return value, ok, err
}

// Scan implements [aplos.Base].
func (e *executing) Scan(prefix, after contract.Key, limit int) (rows []contract.Row, err error) {
	err = e.patience.do(e.ctx, func() error {
		rows, err = e.committed.Scan(prefix, after, limit)
		return err
	})
	return rows, err
}

// committed is the newest committed state.
type committed struct {
	ctx   context.Context //nolint:containedctx // contracts read without one; this value belongs to one call, or to execution, see executing
	store store.Store
}

// Latest implements [aplos.Base].
func (c committed) Latest(key []byte) ([]byte, bool, error) { return c.store.Latest(c.ctx, key) }

// Scan lists the newest committed rows: as many as there are up to the limit,
// since execution takes a shorter list for the end.
func (c committed) Scan(prefix, after contract.Key, limit int) ([]contract.Row, error) {
	applied, ok, err := c.store.Applied(c.ctx)
	if err != nil || !ok {
		return nil, err
	}
	var rows []contract.Row
	for len(rows) < limit {
		page := min(limit-len(rows), store.MaxScanRows)
		found, err := c.store.Scan(c.ctx, applied.Height, []byte(prefix), []byte(after), page)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			rows = append(rows, contract.Row{Key: contract.Key(r.Key), Value: r.Value})
		}
		if len(found) < page {
			break
		}
		after = rows[len(rows)-1].Key
	}
	return rows, nil
}
