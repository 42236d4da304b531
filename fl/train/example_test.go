package train_test

import (
	"context"
	"fmt"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/train"
)

func Example() {
	pool, heldOut, err := data.Digits()
	if err != nil {
		panic(err)
	}
	spec := train.Spec{
		Layers: []int{64, 32, 10}, LocalEpochs: 5, BatchSize: 32, LearningRate: 0.1, Momentum: 0.9, Seed: 1,
	}
	trainer, err := train.New(spec)
	if err != nil {
		panic(err)
	}
	model, err := train.InitialModel(spec)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	model, _, err = trainer.Train(ctx, model, pool, 1)
	if err != nil {
		panic(err)
	}
	metrics, err := trainer.Evaluate(ctx, model, heldOut)
	if err != nil {
		panic(err)
	}
	for _, p := range model {
		fmt.Println(p.Name, p.Shape)
	}
	fmt.Println(metrics.Examples, "examples, more than 85 % right:", metrics.Accuracy > 0.85)
	// Output:
	// layer0.weight [32 64]
	// layer0.bias [32]
	// layer1.weight [10 32]
	// layer1.bias [10]
	// 360 examples, more than 85 % right: true
}
