package fullnode

import (
	"context"
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2/vfs"

	blobfile "github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/internal/host"
)

// openAggregations opens the aggregations without a job. Their files are of no use
// to other nodes, so that they lie on this disk whatever the engine of the blobs.
func (c *Config) openAggregations(ctx context.Context) (*aggregation.Service, error) {
	return aggregation.OpenService(ctx, aggregation.Config{
		Dir: c.Dir.Aggregations(),
		Files: func(ctx context.Context, dir string) (aggregation.Store, error) {
			return blobfile.Open(ctx, vfs.Default, dir, blobfile.Options{MaxPartials: aggregationInputs})
		},
		Free: func() (int64, error) {
			space, err := host.Disk(c.Dir.Aggregations())
			if errors.Is(err, errors.ErrUnsupported) {
				return math.MaxInt64, nil
			}
			return int64(min(space.Free, math.MaxInt64)), err
		},
		Now: c.Now, Logger: c.Logger, Limits: aggregation.Limits{Inputs: aggregationInputs},
	})
}

// aggregationInputs is how many files an aggregation may have, and so how many may
// be under way.
const aggregationInputs = 4_096
