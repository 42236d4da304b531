package aggregator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
)

func Example() {
	model, err := tensor.NewLayout([]tensor.Tensor{{Name: "w", DType: tensor.F32, Shape: []int64{2}}}, tensor.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	var updates []aggregator.Update
	for peer, values := range map[string][]float32{"ada": {1, 2}, "ben": {4, 8}} {
		file := tensor.AppendFloat32(model.Header(), values)
		if err := aggregator.Check(ctx, model, bytes.NewReader(file), int64(len(file)), sha256.Sum256(file), aggregator.Limits{MaxNorm: 10}); err != nil {
			fmt.Println(err)
			return
		}
		updates = append(updates, aggregator.Update{Peer: []byte(peer), File: bytes.NewReader(file), Size: int64(len(file)), Weight: uint64(values[0])})
	}
	var mean bytes.Buffer
	result, err := aggregator.Aggregate(ctx, model, updates, &mean, aggregator.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	values := make([]float32, 2)
	tensor.Float32(values, mean.Bytes()[model.DataStart():])
	fmt.Println(values, "of", result.Weight, "examples")
	// Output:
	// [3.4 6.8] of 5 examples
}
