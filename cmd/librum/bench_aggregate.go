package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/internal/durable"
)

// benchPairs is how often reading and aggregating take turns.
const benchPairs = 15

// benchAggregate measures FedAvg over files beside a plain read of them.
type benchAggregate struct {
	updates    int
	parameters int64 // float32 in each update
	threads    int
	tile       int // bytes read at a time
	dir        string
	json       bool
}

// newBenchAggregateCommand returns `librum bench aggregate`.
func newBenchAggregateCommand() *cobra.Command {
	b := &benchAggregate{}
	cmd := &cobra.Command{
		Use:   "aggregate",
		Short: "Measure federated averaging over update files",
		Long: `Write update files of random float32, average them several times, and read the
same files plainly with as many threads and reads of the same size in between.
The average is compared with a sample computed apart.`,
		Example: "  librum bench aggregate --updates 20 --parameters 10000000 --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := b.run(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return printBenchResults(cmd.OutOrStdout(), b.json, result)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&b.updates, "updates", 20, "number of update files")
	flags.Int64Var(&b.parameters, "parameters", 10_000_000, "float32 in each file")
	flags.IntVar(&b.threads, "threads", runtime.GOMAXPROCS(0), "threads that read and average")
	flags.IntVar(&b.tile, "tile", aggregator.DefaultTileBytes, "bytes read at a time")
	flags.StringVar(&b.dir, "dir", "", "directory for the files, removed afterwards (default the system's)")
	flags.BoolVar(&b.json, "json", false, "print one JSON object on the last line")
	return cmd
}

func (b *benchAggregate) run(ctx context.Context, progress io.Writer) (result benchResult, err error) {
	if b.updates < 1 || b.parameters < 1 || b.threads < 1 || b.tile < 64 {
		return result, wrongUse(errors.New("bench aggregate: --updates, --parameters and --threads are at least 1, --tile at least 64"))
	}
	dir, err := os.MkdirTemp(b.dir, "librum-bench-")
	if err != nil {
		return result, fmt.Errorf("make a directory for the updates: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	model, err := tensor.NewLayout([]tensor.Tensor{{Name: "w", DType: tensor.F32, Shape: []int64{b.parameters}}}, tensor.Limits{})
	if err != nil {
		return result, err
	}
	updates, closeAll, err := b.create(ctx, dir, model, progress)
	defer func() { err = errors.Join(err, closeAll()) }()
	if err != nil {
		return result, err
	}
	return b.measure(ctx, filepath.Join(dir, "mean.safetensors"), model, updates, progress)
}

// create writes the update files and opens them.
func (b *benchAggregate) create(ctx context.Context, dir string, model tensor.Layout, progress io.Writer) ([]aggregator.Update, func() error, error) {
	var updates []aggregator.Update
	var files []*os.File
	closeAll := func() error {
		var errs []error
		for _, f := range files {
			errs = append(errs, f.Close())
		}
		return errors.Join(errs...)
	}
	for i := range b.updates {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("update-%04d.safetensors", i)))
		if err != nil {
			return nil, closeAll, fmt.Errorf("write update %d: %w", i, err)
		}
		files = append(files, f)
		if err := writeRandom(ctx, f, model, uint64(i)); err != nil {
			return nil, closeAll, fmt.Errorf("write update %d: %w", i, err)
		}
		updates = append(updates, aggregator.Update{
			Peer: binary.BigEndian.AppendUint32(nil, uint32(i)), File: f, Size: model.FileBytes(), Weight: uint64(100 + i*37%500),
		})
		_, _ = fmt.Fprintf(progress, "wrote update %d of %d (%.1f MB)\n", i+1, b.updates, float64(model.FileBytes())/1e6)
	}
	return updates, closeAll, nil
}

// writeRandom writes an update of numbers in [-0.5, 0.5) that no other has.
func writeRandom(ctx context.Context, f io.Writer, model tensor.Layout, seed uint64) error {
	w, err := tensor.NewWriter(f, model)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // numbers to average, no secret
	buf := make([]byte, 0, 1<<20)
	for left := model.DataBytes() / 4; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		buf = buf[:0]
		for range min(left, 1<<18) {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(rng.Float32()-0.5))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		left -= int64(len(buf) / 4)
	}
	return w.Close()
}

// measure lets plain reads and averages take turns, so that both see the same
// minutes of a shared machine. A turn of reading lasts as long as an average
// did: on a busy machine schedulers favour whoever was idle before, and a short
// turn would look faster than it is. The first pair warms up and does not count.
func (b *benchAggregate) measure(ctx context.Context, out string, model tensor.Layout, updates []aggregator.Update, progress io.Writer) (benchResult, error) {
	var reads, means []time.Duration
	var cpu, turn time.Duration
	var first aggregator.Result
	for i := range benchPairs + 1 {
		read, err := b.read(ctx, updates, turn)
		if err != nil {
			return benchResult{}, err
		}
		before, err := processCPU()
		if err != nil {
			return benchResult{}, err
		}
		begin := time.Now()
		got, err := b.average(ctx, out, model, updates)
		if err != nil {
			return benchResult{}, err
		}
		mean := time.Since(begin)
		turn = mean
		after, err := processCPU()
		if err != nil {
			return benchResult{}, err
		}
		if i == 0 {
			if err := verifyMean(out, model, updates); err != nil {
				return benchResult{}, err
			}
			first = got
			continue
		}
		if got != first {
			return benchResult{}, fmt.Errorf("bench aggregate: run %d gives %x, the first gave %x", i, got.Digest, first.Digest)
		}
		reads, means, cpu = append(reads, read), append(means, mean), cpu+after-before
		_, _ = fmt.Fprintf(progress, "run %d of %d: read %.0f ms, average %.0f ms\n", i, benchPairs, read.Seconds()*1e3, mean.Seconds()*1e3)
	}
	return b.result(model, reads, means, cpu)
}

func (b *benchAggregate) result(model tensor.Layout, reads, means []time.Duration, cpu time.Duration) (benchResult, error) {
	rss, err := peakRSS()
	if err != nil {
		return benchResult{}, err
	}
	bytes := float64(b.updates) * float64(model.FileBytes())
	read, mean := percentile(reads, 0.5), percentile(means, 0.5)
	return benchResult{
		What:         "aggregate",
		RatePerS:     float64(b.updates) / mean * 1e3,
		BytesPerS:    bytes / mean * 1e3,
		P50Ms:        mean,
		P99Ms:        percentile(means, 0.99),
		CPUUsPerUnit: float64(cpu.Microseconds()) / float64(b.updates*len(means)),
		PeakRSSBytes: rss,
		Bound:        bytes / read * 1e3,
		BoundName:    "bytes/s of a plain read of the same files",
		RatioToBound: read / mean,
		Conditions: fmt.Sprintf("fedavg, %d updates of %d float32, %d threads, reads of %d bytes, median of %d interleaved runs, %s/%s",
			b.updates, b.parameters, b.threads, b.tile, len(means), runtime.GOOS, runtime.GOARCH),
		unit: "updates",
	}, nil
}

// average writes the mean of the updates to a new file.
func (b *benchAggregate) average(ctx context.Context, out string, model tensor.Layout, updates []aggregator.Update) (result aggregator.Result, err error) {
	f, err := os.Create(out)
	if err != nil {
		return result, fmt.Errorf("write the mean: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return aggregator.Aggregate(ctx, model, updates, f, aggregator.Options{TileBytes: b.tile, Threads: b.threads})
}

// read returns how long a plain read of all files takes, the mean of as many as
// fill the turn.
func (b *benchAggregate) read(ctx context.Context, updates []aggregator.Update, turn time.Duration) (time.Duration, error) {
	begin := time.Now()
	for n := time.Duration(1); ; n++ {
		if err := b.readAll(ctx, updates); err != nil {
			return 0, err
		}
		if elapsed := time.Since(begin); elapsed >= turn {
			return elapsed / n, nil
		}
	}
}

// readAll reads every file from end to end and does nothing with the bytes.
func (b *benchAggregate) readAll(ctx context.Context, updates []aggregator.Update) error {
	group, ctx := errgroup.WithContext(ctx)
	next := make(chan aggregator.Update, len(updates))
	for _, u := range updates {
		next <- u
	}
	close(next)
	for range b.threads {
		group.Go(func() error {
			buf := make([]byte, b.tile)
			for u := range next {
				for off := int64(0); off < u.Size && ctx.Err() == nil; off += int64(len(buf)) {
					if err := tensor.ReadFull(u.File, buf[:min(int64(len(buf)), u.Size-off)], off); err != nil {
						return fmt.Errorf("read update: %w", err)
					}
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// verifyMean recomputes up to 1,000 coordinates one by one.
func verifyMean(path string, model tensor.Layout, updates []aggregator.Update) (err error) {
	mean, err := durable.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("read the mean: %w", err)
	}
	defer func() { err = errors.Join(err, mean.Close()) }()
	count := model.DataBytes() / 4
	step := max(count/1000, 1)
	var raw [4]byte
	number := func(r io.ReaderAt, i int64) (float32, error) {
		err := model.ReadAt(r, 0, raw[:], 4*i)
		return math.Float32frombits(binary.LittleEndian.Uint32(raw[:])), err
	}
	for i := int64(0); i < count; i += step {
		sum, total := 0.0, 0.0
		for _, u := range updates { // created in the order of their peers
			x, err := number(u.File, i)
			if err != nil {
				return err
			}
			sum += float64(float64(x) * float64(u.Weight))
			total += float64(u.Weight)
		}
		got, err := number(mean, i)
		if err != nil {
			return err
		}
		if want := float32(sum / total); got != want {
			return fmt.Errorf("bench aggregate: coordinate %d of the mean is %v, it should be %v", i, got, want)
		}
	}
	return nil
}
