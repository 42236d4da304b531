package recompute_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/fl/recompute"
)

// Two updates, one of which counts three times as much as the other, are
// checked and averaged.
func Example() {
	ctx, spec := context.Background(), small()
	store, err := file.Open(ctx, vfs.NewMem(), "blobs", file.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	named, err := updates(ctx, store, spec, [][]float32{{1, 1}, {5, 1}}, []uint64{1, 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := recompute.New(spec, store.Get)
	if err != nil {
		fmt.Println(err)
		return
	}
	refused, err := set.Check(ctx, named)
	fmt.Println(len(refused), "refused", err)
	var model bytes.Buffer
	result, err := set.Average(ctx, recompute.Start{}, named, strategy.Output{Model: &model}, 1)
	fmt.Println(result.Model.Size == int64(model.Len()), err)
	i, _ := set.Layout().Find("layer0.weight")
	fmt.Println(set.Layout().Tensors()[i].Shape, set.Close(), store.Close())
	// Output:
	// 0 refused <nil>
	// true <nil>
	// [3 4] <nil> <nil>
}
