package recompute

import (
	"context"
	"errors"
	"fmt"
	"io"

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
	layout tensor.Layout
	open   OpenFunc
	files  map[ledger.ID]blob.Blob
}

// New returns an empty set for a job.
func New(spec *job.Spec, open OpenFunc) (*Set, error) {
	layout, err := train.FileLayout(train.FromJob(spec))
	if err != nil {
		return nil, err
	}
	return &Set{spec: spec, layout: layout, open: open, files: map[ledger.ID]blob.Blob{}}, nil
}

// Layout returns the layout of the job's model.
func (s *Set) Layout() tensor.Layout { return s.layout }

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
		err = aggregator.Check(ctx, s.layout, file, file.Size(), u.Digest, aggregator.Limits{})
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

// Average writes the average of updates that passed Check.
func (s *Set) Average(ctx context.Context, updates []fl.Averaged, dst io.Writer, threads int) (aggregator.Result, error) {
	rule, err := strategy.Resolve(strategy.Choice{
		Strategy: strategy.Part{Name: s.spec.Strategy.Name, Params: s.spec.Strategy.Params},
	})
	if err != nil {
		return aggregator.Result{}, err
	}
	inputs := make([]aggregator.Update, len(updates))
	for i, u := range updates {
		file, ok := s.files[u.Peer]
		if !ok {
			return aggregator.Result{}, fmt.Errorf("average the update of peer %s: it was not checked; call Check first", u.Peer)
		}
		inputs[i] = aggregator.Update{Peer: u.Peer[:], File: file, Size: file.Size(), Weight: u.Weight}
	}
	result, err := rule.Aggregate(ctx, strategy.Input{Model: s.layout, Updates: inputs}, strategy.Output{Model: dst}, aggregator.Options{Threads: threads})
	return result.Model, err
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
