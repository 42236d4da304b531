package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
	"github.com/librum/librum/internal/durable"
)

// heldOut measures models on rows that no peer has, as the data scientist who
// submitted the job would.
type heldOut struct {
	ctx      context.Context //nolint:containedctx // measures for one watch, which ends with it
	client   *client.Client
	job      ledger.Digest
	trainer  *train.Trainer
	rows     data.Dataset
	accuracy float64
	err      error
}

func newHeldOut(ctx context.Context, c *client.Client, id ledger.Digest, spec job.Spec) (*heldOut, error) {
	_, rows, err := data.Digits()
	if err != nil {
		return nil, err
	}
	return newMeasure(ctx, c, id, spec, rows)
}

// newMeasure returns what measures a job's models on rows.
func newMeasure(ctx context.Context, c *client.Client, id ledger.Digest, spec job.Spec, rows data.Dataset) (*heldOut, error) {
	trainer, err := train.New(train.FromJob(&spec))
	if err != nil {
		return nil, err
	}
	return &heldOut{ctx: ctx, client: c, job: id, trainer: trainer, rows: rows}, nil
}

// measure returns accuracy and loss of a round's model.
func (h *heldOut) measure(round int) (train.Metrics, error) {
	params, _, err := h.fetch(uint64(round))
	if err != nil {
		return train.Metrics{}, err
	}
	return h.trainer.Evaluate(h.ctx, params, h.rows)
}

// fetch returns a version of the model, and its file's digest.
func (h *heldOut) fetch(version uint64) (_ []train.Param, digest ledger.Digest, err error) {
	dir, err := os.MkdirTemp("", "librum-model-")
	if err != nil {
		return nil, digest, fmt.Errorf("make a directory for the model: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays behind is in the system's temporary directory
	path := filepath.Join(dir, "model.safetensors")
	file, err := h.client.DownloadModel(h.ctx, h.job, version, path)
	if err != nil {
		return nil, digest, fmt.Errorf("fetch the model of round %d: %w", version, err)
	}
	b, err := durable.ReadFile(path, maxRemoteFile)
	if err != nil {
		return nil, digest, err
	}
	params, err := train.DecodeFile(bytes.NewReader(b), int64(len(b)), h.trainer.Spec())
	if err != nil {
		return nil, digest, fmt.Errorf("read the model of round %d: %w", version, err)
	}
	return params, file.Digest, nil
}

// measured shows rounds with what heldOut measured in place of the peers'
// claims.
type measured struct {
	progress
	heldOut *heldOut
}

// Round implements progress.
func (m measured) Round(line roundLine) {
	metrics, err := m.heldOut.measure(line.Round)
	if err != nil {
		m.heldOut.err = err
	} else {
		line.Accuracy, line.Loss = metrics.Accuracy, metrics.Loss
		m.heldOut.accuracy = metrics.Accuracy
	}
	m.progress.Round(line)
}
