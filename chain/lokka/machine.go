package lokka

import (
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// Errors of the shell's calls. They mean a mistake of the shell or a damaged
// store, never a mistake of another node: the caller stops.
var (
	ErrOrder     = errors.New("call out of order")
	ErrRecord    = errors.New("record does not follow")
	ErrSignature = errors.New("own signature does not stand")
)

// Machine is the group stage of one node. It is not safe for concurrent use.
type Machine struct {
	config Config
	group  *group // signs the open block
	past   []*group
	// announced is the group that the last header says signs the open block.
	announced ledger.Digest
	open      open
	last      cutBlock

	height   uint64        // last cut
	previous ledger.Digest // digest of its header
	applied  uint64        // last stored
	final    uint64
	signed   uint64 // the highest with a quorum
	restore  uint64 // the height that Restore wants next

	suspended map[ledger.ID]bool // nodes whose signatures don't count from the open block on

	ballots  ballots
	ahead    map[uint64][]ledger.HeaderSignature // of heights above applied
	diverged bool

	now    int64
	marker marker
	ready  Ready
	stats  Stats
}

// New returns a machine that goes on where config says, and panics where
// [Config.Validate] gives an error. Where Height lies above Final,
// [Machine.Restore] must be called for each block in between.
func New(config Config) *Machine {
	if err := config.Validate(); err != nil {
		panic(err)
	}
	m := &Machine{
		config:   config,
		group:    newGroup(config.Group),
		open:     newOpen(config.LogTime),
		height:   config.Height,
		previous: config.Previous,
		applied:  config.Height,
		final:    config.Final,
		restore:  config.Final + 1,
		ahead:    map[uint64][]ledger.HeaderSignature{},
		diverged: config.Diverged,
	}
	m.announced = m.group.digest
	for _, g := range config.Past {
		m.past = append(m.past, newGroup(g))
	}
	return m
}

// Cut ends the open block, which [Machine.Add] said is due. The state
// commitment is that after the block's last record, nextGroup the digest of
// the group that signs the next block. It returns the block and the encoded
// header, which are the caller's from here on. The block's records alias the
// envelopes that were added.
func (m *Machine) Cut(state, nextGroup ledger.Digest) (*ledger.Block, []byte, error) {
	if !m.open.due {
		return nil, nil, fmt.Errorf("%w: cut block %d, which is still open", ErrOrder, m.height+1)
	}
	header := ledger.Header{
		Version:      ledger.Version,
		Chain:        m.config.Chain,
		Shard:        m.config.Shard,
		Epoch:        m.group.epoch,
		Height:       m.height + 1,
		Previous:     m.previous,
		Records:      m.open.recordTree.root(),
		Transactions: m.open.transactionTree.root(),
		Results:      m.open.resultTree.root(),
		State:        state,
		First:        m.open.first,
		Last:         m.open.last,
		LogTime:      m.open.logTime,
		Group:        nextGroup,
	}
	b, err := header.Bytes()
	if err != nil {
		return nil, nil, fmt.Errorf("cut block %d: %w", header.Height, err)
	}
	m.height, m.previous, m.announced = header.Height, ledger.Hash(b), nextGroup
	if !m.diverged {
		m.ballots.push(newBallot(&header, b, m.group, m.suspended))
	}
	m.last = cutBlock{header: b, records: m.open.records, results: m.open.encoded, count: len(m.open.results)}
	block := &ledger.Block{Header: header, Records: m.open.records, Results: m.open.results}
	m.open.reset()
	m.marker, m.ready.Marker = marker{}, 0
	return block, b, nil
}

// SetGroup names the group that signs from the open block on. The last header
// must announce it, and the open block must be empty.
func (m *Machine) SetGroup(next ledger.Group) error {
	g := newGroup(next)
	if m.announced != g.digest || len(m.open.records) != 0 || len(next.Nodes) == 0 {
		return fmt.Errorf("%w: set group %s, which the last header does not announce", ErrOrder, g.digest.Short())
	}
	m.group = g
	return nil
}

// SetLimits names the limits that hold from the open block on, which must be
// empty.
func (m *Machine) SetLimits(next ledger.Limits) error {
	if len(m.open.records) != 0 || next.BlockTransactions == 0 || next.BlockBytes == 0 {
		return fmt.Errorf("%w: set limits of %d transactions and %d bytes for block %d", ErrOrder, next.BlockTransactions, next.BlockBytes, m.height+1)
	}
	m.config.Limits = next
	return nil
}

// Suspend names all nodes whose signatures count for no header from the open
// block on, or, before [Machine.Restore], from the next block restored on. They
// still count in n: the others must make the quorum without them.
func (m *Machine) Suspend(nodes []ledger.ID) {
	m.suspended = make(map[ledger.ID]bool, len(nodes))
	for _, n := range nodes {
		m.suspended[n] = true
	}
}

// NotFinal returns the number of blocks applied and not final yet.
func (m *Machine) NotFinal() int { return int(m.applied - m.final) }
