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

// heldOut measures models on the rows of the digits that no peer has, as the
// data scientist who submitted the job would.
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
	trainer, err := train.New(train.FromJob(&spec))
	if err != nil {
		return nil, err
	}
	return &heldOut{ctx: ctx, client: c, job: id, trainer: trainer, rows: rows}, nil
}

// measure returns accuracy and loss of a round's model.
func (h *heldOut) measure(round int) (train.Metrics, error) {
	dir, err := os.MkdirTemp("", "librum-model-")
	if err != nil {
		return train.Metrics{}, fmt.Errorf("make a directory for the model: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays behind is in the system's temporary directory
	path := filepath.Join(dir, "model.safetensors")
	if _, err := h.client.DownloadModel(h.ctx, h.job, uint64(round), path); err != nil {
		return train.Metrics{}, fmt.Errorf("fetch the model of round %d: %w", round, err)
	}
	b, err := durable.ReadFile(path, maxRemoteFile)
	if err != nil {
		return train.Metrics{}, err
	}
	params, err := train.DecodeFile(bytes.NewReader(b), int64(len(b)), h.trainer.Spec())
	if err != nil {
		return train.Metrics{}, fmt.Errorf("read the model of round %d: %w", round, err)
	}
	return h.trainer.Evaluate(h.ctx, params, h.rows)
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
