package aplos

import (
	"errors"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// turn is a transaction of a record, and what becomes of it.
type turn struct {
	Candidate

	// What depends on the transaction alone.
	position ledger.Position
	action   contract.Action
	unbound  error // why there is no action

	verdict verdict

	// What its execution leaves.
	result ledger.Result
	writes []ledger.Write
	detail string
	burnt  bool
	err    error // this node could not execute it (invariant 4)
}

// read reads the transactions of a record and binds them to their footprints.
// Nothing of it depends on the state, so all are read at once.
func (e *Executor) read(offset uint64, raw [][]byte) []turn {
	turns := make([]turn, len(raw))
	spread(e.config.Workers, len(turns), minShare, func(_, from, to int) {
		for i := from; i < to; i++ {
			t := &turns[i]
			t.Candidate, t.position = read(raw[i], e.config.Checked), ledger.Position{Offset: offset, Index: uint32(i)}
			if t.malformed == nil {
				t.action, t.unbound = e.bind(t)
			}
		}
	})
	return turns
}

func (e *Executor) bind(t *turn) (contract.Action, error) {
	tx := &t.Transaction
	return e.rules.Bind(contract.Call{
		ID: t.ID, Chain: e.config.Chain, Shard: e.config.Shard, Sender: tx.Sender, Contract: tx.Contract, Method: tx.Method, Args: tx.Args,
		Position: t.position, Height: e.height, LogTime: e.clock.Now, Key: t.key,
	})
}

// execute runs a turn over the state and leaves the outcome in it. It changes
// nothing else.
func (e *Executor) execute(state contract.State, t *turn) {
	t.result = ledger.Result{ID: t.ID, Position: t.position, Code: ledger.CodeOK, Events: []ledger.Event{}}
	env, err := e.run(state, t)
	var refused *contract.Error
	switch {
	case err == nil:
		t.writes = env.Writes()
		if events := env.Events(); events != nil {
			t.result.Events = events
		}
		t.result.Writes, t.err = ledger.WritesDigest(t.writes)
	case errors.As(err, &refused):
		t.result.Code, t.detail = refused.Code, refused.Detail
	default:
		t.err = err
	}
}

// run checks a transaction and runs it. Its errors are of type
// [contract.Error] where they are results.
func (e *Executor) run(state contract.State, t *turn) (*contract.Env, error) {
	if err := e.config.Inspect(state, e.clock.Now, e.limits.MaxTTL, e.replay.seen, &t.Candidate); err != nil {
		return nil, err
	}
	if !e.holds(t) {
		return nil, t.Forged()
	}
	t.burnt = true
	if t.unbound != nil {
		return nil, t.unbound
	}
	env := contract.NewEnv(state, t.action.Footprint, e.clock.Now)
	env.SetDelegated(t.delegated)
	return env, t.action.Run(env)
}
