package client_test

import (
	"context"
	"fmt"
	"os"

	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
)

// Submits a job, follows it to its end and fetches the model.
func Example() {
	ctx := context.Background()
	c, err := client.New("http://127.0.0.1:8080", os.Getenv("LIBRUM_TOKEN"), client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	spec := job.Defaults()
	spec.Model.Layers = []int64{64, 32, 10}
	j, err := c.CreateJob(ctx, spec, "my-first-job")
	if err != nil {
		fmt.Println(err)
		return
	}
	for e, err := range c.Events(ctx, j.ID, "") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Position, e.Type, string(e.Data))
	}
	file, err := c.DownloadModel(ctx, j.ID, uint64(spec.NumRounds), "model.safetensors")
	fmt.Println(file.Digest, err)
}
