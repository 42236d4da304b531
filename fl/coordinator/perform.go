package coordinator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/recompute"
	"github.com/librum/librum/fl/round"
	"github.com/librum/librum/fl/train"
)

// perform does one action and returns what it teaches; part of that may hold
// although there is an error.
func (w *worker) perform(ctx context.Context, s round.Snapshot, a round.Action) (func(*worker), error) {
	switch a := a.(type) {
	case round.Submit:
		code, detail, err := w.config.Ledger.Submit(ctx, a.Method, a.Args)
		if err == nil && code != ledger.CodeOK {
			err = fmt.Errorf("refused as %s: %s", code, detail)
		}
		return nil, err
	case round.Derive:
		file, err := w.derive(ctx, &s)
		return func(w *worker) { w.facts.Initial = file }, err
	case round.Fetch:
		missing, err := w.fetchUpdates(ctx, &s, a)
		return func(w *worker) {
			for _, peer := range missing {
				w.missed[update{a.Round, a.Attempt, peer}] = true
			}
		}, err
	case round.Compute:
		c, err := w.compute(ctx, &s, a)
		if err != nil {
			return nil, err
		}
		return func(w *worker) { w.facts.Computed = c }, nil
	case round.WriteCard:
		file, err := w.writeCard(ctx)
		return func(w *worker) { w.facts.Card = file }, err
	default:
		return nil, fmt.Errorf("unknown action %T", a)
	}
}

// derive makes the initial model, a pure function of the spec.
func (w *worker) derive(ctx context.Context, s *round.Snapshot) (*round.File, error) {
	params, err := train.InitialModel(train.FromJob(&s.Job.Spec))
	if err != nil {
		return nil, err
	}
	b, err := train.EncodeFile(params)
	if err != nil {
		return nil, err
	}
	return w.put(ctx, b)
}

// put keeps bytes in the blob store.
func (s *Service) put(ctx context.Context, b []byte) (*round.File, error) {
	digest, size, err := s.config.Blobs.Put(ctx, bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return &round.File{Digest: digest, Size: uint64(size)}, nil
}

// fetchUpdates gets updates from the nodes that hold them and returns the
// peers whose update none of them handed over, and why.
func (w *worker) fetchUpdates(ctx context.Context, s *round.Snapshot, a round.Fetch) (missing []ledger.ID, err error) {
	select {
	case w.fetches <- struct{}{}:
		defer func() { <-w.fetches }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for _, peer := range a.Peers {
		for _, answer := range s.Answers {
			if answer.Peer != peer || answer.State != fl.UpdateSubmitted {
				continue
			}
			if no := w.Ensure(ctx, answer.Digest, answer.Size); no != nil {
				missing = append(missing, peer)
				err = errors.Join(err, fmt.Errorf("update of peer %s: %w", peer.Short(), no))
			}
		}
	}
	if ctx.Err() != nil { // says nothing about the files
		return nil, context.Cause(ctx)
	}
	return missing, err
}

// compute checks the updates of the closed set and averages those that pass.
func (w *worker) compute(ctx context.Context, s *round.Snapshot, a round.Compute) (_ *round.Computation, err error) {
	set, err := recompute.New(&s.Job.Spec, w.open)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	unavailable := make([]fl.Refused, len(a.Without))
	for i, peer := range a.Without {
		unavailable[i] = fl.Refused{Peer: peer, Reason: aggregator.RefusedUnavailable}
	}
	refused, err := set.Check(ctx, s.Averaged(unavailable))
	if err != nil {
		return nil, err
	}
	for _, r := range refused {
		w.logger().Warn("refused an update", "peer", r.Peer.Short(), "round", a.Round, "reason", r.Reason)
	}
	refused = append(refused, unavailable...)
	averaged := s.Averaged(refused)
	var model round.File
	if int64(len(averaged)) >= s.Job.Spec.MinTrainPeers {
		if model, err = w.average(ctx, set, averaged); err != nil {
			return nil, err
		}
	}
	c, err := s.Result(a.Without, refused, model)
	return &c, err
}

// average streams the mean of the updates into the blob store.
func (w *worker) average(ctx context.Context, set *recompute.Set, updates []fl.Averaged) (round.File, error) {
	r, to := io.Pipe()
	var file round.File
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := set.Average(ctx, updates, to, w.config.Threads)
		return errors.Join(err, to.CloseWithError(err))
	})
	group.Go(func() error {
		digest, size, err := w.config.Blobs.Put(ctx, r, set.Layout().Canonical().FileBytes())
		file = round.File{Digest: digest, Size: uint64(size)}
		return errors.Join(err, r.CloseWithError(err))
	})
	return file, group.Wait()
}

// logger returns the worker's logger.
func (w *worker) logger() *slog.Logger {
	return w.config.Logger.With("node", w.config.Self.Short(), "job", w.id.Short())
}
