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
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/internal/durable"
)

// benchPairs is how often reading and aggregating take turns, less often where
// that would read more than benchBytes.
const (
	benchPairs = 15
	benchBytes = 200e9
)

// benchAggregate measures a strategy over files beside a plain read of them.
type benchAggregate struct {
	strategy   string
	updates    int
	parameters int64 // float32 in each update
	distinct   int64 // bytes of files; updates beyond are hard links to the first ones
	threads    int
	tile       int // bytes read at a time
	grid       bool
	dir        string
	json       bool

	rule strategy.Rule
}

// newBenchAggregateCommand returns `librum bench aggregate`.
func newBenchAggregateCommand() *cobra.Command {
	b := &benchAggregate{}
	cmd := &cobra.Command{
		Use:   "aggregate",
		Short: "Measure strategies over update files",
		Long: `Write update files of random float32, aggregate them several times, and read the
same files plainly with as many threads and reads of the same size in between.
An average is compared with a sample computed apart, of other strategies the
runs with each other. --grid takes 10, 100 and 1,000 updates of 1, 10 and 100
million float32, other strategies than fedavg up to 100 updates of 10 million.`,
		Example: "  librum bench aggregate --updates 20 --parameters 10000000 --json\n" +
			"  librum bench aggregate --grid --distinct 8000000000 --dir /var/tmp\n" +
			"  librum bench aggregate --strategy krum --updates 10 --parameters 1000000",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var results []benchResult
			for _, each := range b.cases() {
				result, err := each.run(cmd.Context(), cmd.ErrOrStderr())
				if err != nil {
					return err
				}
				results = append(results, result)
			}
			return printBenchResults(cmd.OutOrStdout(), b.json, results...)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.strategy, "strategy", strategy.FedAvg, "the rule, with its default parameters")
	flags.BoolVar(&b.grid, "grid", false, "measure all sizes in turn, and not --updates and --parameters")
	flags.Int64Var(&b.distinct, "distinct", 8_000_000_000, "bytes of distinct files at most; further updates are hard links to them")
	flags.IntVar(&b.updates, "updates", 20, "number of update files")
	flags.Int64Var(&b.parameters, "parameters", 10_000_000, "float32 in each file")
	flags.IntVar(&b.threads, "threads", runtime.GOMAXPROCS(0), "threads that read and average")
	flags.IntVar(&b.tile, "tile", aggregator.DefaultTileBytes, "bytes read at a time")
	flags.StringVar(&b.dir, "dir", "", "directory for the files, removed afterwards (default the system's)")
	flags.BoolVar(&b.json, "json", false, "print one JSON object on the last line")
	return cmd
}

// cases spreads the grid.
func (b *benchAggregate) cases() []benchAggregate {
	if !b.grid {
		return []benchAggregate{*b}
	}
	var all []benchAggregate
	for _, parameters := range []int64{1_000_000, 10_000_000, 100_000_000} {
		for _, updates := range []int{10, 100, 1000} {
			if b.strategy != strategy.FedAvg && (updates > 100 || parameters > 10_000_000) {
				continue
			}
			each := *b
			each.parameters, each.updates = parameters, updates
			all = append(all, each)
		}
	}
	return all
}

func (b *benchAggregate) run(ctx context.Context, progress io.Writer) (result benchResult, err error) {
	if b.updates < 1 || b.parameters < 1 || b.threads < 1 || b.tile < 64 || b.distinct < 1 {
		return result, wrongUse(errors.New("bench aggregate: --updates, --parameters, --threads and --distinct are at least 1, --tile at least 64"))
	}
	if b.rule, err = strategy.Resolve(strategy.Choice{Strategy: strategy.Part{Name: b.strategy}}); err != nil {
		return result, wrongUse(fmt.Errorf("bench aggregate: %w", err))
	}
	if b.rule.Needs().Controls {
		return result, wrongUse(fmt.Errorf("bench aggregate: the updates of %s hold more than a model; take another strategy", b.strategy))
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
	distinct := b.distinctFiles(model)
	for i := range b.updates {
		f, err := b.createUpdate(ctx, dir, model, i, distinct)
		if f != nil {
			files = append(files, f)
		}
		if err != nil {
			return nil, closeAll, fmt.Errorf("write update %d: %w", i, err)
		}
		updates = append(updates, aggregator.Update{
			Peer: binary.BigEndian.AppendUint32(nil, uint32(i)), File: f, Size: model.FileBytes(), Weight: uint64(100 + i*37%500), Steps: 1,
		})
		_, _ = fmt.Fprintf(progress, "wrote update %d of %d (%.1f MB)\n", i+1, b.updates, float64(model.FileBytes())/1e6)
	}
	return updates, closeAll, nil
}

// distinctFiles returns how many updates have a file of their own.
func (b *benchAggregate) distinctFiles(model tensor.Layout) int {
	return int(min(int64(b.updates), max(1, b.distinct/model.FileBytes())))
}

// createUpdate writes a file, or links to one of the distinct ones, and opens it.
func (b *benchAggregate) createUpdate(ctx context.Context, dir string, model tensor.Layout, i, distinct int) (*os.File, error) {
	path := func(i int) string { return filepath.Join(dir, fmt.Sprintf("update-%04d.safetensors", i)) }
	if i >= distinct {
		if err := os.Link(path(i%distinct), path(i)); err != nil {
			return nil, err
		}
		return durable.OpenFile(path(i), os.O_RDONLY, 0)
	}
	f, err := os.Create(path(i))
	if err != nil {
		return nil, err
	}
	return f, writeRandom(ctx, f, model, uint64(i))
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
	var cpu, readCPU, turn time.Duration
	var first aggregator.Result
	pairs := max(1, min(benchPairs, int(benchBytes/float64(model.FileBytes())/float64(2*b.updates))))
	for i := range pairs + 1 {
		read, used, err := b.read(ctx, updates, turn)
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
			if b.strategy == strategy.FedAvg {
				err = verifyMean(out, model, updates)
			}
			if err != nil {
				return benchResult{}, err
			}
			first = got
			continue
		}
		if got != first {
			return benchResult{}, fmt.Errorf("bench aggregate: run %d gives %x, the first gave %x", i, got.Digest, first.Digest)
		}
		reads, means, cpu, readCPU = append(reads, read), append(means, mean), cpu+after-before, readCPU+used
		_, _ = fmt.Fprintf(progress, "run %d of %d: read %.0f ms, average %.0f ms\n", i, pairs, read.Seconds()*1e3, mean.Seconds()*1e3)
	}
	return b.result(model, reads, means, cpu, readCPU)
}

func (b *benchAggregate) result(model tensor.Layout, reads, means []time.Duration, cpu, readCPU time.Duration) (benchResult, error) {
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
		Conditions: fmt.Sprintf("%s, %d updates of %d float32, %d distinct files, %d threads, reads of %d bytes, median of %d interleaved runs, the read takes %.2f of its processor time, %s/%s",
			b.strategy, b.updates, b.parameters, b.distinctFiles(model), b.threads, b.tile, len(means), readCPU.Seconds()/cpu.Seconds(), runtime.GOOS, runtime.GOARCH),
		unit: "updates",
	}, nil
}

// average writes what the updates come to to a new file.
func (b *benchAggregate) average(ctx context.Context, out string, model tensor.Layout, updates []aggregator.Update) (result aggregator.Result, err error) {
	f, err := os.Create(out)
	if err != nil {
		return result, fmt.Errorf("write the mean: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	first := aggregator.Source{File: updates[0].File, Size: updates[0].Size} // for a global model, where one is looked at
	in := strategy.Input{Model: model, Global: first, Updates: updates, Cohort: len(updates), Root: updates[0].Peer}
	made, err := b.rule.Aggregate(ctx, in, strategy.Output{Model: f, State: io.Discard}, aggregator.Options{TileBytes: b.tile, Threads: b.threads})
	return made.Model, err
}

// read returns how long a plain read of all files takes, and of the processor's
// time, the mean of as many as fill the turn.
func (b *benchAggregate) read(ctx context.Context, updates []aggregator.Update, turn time.Duration) (elapsed, cpu time.Duration, err error) {
	before, err := processCPU()
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	for n := time.Duration(1); ; n++ {
		if err := b.readAll(ctx, updates); err != nil {
			return 0, 0, err
		}
		if elapsed = time.Since(begin); elapsed >= turn {
			after, err := processCPU()
			return elapsed / n, (after - before) / n, err
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
