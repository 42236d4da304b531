package strategy

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/kernel"
	"github.com/librum/librum/aggregator/tensor"
)

// Input is what a round's rule is applied to.
type Input struct {
	Model   tensor.Layout
	Global  aggregator.Source  // the model that the peers began from; where [Needs] does not ask for it, it may be missing
	State   *aggregator.Source // what the round before left; nil in the first
	Updates []aggregator.Update
	Cohort  int     // peers that were asked, at least those that answered
	Root    []byte  // the peer that is trusted, for fltrust
	Local   float64 // momentum of the peers' training
}

// Output takes the files of a round.
type Output struct {
	Model io.Writer
	State io.Writer // written where the rule needs a state
}

// Result describes the files written; State is zero without a state.
type Result struct {
	Model, State aggregator.Result
}

// round is a rule at work.
type round struct {
	*Input
	stack   *aggregator.Stack
	options aggregator.Options
}

// Aggregate applies the rule, strategy(3) and (4). Updates should have passed
// [aggregator.Check] against the rule's UpdateLayout.
func (r Rule) Aggregate(ctx context.Context, in Input, out Output, options aggregator.Options) (Result, error) {
	if r.plain {
		model, err := aggregator.Aggregate(ctx, in.Model, in.Updates, out.Model, options)
		return Result{Model: model}, err
	}
	layout, err := r.UpdateLayout(in.Model)
	if err != nil {
		return Result{}, err
	}
	stack, err := aggregator.NewStack(ctx, in.Model, layout, in.Global, in.Updates)
	if err != nil {
		return Result{}, err
	}
	at := &round{Input: &in, stack: stack, options: options}
	last := aggregator.Combination{State: in.State}
	if r.clip != nil {
		if last.Norm, err = r.bound(ctx, at); err != nil {
			return Result{}, err
		}
	}
	if last.Mean, err = r.mean.plan(ctx, at); err != nil {
		return Result{}, err
	}
	if r.server != nil {
		if in.Cohort < len(in.Updates) {
			return Result{}, fmt.Errorf("%w: %d updates of a cohort of %d", aggregator.ErrInput, len(in.Updates), in.Cohort)
		}
		last.Server = r.server(&in)
	}
	var result Result
	result.Model, result.State, err = stack.Combine(ctx, last, out.Model, out.State, options)
	return result, err
}

// bound clips the updates and returns the norm to be remembered, if any.
func (r Rule) bound(ctx context.Context, at *round) (*float64, error) {
	var before *float64
	if r.needs.Norm && at.State != nil {
		layout, err := r.StateLayout(at.Model)
		if err != nil {
			return nil, err
		}
		norm, err := aggregator.ReadNorm(*at.State, layout)
		if err != nil {
			return nil, err
		}
		before = &norm
	}
	norms, err := at.norms(ctx)
	if err != nil {
		return nil, err
	}
	norm := r.clip.norm(before)
	scales := make([]float64, len(norms))
	for i, n := range norms {
		scales[i] = 1
		if n > norm {
			scales[i] = norm / n
		}
	}
	at.stack.Scale(scales)
	return r.clip.next(norm, norms), nil
}

// norms returns how far each update lies from the global model.
func (at *round) norms(ctx context.Context) ([]float64, error) {
	sums, err := at.stack.Reduce(ctx, len(at.Updates), at.options, func() aggregator.Measure {
		return func(sums []float64, rows [][]float64, global []float64) { kernel.Squares(sums, rows, global) }
	})
	if err != nil {
		return nil, err
	}
	for i, s := range sums {
		sums[i] = math.Sqrt(s)
	}
	return sums, nil
}

// relative makes the rows differences from the global model, if they are not.
func (at *round) relative() {
	if !at.stack.Relative() {
		at.stack.Scale(ones(len(at.Updates)))
	}
}

func ones(n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = 1
	}
	return all
}
