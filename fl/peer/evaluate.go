package peer

import (
	"context"
	"fmt"

	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/train"
)

// evaluate measures the model that the round begins with on the rows that the
// peer holds out, where the job asks for it and the policy lets such numbers go;
// else it measures nothing. A round that only evaluates wants such rows.
func (p *Peer) evaluate(ctx context.Context, trainer *train.Trainer, opened *fl.RoundOpened, params []train.Param) (train.Metrics, error) {
	rows := p.config.HeldOut
	asked := opened.Spec.FractionEvaluate > 0 && rows.Rows > 0
	if policy := p.config.Consent.Policy; policy != nil && !policy.Reveals(rows.Rows, &opened.Spec) {
		asked = false
	}
	if asked {
		return trainer.Evaluate(ctx, params, rows)
	}
	if opened.Spec.Train.LocalEpochs == 0 {
		return train.Metrics{}, fmt.Errorf("%w: the round only evaluates, and there are no held-out rows of which the policy lets numbers go", train.ErrInvalid)
	}
	return train.Metrics{}, nil
}

// claim returns what a peer tells about an update beside the update.
func (p *Peer) claim(trained, evaluated train.Metrics, opened *fl.RoundOpened) (examples uint64, metrics fl.Metrics) {
	metrics = fl.Metrics{}
	weighed := trained.Examples
	if trained.Examples > 0 {
		metrics = trained.Named()
	} else {
		weighed = evaluated.Examples
	}
	if evaluated.Examples > 0 {
		for name, value := range evaluated.Named() {
			metrics[fl.EvalPrefix+name] = value
		}
		metrics[fl.EvalExamples] = float64(p.examples(evaluated.Examples, opened))
	}
	if policy := p.config.Consent.Policy; policy != nil && !policy.Metrics() {
		metrics = nil
	}
	return p.examples(weighed, opened), metrics
}

// examples returns the number of examples that the peer claims of its rows.
func (p *Peer) examples(rows int, opened *fl.RoundOpened) uint64 {
	if policy := p.config.Consent.Policy; policy != nil {
		return policy.Examples(rows, &opened.Spec)
	}
	return uint64(min(int64(rows), opened.Spec.MaxNumExamples))
}
