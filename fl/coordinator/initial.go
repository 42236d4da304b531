package coordinator

import (
	"context"
	"errors"
	"fmt"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

// ErrInitialModel is wrapped where the initial model that a spec names is none
// of its model: whoever wrote the spec has to change it.
var ErrInitialModel = errors.New("the initial model is not of the job's model")

// CheckInitial gets the initial model that a spec names, from another node if
// need be, and returns its size. Its layout, canonical, follows from the spec.
func (s *Service) CheckInitial(ctx context.Context, spec *job.Spec) (size uint64, err error) {
	digest, err := ledger.ParseDigest(spec.InitialModel)
	if err != nil {
		return 0, err
	}
	layout, err := train.FileLayout(train.FromJob(spec))
	if err != nil {
		return 0, err
	}
	layout = layout.Canonical()
	size = uint64(layout.FileBytes())
	if err := s.Ensure(ctx, digest, size); err != nil {
		return 0, fmt.Errorf("get the initial model %s of %d bytes: %w", digest, size, err)
	}
	file, err := s.open(ctx, digest)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if uint64(file.Size()) != size {
		return 0, fmt.Errorf("%w: it has %d bytes, want %d", ErrInitialModel, file.Size(), size)
	}
	err = aggregator.Check(ctx, layout, file, file.Size(), digest, aggregator.Limits{})
	if _, refused := aggregator.ReasonOf(err); refused {
		return 0, fmt.Errorf("%w: %w", ErrInitialModel, err)
	}
	return size, err
}
