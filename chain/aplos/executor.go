package aplos

import (
	"errors"
	"fmt"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// ErrProtocol stops a node whose binary lacks the rule set in force. A newer one
// goes on where it stopped.
var ErrProtocol = errors.New("the rules in force are not known here")

// Config is what an executor works with.
type Config struct {
	Chain     ledger.Digest
	Shard     uint32
	Contracts contract.Rules
	Verify    ledger.VerifyFunc // ZIP-215
	// VerifyAll gives the verdicts of Verify for many signatures at once; nil
	// where they are to be checked one by one.
	VerifyAll func([]identity.Signed) []bool
	// Checked holds signatures that this node has found to hold; nil for none.
	Checked *identity.Checked
	// Members holds decoded members; nil for none. No result depends on it.
	Members *members.Decoded
	// Workers is how many goroutines execute a record; below 2 it is the caller's
	// alone. The outcome does not depend on it.
	Workers int
	// ReadAhead is how many rows of the base are read at once before a record
	// executes; below 2 rows are read as they are needed. It pays where the base is
	// elsewhere, and the outcome does not depend on it.
	ReadAhead int
}

// Executor executes records one after another. Its methods belong to one
// goroutine, but for what [Executor.Visit] returns.
type Executor struct {
	config     Config
	state      *state
	replay     *replay
	clock      ledger.LogClock
	commitment *ledger.Commitment
	group      *ledger.Group
	limits     *ledger.Limits
	rules      *contract.Set // of the protocol version in force
	height     uint64        // of the open block
	schedule   *schedule
}

// Executed is what a record did.
type Executed struct {
	Offset   uint64
	Record   ledger.Record
	Envelope []byte         // the record's bytes; nil where it was skipped
	Skipped  *ledger.Digest // the digest of a record that changed nothing
	Reason   string         // why it was skipped; local, not on the ledger
	LogTime  int64
	Results  []ledger.Result  // one per transaction
	Writes   [][]ledger.Write // of each transaction, what its result has the digest of
	Burnt    []bool           // whether the result is the one that its id stands for
	Details  []string         // error texts beside the results; local, not on the ledger
}

// Sealed is what a block changed.
type Sealed struct {
	Height     uint64
	Writes     []ledger.Write // keys ascending
	Commitment []byte         // the sum after the block
	State      ledger.Digest  // its digest
	Group      ledger.Digest  // the group that signs the next block
}

// New returns an executor that goes on above the base, whose last block has
// the given height and commitment.
func New(config Config, base Base, height uint64, commitment []byte) (*Executor, error) {
	sum, err := ledger.ParseCommitment(commitment)
	if err != nil {
		return nil, err
	}
	e := &Executor{config: config, state: newState(base, height+1), commitment: sum, height: height + 1, schedule: newSchedule()}
	log, ok, err := contract.LoadFrom[ledger.LogClock](e.state, LogRow)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("read state row %q: missing, though genesis writes it", string(LogRow))
	}
	e.clock = *log
	if e.replay, err = loadReplay(e.state); err != nil {
		return nil, err
	}
	return e, e.loadGovernance()
}

func (e *Executor) loadGovernance() (err error) {
	if e.group, err = governance.Group(cached{e.state}); err != nil {
		return err
	}
	if e.limits, err = governance.Limits(cached{e.state}); err != nil {
		return err
	}
	version, err := governance.Protocol(cached{e.state})
	if err != nil {
		return err
	}
	var ok bool
	if e.rules, ok = e.config.Contracts.At(version); !ok {
		return fmt.Errorf("%w: protocol version %d is in force from block %d on, this binary has those up to %d",
			ErrProtocol, version, e.height, len(e.config.Contracts))
	}
	return nil
}

// Visit returns the state after all that was executed for one who does not
// execute. What is not in memory it reads through the given base: the store under
// the visitor's own context, say. It is safe for concurrent use.
func (e *Executor) Visit(base Base) contract.Range { return visitor{e.state, base} }

// Get returns the value of key after all that was executed.
func (e *Executor) Get(key contract.Key) ([]byte, bool, error) { return e.state.Get(key) }

// Group returns the group that signs the open block.
func (e *Executor) Group() ledger.Group { return *e.group }

// Limits returns the limits in force.
func (e *Executor) Limits() ledger.Limits { return *e.limits }

// Clock returns log time and the nodes' newest times.
func (e *Executor) Clock() ledger.LogClock {
	c := e.clock
	c.Newest = append([]ledger.NodeTime(nil), c.Newest...)
	return c
}

// ClockOf returns the newest time that a node put on the log, ms.
func (e *Executor) ClockOf(node ledger.ID) int64 { return e.clock.Of(node) }

// Execute executes one record of the log. An error means that this node must
// stop; a record or transaction that is wrong is no error.
func (e *Executor) Execute(offset uint64, raw []byte) (Executed, error) {
	out := Executed{Offset: offset}
	record, reason := e.admit(raw)
	if reason != "" {
		digest := ledger.Hash(raw)
		out.Skipped, out.Reason, out.LogTime = &digest, reason, e.clock.Now
		return out, nil
	}
	out.Record, out.Envelope = record, raw
	out.LogTime = e.clock.Observe(record.Node, record.Time)
	turns := e.read(offset, record.Transactions)
	if err := e.play(turns); err != nil {
		return out, err
	}
	out.Results = make([]ledger.Result, len(turns))
	out.Details = make([]string, len(turns))
	out.Burnt = make([]bool, len(turns))
	out.Writes = make([][]ledger.Write, len(turns))
	for i := range turns {
		t := &turns[i]
		if t.burnt {
			e.replay.list(t.ID, t.Transaction.Expiry)
		}
		out.Results[i], out.Writes[i], out.Details[i], out.Burnt[i] = t.result, t.writes, t.detail, t.burnt
	}
	return out, nil
}

// admit returns the record, or why it is skipped.
func (e *Executor) admit(raw []byte) (ledger.Record, string) {
	record, envelope, err := ledger.ParseRecord(raw)
	if err != nil {
		return record, err.Error()
	}
	node, ok := e.group.Find(record.Node)
	switch {
	case record.Chain != e.config.Chain || record.Shard != e.config.Shard:
		return record, "made for another chain or shard"
	case record.Epoch != e.group.Epoch:
		return record, fmt.Sprintf("epoch %d, want %d", record.Epoch, e.group.Epoch)
	case !ok:
		return record, "node " + record.Node.String() + " is not in the group"
	case envelope.Key != node.Key.ID():
		return record, "not signed with the node's key"
	case !e.config.Verify(node.Key, envelope.SigStructure(record.SigKind()), envelope.Signature):
		return record, "bad signature"
	}
	return record, ""
}

// Seal ends the open block: what leaves is its writes and the commitment to
// the state after it. The next record belongs to the next block, under the
// group, limits and rules that contracts left for it.
func (e *Executor) Seal() (Sealed, error) {
	writes, err := e.replay.seal(cached{e.state}, e.height, e.clock.Now)
	if err != nil {
		return Sealed{}, err
	}
	e.state.write(writes)
	if err := e.between(); err != nil {
		return Sealed{}, err
	}
	log, err := ledger.Encode(&e.clock)
	if err != nil {
		return Sealed{}, err
	}
	e.state.write([]ledger.Write{{Key: []byte(LogRow), Value: log}})
	sealed := Sealed{Height: e.height}
	if sealed.Writes, err = e.state.seal(e.commitment, e.config.Workers); err != nil {
		return Sealed{}, err
	}
	e.height++
	if err := e.loadGovernance(); err != nil {
		return Sealed{}, err
	}
	if sealed.Group, err = e.group.Digest(); err != nil {
		return Sealed{}, err
	}
	sealed.Commitment = e.commitment.Bytes()
	sealed.State = ledger.Hash(sealed.Commitment)
	return sealed, nil
}

// between has contracts do what is due before the next block, and log time go
// on over the nodes of the group that they leave.
func (e *Executor) between() error {
	for _, c := range e.rules.Contracts() {
		if c.Seal == nil {
			continue
		}
		env := contract.NewSealEnv(cached{e.state}, e.clock.Now)
		err := c.Seal(env, e.height)
		if err == nil {
			err = env.Err()
		}
		if err != nil {
			return fmt.Errorf("contract %s after block %d: %w", c.Name, e.height, err)
		}
		e.state.write(env.Writes())
	}
	group, err := governance.Group(cached{e.state})
	if err == nil && group.Epoch != e.group.Epoch {
		e.clock.Regroup(group)
	}
	return err
}

// Applied tells that the base holds all blocks up to height.
func (e *Executor) Applied(height uint64) { e.state.applied(height) }
