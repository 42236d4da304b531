package api

import (
	"context"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
)

// Coordinator is what this package asks of fl/coordinator.
type Coordinator interface {
	// Task returns what the peer is asked to do, waiting until there is
	// something; nil when the context's deadline passes.
	Task(ctx context.Context, peer ledger.ID) (*coordinator.Task, error)
	// TaskNow is Task for who does not wait; ctx bounds how long making the task
	// ready may take.
	TaskNow(ctx context.Context, peer ledger.ID) (*coordinator.Task, error)
	// Receipts returns signed receipts of nodes that hold an upload durably, as
	// many as SubmitUpdate needs.
	Receipts(ctx context.Context, peer ledger.ID, job ledger.Digest, round uint64, blob ledger.Digest, size uint64) ([][]byte, error)
	// Ensure gets a file into this node's blob store, from another node if need
	// be.
	Ensure(ctx context.Context, digest ledger.Digest, size uint64) error
	// CheckInitial gets the initial model that a spec names and checks its shape.
	CheckInitial(ctx context.Context, spec *job.Spec) (size uint64, err error)
	// Card returns the model card of a finished job as JSON.
	Card(ctx context.Context, job ledger.Digest) ([]byte, error)
}
