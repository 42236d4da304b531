package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// cheatingAggregator has whoever commits the last round first publish a wrong
// average: a well-formed model, in its blob store under the digest that it
// commits, of which one bit is another one. Of the last round, since nodes are
// late with their word at times, and say nothing of rounds that are past.
type cheatingAggregator struct {
	round uint64 // the last

	mu     sync.Mutex
	forged *fl.CommitRound // nil before the lie
	right  ledger.Digest   // what it should have committed
}

func aggregatorCheat(spec *job.Spec) *cheat {
	c := &cheatingAggregator{round: uint64(spec.NumRounds)}
	seats := localnet.Cheat{Ledger: func(_ int, honest coordinator.Ledger, blobs blob.Store) coordinator.Ledger {
		return &forgingLedger{Ledger: honest, blobs: blobs, cheat: c}
	}}
	return withinJob("aggregator", "who coordinates the last round publishes a wrong average; the others recompute it", seats, c.tell)
}

// forgingLedger is the ledger of a coordinator that commits a wrong average of
// the last round, unless another one has. One lie is enough.
type forgingLedger struct {
	coordinator.Ledger

	blobs blob.Store
	cheat *cheatingAggregator
}

// Submit implements [coordinator.Ledger].
func (l *forgingLedger) Submit(ctx context.Context, method string, args any) (ledger.Code, string, error) {
	if commit, ok := args.(*fl.CommitRound); ok && commit.Round == l.cheat.round && !commit.Model.IsZero() {
		forged, err := l.forge(ctx, commit)
		if err != nil {
			return "", "", err
		}
		args = forged
	}
	return l.Ledger.Submit(ctx, method, args)
}

func (l *forgingLedger) forge(ctx context.Context, commit *fl.CommitRound) (*fl.CommitRound, error) {
	l.cheat.mu.Lock()
	defer l.cheat.mu.Unlock()
	if f := l.cheat.forged; f != nil && (f.Term != commit.Term || f.Attempt != commit.Attempt) {
		return commit, nil
	}
	model, err := readBlob(ctx, l.blobs, commit.Model)
	if err != nil {
		return nil, err
	}
	model[len(model)-4] ^= 1 // the lowest bit of the last float32: finite stays finite
	forged := *commit
	if forged.Model, _, err = l.blobs.Put(ctx, bytes.NewReader(model), int64(len(model))); err != nil {
		return nil, err
	}
	l.cheat.forged, l.cheat.right = &forged, commit.Model
	return &forged, nil
}

func readBlob(ctx context.Context, blobs blob.Store, digest ledger.Digest) (b []byte, err error) {
	file, err := blobs.Get(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	b = make([]byte, file.Size())
	_, err = file.ReadAt(b, 0)
	return b, err
}

// verdict is what the ledger says of the lie.
type verdict struct {
	forged *fl.CommitRound
	right  ledger.Digest
	lost   fl.LostTerm
	final  *fl.Commit // of the round lied about; nil where it is not final
	barred []ledger.ID
	words  int // dissents with the right model
	nodes  int
	job    *fl.Job
}

func (c *cheatingAggregator) read(ctx context.Context, s *cheatScene) (v verdict, err error) {
	c.mu.Lock()
	v.forged, v.right = c.forged, c.right
	c.mu.Unlock()
	if v.forged == nil {
		return v, errors.New("nobody committed a model for the last round")
	}
	err = s.network.Nodes[0].View(ctx, func(state contract.Range, _ int64) error { return v.load(state, s) })
	return v, err
}

func (v *verdict) load(state contract.State, s *cheatScene) error {
	number := v.forged.Round
	r, ok, err := fl.LoadRound(state, s.job, number)
	if err != nil || !ok {
		return errors.Join(err, fmt.Errorf("round %d is gone", number))
	}
	if i := slices.IndexFunc(r.Lost, func(l fl.LostTerm) bool { return l.Term == v.forged.Term }); i >= 0 {
		v.lost = r.Lost[i]
	}
	if r.State == job.RoundFinal {
		if v.final, _, err = fl.LoadCommit(state, s.job, number, r.CommitTerm); err != nil {
			return err
		}
	}
	if v.job, _, err = fl.LoadJob(state, s.job); err != nil {
		return err
	}
	term, ok, err := fl.LoadTerm(state, s.job)
	if err != nil || !ok {
		return errors.Join(err, errors.New("the job has no term"))
	}
	v.barred, v.nodes = term.Barred, len(s.network.Nodes)
	for _, n := range s.network.Nodes {
		a, ok, err := fl.LoadAttestation(state, s.job, number, v.forged.Term, n.ID())
		if err != nil {
			return err
		}
		if ok && a.Dissent == fl.DissentModel && a.Model == v.right {
			v.words++
		}
	}
	return nil
}

// await waits for the word of every other node: those that come after the term
// was lost are recorded as well.
func (c *cheatingAggregator) await(ctx context.Context, s *cheatScene) (verdict, error) {
	for {
		changed := s.network.Nodes[0].Changed()
		v, err := c.read(ctx, s)
		if err != nil || v.words == v.nodes-1 {
			return v, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, fmt.Errorf("wait for all nodes' word on the wrong average: %w", context.Cause(ctx))
		}
	}
}

func (c *cheatingAggregator) tell(ctx context.Context, s *cheatScene, say func(string, ...any)) error {
	v, err := c.await(ctx, s)
	if err != nil {
		return err
	}
	say("%s held term %d and committed model %s for round %d, wrong in one bit; the average is %s.",
		s.node(v.lost.Node), v.forged.Term, v.forged.Model.Short(), v.forged.Round, v.right.Short())
	if v.lost.Loss != fl.LossOutvoted || v.words != v.nodes-1 {
		return fmt.Errorf("the term was lost as %q, and %d of %d nodes recomputed the average", v.lost.Loss, v.words, v.nodes)
	}
	say("%d of %d nodes recomputed %s and dissented: term %d was outvoted.", v.words, v.nodes, v.right.Short(), v.lost.Term)
	if v.final == nil || v.final.Model != v.right || v.final.Node == v.lost.Node {
		return fmt.Errorf("round %d did not become final with the right average by another node", v.forged.Round)
	}
	say("%s took term %d and committed %s over the same %d updates; round %d is final.",
		s.node(v.final.Node), v.final.Term, v.final.Model.Short(), v.final.Count, v.forged.Round)
	if !slices.Equal(v.barred, []ledger.ID{v.lost.Node}) {
		return fmt.Errorf("the nodes barred from the job's terms are %v, want the cheat alone", v.barred)
	}
	say("%s takes no further term of this job, which is %s.", s.node(v.lost.Node), v.job.State)
	return nil
}
