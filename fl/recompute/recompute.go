package recompute

import (
	"context"
	"errors"
	"fmt"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

// OpenFunc opens the file with a digest.
type OpenFunc func(ctx context.Context, digest ledger.Digest) (blob.Blob, error)

// Set is the updates of a round, open for reading. Close must be called.
type Set struct {
	spec   *job.Spec
	rule   strategy.Rule
	layout tensor.Layout
	update tensor.Layout
	state  tensor.Layout
	open   OpenFunc
	files  map[ledger.ID]blob.Blob
}

// New returns an empty set for a job.
func New(spec *job.Spec, open OpenFunc) (*Set, error) {
	s := &Set{spec: spec, open: open, files: map[ledger.ID]blob.Blob{}}
	var err error
	if s.layout, err = train.FileLayout(train.FromJob(spec)); err != nil {
		return nil, err
	}
	if s.rule, err = spec.Rule(); err != nil {
		return nil, err
	}
	if s.update, err = s.rule.UpdateLayout(s.layout); err != nil {
		return nil, err
	}
	s.state, err = s.rule.StateLayout(s.layout)
	return s, err
}

// UpdateLayout returns the layout of the updates of a job.
func UpdateLayout(spec *job.Spec) (tensor.Layout, error) {
	s, err := New(spec, nil)
	if err != nil {
		return tensor.Layout{}, err
	}
	return s.update, nil
}

// Layout returns the layout of the job's model.
func (s *Set) Layout() tensor.Layout { return s.layout }

// Rule returns the job's rule.
func (s *Set) Rule() strategy.Rule { return s.rule }

// StateBytes returns the size of what the server remembers, where the rule
// needs any.
func (s *Set) StateBytes() int64 { return s.state.FileBytes() }

// Check opens the updates and returns why some may take no part, in their
// order. What an earlier Check opened is closed. An error that wraps what open returned means that a file could not be
// had.
func (s *Set) Check(ctx context.Context, updates []fl.Averaged) ([]fl.Refused, error) {
	if err := s.Close(); err != nil {
		return nil, err
	}
	var refused []fl.Refused
	for _, u := range updates {
		file, err := s.open(ctx, u.Digest)
		if err != nil {
			return nil, fmt.Errorf("open the update of peer %s: %w", u.Peer, err)
		}
		s.files[u.Peer] = file
		err = aggregator.Check(ctx, s.update, file, file.Size(), u.Digest, aggregator.Limits{})
		reason, isRefusal := aggregator.ReasonOf(err)
		switch {
		case isRefusal:
			refused = append(refused, fl.Refused{Peer: u.Peer, Reason: reason})
		case err != nil:
			return nil, fmt.Errorf("check the update of peer %s: %w", u.Peer, err)
		}
	}
	return refused, nil
}

// Enough reports whether updates make an average: there are min_train_peers of them,
// that of the peer which the strategy trusts among them. Else the round is void.
func Enough(spec *job.Spec, updates []fl.Averaged) bool {
	peers := make([]ledger.ID, len(updates))
	for i, u := range updates {
		peers[i] = u.Peer
	}
	return int64(len(updates)) >= spec.MinTrainPeers && fl.Rooted(spec, peers)
}

// Start is what a round began with.
type Start struct {
	Model  ledger.Digest
	State  ledger.Digest // zero where nothing was remembered
	Roster uint64        // peers that were there, of which the round asked all or some
}

// Average writes what updates that passed Check come to by the job's rule.
func (s *Set) Average(ctx context.Context, start Start, updates []fl.Averaged, out strategy.Output, threads int) (_ strategy.Result, err error) {
	in := strategy.Input{Model: s.layout, Cohort: int(start.Roster), Local: s.spec.Train.Momentum}
	for _, u := range updates {
		file, ok := s.files[u.Peer]
		if !ok {
			return strategy.Result{}, fmt.Errorf("average the update of peer %s: it was not checked; call Check first", u.Peer)
		}
		in.Updates = append(in.Updates, aggregator.Update{
			Peer: u.Peer[:], File: file, Size: file.Size(), Weight: u.Weight, Steps: s.steps(u.Weight),
		})
	}
	if s.spec.Strategy.Root != "" {
		root, err := ledger.ParseID(s.spec.Strategy.Root)
		if err != nil {
			return strategy.Result{}, fmt.Errorf("strategy.root: %w", err)
		}
		in.Root = root[:]
	}
	if s.rule.Needs().Global {
		file, err := s.open(ctx, start.Model)
		if err != nil {
			return strategy.Result{}, fmt.Errorf("open the model that the round began with: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		in.Global = aggregator.Source{File: file, Size: file.Size()}
	}
	if !start.State.IsZero() {
		file, err := s.open(ctx, start.State)
		if err != nil {
			return strategy.Result{}, fmt.Errorf("open the state that the round began with: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		in.State = &aggregator.Source{File: file, Size: file.Size()}
	}
	return s.rule.Aggregate(ctx, in, out, aggregator.Options{Threads: threads})
}

// steps returns how many steps a peer with so many examples trains: all follow
// from the spec, so that a peer has no number of steps to lie about.
func (s *Set) steps(examples uint64) uint64 {
	batch := uint64(s.spec.Train.BatchSize)
	return uint64(s.spec.Train.LocalEpochs) * ((examples + batch - 1) / batch)
}

// Close closes the files.
func (s *Set) Close() error {
	errs := make([]error, 0, len(s.files))
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	clear(s.files)
	return errors.Join(errs...)
}
