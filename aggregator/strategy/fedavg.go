package strategy

import (
	"context"
	"io"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
)

// fedAvg is the mean of the updates, each weighted by its number of examples.
func fedAvg() Strategy {
	return Strategy{
		Name: "fedavg",
		Doc:  "Mean of the updates weighted by their numbers of examples (McMahan et al. 2017).",
		Aggregate: func(ctx context.Context, _ Params, model tensor.Layout, updates []aggregator.Update, dst io.Writer, options aggregator.Options) (aggregator.Result, error) {
			return aggregator.Aggregate(ctx, model, updates, dst, options)
		},
	}
}
