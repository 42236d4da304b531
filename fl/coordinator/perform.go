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
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/round"
	"github.com/librum/librum/fl/train"
)

// perform does one action and returns what it teaches.
func (w *worker) perform(ctx context.Context, s round.Snapshot, a round.Action) (func(*round.Facts), error) {
	switch a := a.(type) {
	case round.Submit:
		code, detail, err := w.config.Ledger.Submit(ctx, a.Method, a.Args)
		if err == nil && code != ledger.CodeOK {
			err = fmt.Errorf("refused as %s: %s", code, detail)
		}
		return nil, err
	case round.Derive:
		file, err := w.derive(ctx, &s)
		return func(f *round.Facts) { f.Initial = file }, err
	case round.Fetch:
		missing := w.fetchUpdates(ctx, &s, a)
		return func(f *round.Facts) { f.Missing = missing }, nil
	case round.Compute:
		c, err := w.compute(ctx, &s, a)
		if err != nil {
			return nil, err
		}
		return func(f *round.Facts) { f.Computed = c }, nil
	case round.WriteCard:
		file, err := w.writeCard(ctx, &s)
		return func(f *round.Facts) { f.Card = file }, err
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
	return &round.File{Digest: digest, Size: uint64(size)}, nil //nolint:gosec // not negative
}

// fetchUpdates gets updates from the nodes that hold them and returns the
// peers whose update none of them handed over.
func (w *worker) fetchUpdates(ctx context.Context, s *round.Snapshot, a round.Fetch) []ledger.ID {
	var missing []ledger.ID
	for _, peer := range a.Peers {
		for _, answer := range s.Answers {
			if answer.Peer != peer || answer.State != fl.UpdateSubmitted {
				continue
			}
			if err := w.fetch(ctx, answer.Digest, answer.Size); err != nil {
				w.logger().Warn("update is not to be had", "peer", peer.Short(), "digest", answer.Digest.Short(), "error", err)
				missing = append(missing, peer)
			}
		}
	}
	return missing
}

// compute checks the updates of the closed set and averages those that pass.
func (w *worker) compute(ctx context.Context, s *round.Snapshot, a round.Compute) (*round.Computation, error) {
	layout, err := train.FileLayout(train.FromJob(&s.Job.Spec))
	if err != nil {
		return nil, err
	}
	files, refused, err := w.check(ctx, s, layout, a.Without)
	defer func() { closeAll(files, w.logger()) }()
	if err != nil {
		return nil, err
	}
	averaged := s.Averaged(refused)
	var model round.File
	if int64(len(averaged)) >= s.Job.Spec.MinTrainPeers {
		updates := make([]aggregator.Update, len(averaged))
		for i, u := range averaged {
			file := files[u.Peer]
			updates[i] = aggregator.Update{Peer: u.Peer[:], File: file, Size: file.Size(), Weight: u.Weight}
		}
		if model, err = w.average(ctx, &s.Job.Spec, layout, updates); err != nil {
			return nil, err
		}
	}
	c, err := s.Result(a.Without, refused, model)
	return &c, err
}

// check opens the updates of the set and refuses those that may not take part,
// aggregator(3).
func (w *worker) check(
	ctx context.Context, s *round.Snapshot, layout tensor.Layout, without []ledger.ID,
) (map[ledger.ID]blob.Blob, []fl.Refused, error) {
	files := map[ledger.ID]blob.Blob{}
	var refused []fl.Refused
	left := map[ledger.ID]bool{}
	for _, peer := range without {
		left[peer] = true
		refused = append(refused, fl.Refused{Peer: peer, Reason: aggregator.RefusedUnavailable})
	}
	for _, a := range s.Answers {
		if a.State != fl.UpdateSubmitted || left[a.Peer] {
			continue
		}
		file, err := w.config.Blobs.Get(ctx, a.Digest)
		if errors.Is(err, blob.ErrCorrupt) {
			// Gone here, it is fetched from another node again.
			err = errors.Join(err, w.config.Blobs.Delete(ctx, a.Digest))
		}
		if err != nil {
			return files, nil, err
		}
		files[a.Peer] = file
		err = aggregator.Check(ctx, layout, file, file.Size(), a.Digest, aggregator.Limits{})
		reason, isRefusal := aggregator.ReasonOf(err)
		switch {
		case isRefusal:
			w.logger().Warn("refused an update", "peer", a.Peer.Short(), "reason", reason, "error", err)
			refused = append(refused, fl.Refused{Peer: a.Peer, Reason: reason})
		case err != nil:
			return files, nil, err
		}
	}
	return files, refused, nil
}

func closeAll(files map[ledger.ID]blob.Blob, logger *slog.Logger) {
	for _, f := range files {
		if err := f.Close(); err != nil {
			logger.Warn("close an update", "error", err)
		}
	}
}

// average streams the mean of the updates into the blob store.
func (w *worker) average(
	ctx context.Context, spec *job.Spec, layout tensor.Layout, updates []aggregator.Update,
) (round.File, error) {
	rule, err := strategy.Find(spec.Strategy.Name)
	if err != nil {
		return round.File{}, err
	}
	r, to := io.Pipe()
	var file round.File
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := rule.Aggregate(ctx, spec.Strategy.Params, layout, updates, to, aggregator.Options{Threads: w.config.Threads})
		return errors.Join(err, to.CloseWithError(err))
	})
	group.Go(func() error {
		digest, size, err := w.config.Blobs.Put(ctx, r, layout.Canonical().FileBytes())
		file = round.File{Digest: digest, Size: uint64(size)} //nolint:gosec // not negative
		return errors.Join(err, r.CloseWithError(err))
	})
	return file, group.Wait()
}

// logger returns the worker's logger.
func (w *worker) logger() *slog.Logger {
	return w.config.Logger.With("node", w.config.Self.Short(), "job", w.id.Short())
}
