package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

// federation is peers that train in this process and whose updates a rule makes
// one model of, from files, as in a network.
type federation struct {
	spec     train.Spec
	rule     strategy.Rule
	layout   tensor.Layout
	peers    []*train.Trainer
	parts    []data.Dataset
	model    []train.Param
	state    []byte // what the rule left in the round before; nil where there is nothing
	perRound int    // peers drawn in a round
	attack   *attack
	steps    int // of all peers in the rounds so far
}

// newFederation gives each peer the rows of its split and a seed of its own.
// Under an attack the last peers are the attackers.
func newFederation(job *job.Spec, rows data.Dataset, splits [][]int, perRound int, against *attack) (*federation, error) {
	spec := train.FromJob(job)
	f := &federation{spec: spec, perRound: perRound, attack: against}
	var err error
	if f.rule, err = job.Rule(); err != nil {
		return nil, err
	}
	if f.rule.Needs().Controls {
		return nil, fmt.Errorf("%s keeps control variates at its peers, which there is nowhere here", job.Strategy.Name)
	}
	if f.layout, err = train.FileLayout(spec); err != nil {
		return nil, err
	}
	if f.model, err = train.InitialModel(spec); err != nil {
		return nil, err
	}
	for i, split := range splits {
		part, err := rows.Subset(split)
		if err != nil {
			return nil, err
		}
		if against.flipsLabels() && against.by(i, len(splits)) {
			part = flipLabels(part)
		}
		own := spec
		own.Seed = spec.Seed<<16 + uint64(i) + 1
		peer, err := train.New(own)
		if err != nil {
			return nil, err
		}
		f.peers, f.parts = append(f.peers, peer), append(f.parts, part)
	}
	return f, nil
}

// round has peers train from the common model and puts what the rule makes of
// their updates in its place.
func (f *federation) round(ctx context.Context, number uint64) error {
	drawn := f.draw(number)
	trained := make([][]train.Param, len(drawn))
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, peer := range drawn {
		f.steps += f.spec.Steps(f.parts[peer].Rows)
		group.Go(func() (err error) {
			if trained[i], _, err = f.peers[peer].Train(working, f.model, f.parts[peer], number); err != nil {
				return fmt.Errorf("peer %d: %w", peer, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	f.attack.replace(f.model, trained, drawn, len(f.peers), f.spec.Seed, number)
	return f.aggregate(ctx, trained, drawn)
}

// step is a round and what it comes to on other rows.
func (f *federation) step(ctx context.Context, number uint64, held data.Dataset) (train.Metrics, error) {
	if err := f.round(ctx, number); err != nil {
		return train.Metrics{}, err
	}
	return f.measure(ctx, held)
}

// draw chooses the peers of a round, in order. The first peer, where the strategy
// trusts it, is one of them.
func (f *federation) draw(number uint64) []int {
	all := rand.New(rand.NewPCG(f.spec.Seed, number)).Perm(len(f.peers)) //nolint:gosec // an experiment that repeats
	drawn := all[:f.perRound]
	if f.rule.Needs().Root && !slices.Contains(drawn, 0) {
		drawn[0] = 0
	}
	slices.Sort(drawn)
	return drawn
}

// aggregate applies the rule to the updates of the peers that were drawn. The
// first peer is the one that fltrust trusts.
func (f *federation) aggregate(ctx context.Context, trained [][]train.Param, drawn []int) error {
	global, err := train.EncodeFile(f.model)
	if err != nil {
		return err
	}
	in := strategy.Input{
		Model: f.layout, Global: aggregator.Source{File: bytes.NewReader(global), Size: int64(len(global))},
		Cohort: len(drawn), Root: peerName(0), Local: f.spec.Momentum,
	}
	if f.state != nil {
		in.State = &aggregator.Source{File: bytes.NewReader(f.state), Size: int64(len(f.state))}
	}
	for i, peer := range drawn {
		file, err := train.EncodeFile(trained[i])
		if err != nil {
			return fmt.Errorf("peer %d: %w", peer, err)
		}
		in.Updates = append(in.Updates, aggregator.Update{
			Peer: peerName(peer), File: bytes.NewReader(file), Size: int64(len(file)),
			Weight: uint64(f.parts[peer].Rows), Steps: uint64(f.spec.Steps(f.parts[peer].Rows)),
		})
	}
	var model, state bytes.Buffer
	if _, err := f.rule.Aggregate(ctx, in, strategy.Output{Model: &model, State: &state}, aggregator.Options{}); err != nil {
		return err
	}
	if f.rule.Needs().State {
		f.state = state.Bytes()
	}
	f.model, err = train.DecodeFile(bytes.NewReader(model.Bytes()), int64(model.Len()), f.spec)
	return err
}

// peerName is what orders updates.
func peerName(peer int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(peer)) }

// measure measures the common model.
func (f *federation) measure(ctx context.Context, rows data.Dataset) (train.Metrics, error) {
	return f.peers[0].Evaluate(ctx, f.model, rows)
}

// centralAccuracy trains the same initial model on all rows for exactly as many
// steps, whole epochs first, and measures it.
func centralAccuracy(ctx context.Context, spec train.Spec, rows, held data.Dataset, steps int) (float64, error) {
	model, err := train.InitialModel(spec)
	if err != nil {
		return 0, err
	}
	perEpoch := (rows.Rows + spec.BatchSize - 1) / spec.BatchSize
	fit := func(part data.Dataset, epochs int, round uint64) error {
		spec := spec
		spec.LocalEpochs = epochs
		t, err := train.New(spec)
		if err != nil {
			return err
		}
		model, _, err = t.Train(ctx, model, part, round)
		return err
	}
	if epochs := steps / perEpoch; epochs > 0 {
		if err := fit(rows, epochs, 0); err != nil {
			return 0, err
		}
	}
	if left := steps % perEpoch; left > 0 {
		first := make([]int, left*spec.BatchSize)
		for i := range first {
			first[i] = i
		}
		part, err := rows.Subset(first)
		if err != nil {
			return 0, err
		}
		if err := fit(part, 1, 1); err != nil {
			return 0, err
		}
	}
	t, err := train.New(spec)
	if err != nil {
		return 0, err
	}
	metrics, err := t.Evaluate(ctx, model, held)
	return metrics.Accuracy, err
}
