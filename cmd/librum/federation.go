package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/train"
)

// federation is peers that train in this process and whose updates the
// aggregator averages, as files, as it does in a network.
type federation struct {
	spec   train.Spec
	layout tensor.Layout
	peers  []*train.Trainer
	parts  []data.Dataset
	model  []train.Param
	steps  int // of all peers in a round
}

// newFederation gives each peer the rows of its split and a seed of its own.
func newFederation(spec train.Spec, rows data.Dataset, splits [][]int) (*federation, error) {
	f := &federation{spec: spec}
	var err error
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
		own := spec
		own.Seed = spec.Seed<<16 + uint64(i) + 1
		peer, err := train.New(own)
		if err != nil {
			return nil, err
		}
		f.peers, f.parts = append(f.peers, peer), append(f.parts, part)
		f.steps += spec.LocalEpochs * ((part.Rows + spec.BatchSize - 1) / spec.BatchSize)
	}
	return f, nil
}

// round has every peer train from the common model and puts the average of
// their updates in its place.
func (f *federation) round(ctx context.Context, number uint64) error {
	updates := make([]aggregator.Update, len(f.peers))
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, peer := range f.peers {
		group.Go(func() error {
			trained, _, err := peer.Train(working, f.model, f.parts[i], number)
			if err != nil {
				return fmt.Errorf("peer %d: %w", i, err)
			}
			file, err := train.EncodeFile(trained)
			if err != nil {
				return fmt.Errorf("peer %d: %w", i, err)
			}
			updates[i] = aggregator.Update{
				Peer: binary.BigEndian.AppendUint32(nil, uint32(i)), File: bytes.NewReader(file), Size: int64(len(file)), Weight: uint64(f.parts[i].Rows),
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var mean bytes.Buffer
	if _, err := aggregator.Aggregate(ctx, f.layout, updates, &mean, aggregator.Options{}); err != nil {
		return err
	}
	model, err := train.DecodeFile(bytes.NewReader(mean.Bytes()), int64(mean.Len()), f.spec)
	f.model = model
	return err
}

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
