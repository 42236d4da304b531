package verify

import (
	"context"
	"errors"
	"io"

	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/recompute"
)

// outcome is what the updates of a round come to.
type outcome struct {
	refused []fl.Refused
	model   ledger.Digest // zero where too few updates remain
	size    uint64
	state   fl.State // zero for nothing
}

// recompute checks and averages the updates of a round. The error is a finding, or wraps
// [blob.ErrNotFound] where an update is gone.
func (w *walk) recompute(ctx context.Context, where string, r *fl.Round, updates []fl.Averaged) (got outcome, err error) {
	set, err := recompute.New(&w.job.Spec, w.open)
	if err != nil {
		return got, finding("spec", "job", "%v", err)
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	if got.refused, err = set.Check(ctx, updates); err != nil {
		return got, trouble(ctx, "update", where, err)
	}
	w.report.Updates += uint64(len(updates))
	averaged, _ := without(updates, got.refused)
	if !recompute.Enough(&w.job.Spec, averaged) {
		return got, nil
	}
	start := recompute.Start{Model: r.Model, State: w.state.Digest, Roster: r.Roster}
	result, err := set.Average(ctx, start, averaged, strategy.Output{Model: io.Discard, State: io.Discard}, w.in.Threads)
	if err != nil {
		return got, trouble(ctx, "average", where, err)
	}
	w.report.Averages++
	got.model, got.size = ledger.Digest(result.Model.Digest), uint64(result.Model.Size)
	got.state = fl.State{Digest: ledger.Digest(result.State.Digest), Size: uint64(result.State.Size)}
	return got, nil
}

// trouble turns an error into a finding, unless it says that ctx ended or that
// a file is gone.
func trouble(ctx context.Context, kind, where string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, blob.ErrNotFound) {
		return err
	}
	return finding(kind, where, "%v", err)
}
