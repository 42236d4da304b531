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
	"github.com/librum/librum/aggregator/strategy"
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

// derive makes the initial model, a pure function of the spec, or gets the one
// that it names.
func (w *worker) derive(ctx context.Context, s *round.Snapshot) (*round.File, error) {
	if s.Job.Spec.InitialModel != "" {
		size, err := w.CheckInitial(ctx, &s.Job.Spec)
		if err != nil {
			return nil, err
		}
		digest, err := ledger.ParseDigest(s.Job.Spec.InitialModel)
		return &round.File{Digest: digest, Size: size}, err
	}
	b, err := train.InitialFile(train.FromJob(&s.Job.Spec))
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
	var model, state round.File
	if recompute.Enough(&s.Job.Spec, averaged) {
		if model, state, err = w.average(ctx, s, set, averaged); err != nil {
			return nil, err
		}
	}
	c, err := s.Result(a.Without, refused, model, state)
	return &c, err
}

// average streams the next model, and what the server remembers with it, into
// the blob store. What the round began with is fetched where it is missing.
func (w *worker) average(ctx context.Context, s *round.Snapshot, set *recompute.Set, updates []fl.Averaged) (model, state round.File, err error) {
	start := recompute.Start{Model: s.Round.Model, State: s.Began.Digest, Roster: s.Round.Roster}
	if set.Rule().Needs().Global {
		if err := w.Ensure(ctx, start.Model, s.Round.ModelSize); err != nil {
			return model, state, fmt.Errorf("model that the round began with: %w", err)
		}
	}
	if !start.State.IsZero() {
		if err := w.Ensure(ctx, start.State, s.Began.Size); err != nil {
			return model, state, fmt.Errorf("state that the round began with: %w", err)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	keep := func(file *round.File, size int64) *io.PipeWriter {
		r, to := io.Pipe()
		group.Go(func() error {
			digest, size, err := w.config.Blobs.Put(ctx, r, size)
			*file = round.File{Digest: digest, Size: uint64(size)}
			return errors.Join(err, r.CloseWithError(err))
		})
		return to
	}
	out := []*io.PipeWriter{keep(&model, set.Layout().Canonical().FileBytes())}
	output := strategy.Output{Model: out[0]}
	if set.Rule().Needs().State {
		out = append(out, keep(&state, set.StateBytes()))
		output.State = out[1]
	}
	group.Go(func() error {
		_, err := set.Average(ctx, start, updates, output, w.config.Threads)
		for _, to := range out {
			err = errors.Join(err, to.CloseWithError(err))
		}
		return err
	})
	err = group.Wait()
	return model, state, err
}

// logger returns the worker's logger.
func (w *worker) logger() *slog.Logger {
	return w.config.Logger.With("node", w.config.Self.Short(), "job", w.id.Short())
}
