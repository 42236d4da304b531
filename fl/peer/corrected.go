package peer

import (
	"bytes"
	"context"
	"fmt"

	"github.com/librum/librum/aggregator"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/train"
)

// trainCorrected trains by SCAFFOLD (Karimireddy et al. 2020): every gradient is
// corrected by c − cᵢ, and the update also holds what became of cᵢ. That is kept
// before the update leaves: were it lost, the server's c would count a step of cᵢ
// that the peer does not know of.
func (p *Peer) trainCorrected(ctx context.Context, trainer *train.Trainer, opened *fl.RoundOpened, params []train.Param) ([]train.Param, train.Metrics, error) {
	spec := p.trainSpec(opened)
	server, err := p.serverControl(ctx, opened, spec)
	if err != nil {
		return nil, train.Metrics{}, err
	}
	own, err := p.kept.control(opened.Job, opened.Round, spec)
	if err != nil {
		return nil, train.Metrics{}, err
	}
	correction := train.Correction(server, own)
	updated, metrics, err := trainer.TrainCorrected(ctx, params, correction, p.config.Data, opened.Round)
	if err != nil {
		return nil, metrics, err
	}
	next, delta, err := spec.NextControl(p.config.Data.Rows, params, updated, correction, own)
	if err != nil {
		return nil, metrics, err
	}
	if err := p.kept.after(opened.Job, opened.Round, next); err != nil {
		return nil, metrics, err
	}
	return append(updated, delta...), metrics, nil
}

// serverControl fetches the server's control variate, zero in the first round.
// Its size follows from the spec.
func (p *Peer) serverControl(ctx context.Context, opened *fl.RoundOpened, spec train.Spec) ([]train.Param, error) {
	if opened.State.IsZero() {
		return train.Zeros(spec)
	}
	model, err := train.FileLayout(spec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errModel, err)
	}
	layout, err := aggregator.StateLayout(model, 1, false)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errModel, err)
	}
	if want := layout.FileBytes(); opened.StateSize != uint64(want) {
		return nil, fmt.Errorf("%w: the state has %d bytes, want %d", errModel, opened.StateSize, want)
	}
	b, err := p.fetch(ctx, opened.State, opened.StateSize)
	if err != nil {
		return nil, fmt.Errorf("fetch the server's control variate: %w", err)
	}
	control, err := train.DecodeServerControl(bytes.NewReader(b), int64(len(b)), spec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errModel, err)
	}
	return control, nil
}
