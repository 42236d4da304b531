package aggregation_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/aggregator/tensor"
	blobfile "github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/fl/job"
)

// Two updates are sent and started; Run would take them to their end.
func Example() {
	if err := example(); err != nil {
		fmt.Println(err)
	}
	// Output: running: 2 of 2 inputs
}

func example() (err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "aggregations-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	service, err := aggregation.OpenService(ctx, aggregation.Config{
		Dir: dir,
		Files: func(ctx context.Context, dir string) (aggregation.Store, error) {
			return blobfile.Open(ctx, vfs.Default, dir, blobfile.Options{})
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	made, _, err := service.Create(ctx, ledger.ID{1}, []byte("key"), aggregation.Spec{Strategy: job.Strategy{Name: "median"}})
	if err != nil {
		return err
	}
	layout, err := tensor.NewLayout([]tensor.Tensor{{Name: "w", DType: tensor.F32, Shape: []int64{1}}}, tensor.Limits{})
	if err != nil {
		return err
	}
	update := append(layout.Header(), 0, 0, 128, 63) // 1.0
	for _, name := range []string{"hospital-a", "hospital-b"} {
		in := aggregation.Input{Name: name, Kind: aggregation.Update, Digest: sha256.Sum256(update), Size: int64(len(update)), NumExamples: 10}
		progress, err := service.Announce(ctx, made.ID, in)
		if err != nil {
			return err
		}
		if progress.Complete { // the same bytes came under another name
			continue
		}
		if _, err := service.Append(ctx, made.ID, name, progress.Offset, bytes.NewReader(update)); err != nil {
			return err
		}
	}
	view, err := service.Start(made.ID)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d of %d inputs\n", view.State, view.Complete, view.Inputs)
	return nil
}
