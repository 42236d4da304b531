package job_test

import (
	"fmt"

	"github.com/librum/librum/fl/job"
)

func ExampleParseYAML() {
	s, err := job.ParseYAML([]byte(`
num_rounds: 20
min_train_peers: 10
model: {name: mlp, layers: [64, 200, 10]}
train: {local_epochs: 5, learning_rate: 0.1}
`))
	fmt.Println(s.NumRounds, s.MinAvailablePeers, s.Train.BatchSize, err)

	_, err = job.ParseYAML([]byte("model: {layers: [64, 10]}\nrounds: 20\nseed: -1"))
	fmt.Println(err)
	// Output:
	// 20 10 32 <nil>
	// job spec: rounds: no such field; seed is -1: a whole number, 0 to 9007199254740991
}
