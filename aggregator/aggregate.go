package aggregator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"

	"github.com/librum/librum/aggregator/kernel"
	"github.com/librum/librum/aggregator/tensor"
)

// What a caller can be told about its input.
var (
	// ErrInput means that the set of updates makes no average: none at all, a
	// peer twice, a weight out of range, an option out of range. The caller
	// corrects it.
	ErrInput = errors.New("aggregate: bad input")
	// ErrNotFinite means that the updates hold a NaN or an infinity. The
	// caller runs Check on each and leaves out those it refuses.
	ErrNotFinite = errors.New("aggregate: the result is not finite")
)

// MaxUpdates bounds the updates of one average.
const MaxUpdates = 1 << 20

// Update is one peer's part in an average.
type Update struct {
	Peer   []byte      // the peer's id on the ledger; orders the fold
	File   io.ReaderAt // a safetensors file; read concurrently
	Size   int64       // of the file in bytes
	Weight uint64      // number of examples, below 2^29
	Steps  uint64      // steps of its training, where the rule asks for them
}

// Options change how fast an average is computed and in how much memory, never
// its bits.
type Options struct {
	TileBytes int // of float32 read at a time, 64 to 64 Mi; 0 means DefaultTileBytes
	Threads   int // 1 to 1,024; 0 means GOMAXPROCS
}

// DefaultTileBytes keeps a thread's tile and accumulators in a core's cache of
// 2 MiB, with room for the operating system's copy.
const DefaultTileBytes = 128 << 10

const (
	minTileBytes = 64
	maxTileBytes = 64 << 20
	maxThreads   = 1024

	// readyBytes is how much may lie finished before its turn to be written. It
	// bridges the milliseconds for which a busy machine takes the thread with
	// the next tile off its core.
	readyBytes = 4 << 20
)

// Result describes the file written.
type Result struct {
	Digest [sha256.Size]byte // of the whole file
	Size   int64             // of the whole file in bytes
	Weight uint64            // sum of the updates' weights
}

// Aggregate writes the weighted mean of the updates to dst as the canonical
// file of the model's layout, aggregator(1) and (2). Updates should have passed
// [Check]; a file that does not fit the model is refused here too, with a
// [*RefusedError]. After an error dst holds the beginning of nothing.
func Aggregate(ctx context.Context, model tensor.Layout, updates []Update, dst io.Writer, options Options) (Result, error) {
	options, err := options.orDefault()
	if err != nil {
		return Result{}, err
	}
	in, err := prepare(ctx, model, updates)
	if err != nil {
		return Result{}, err
	}
	digest := sha256.New()
	w, err := tensor.NewWriter(io.MultiWriter(digest, dst), model)
	if err != nil {
		return Result{}, fmt.Errorf("aggregate: %w", err)
	}
	run := &run{
		tensors:  model.Tensors(),
		elements: options.TileBytes / 4, out: newSequence(w, max(readyBytes/options.TileBytes, options.Threads)),
	}
	err = run.all(ctx, options.Threads, func() compute {
		f := newFold(run.elements)
		return func(ctx context.Context, t tile) ([]byte, []byte, error) {
			mean, err := in.average(ctx, f, run.tensors[t.tensor], t)
			return mean, nil, err
		}
	})
	if err != nil {
		return Result{}, fmt.Errorf("aggregate: %w", err)
	}
	if err := w.Close(); err != nil {
		return Result{}, fmt.Errorf("aggregate: %w", err)
	}
	return in.result(digest, model), nil
}

func (o Options) orDefault() (Options, error) {
	if o.TileBytes == 0 {
		o.TileBytes = DefaultTileBytes
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.TileBytes < minTileBytes || o.TileBytes > maxTileBytes {
		return o, fmt.Errorf("%w: tiles of %d bytes; %d to %d are allowed", ErrInput, o.TileBytes, minTileBytes, maxTileBytes)
	}
	if o.Threads < 1 || o.Threads > maxThreads {
		return o, fmt.Errorf("%w: %d threads; 1 to %d are allowed", ErrInput, o.Threads, maxThreads)
	}
	return o, nil
}

// inputs are the updates in the order of the fold.
type inputs struct {
	updates []Update
	offsets [][]int64 // of each tensor in each file; one slice for files laid out alike
	weights []uint64
	total   uint64
}

// prepare sorts the updates and reads their headers.
func prepare(ctx context.Context, model tensor.Layout, updates []Update) (*inputs, error) {
	if len(updates) == 0 || len(updates) > MaxUpdates {
		return nil, fmt.Errorf("%w: %d updates; 1 to %d are allowed", ErrInput, len(updates), MaxUpdates)
	}
	sorted := slices.Clone(updates)
	slices.SortFunc(sorted, func(a, b Update) int { return bytes.Compare(a.Peer, b.Peer) })
	in, limits := &inputs{updates: sorted}, headerLimit(model)
	for i, u := range sorted {
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case i > 0 && bytes.Equal(u.Peer, sorted[i-1].Peer):
			return nil, fmt.Errorf("%w: peer %x has two updates", ErrInput, u.Peer)
		case u.Weight >= kernel.MaxWeight:
			return nil, fmt.Errorf("%w: peer %x weighs %d; less than 2^29 is allowed", ErrInput, u.Peer, u.Weight)
		}
		offsets, err := locate(model, u, limits)
		if err != nil {
			return nil, fmt.Errorf("aggregate: peer %x: %w", u.Peer, err)
		}
		if i > 0 && slices.Equal(offsets, in.offsets[i-1]) {
			offsets = in.offsets[i-1]
		}
		in.offsets = append(in.offsets, offsets)
		in.weights = append(in.weights, u.Weight)
		in.total += u.Weight // below 2^49: MaxUpdates and MaxWeight
	}
	if in.total == 0 {
		return nil, fmt.Errorf("%w: all weights are 0", ErrInput)
	}
	return in, nil
}

// locate returns where in the update's file each of the model's tensors lies.
func locate(model tensor.Layout, u Update, limits tensor.Limits) ([]int64, error) {
	layout, err := tensor.ReadLayout(u.File, u.Size, limits)
	if err != nil {
		return nil, malformed(err)
	}
	if err := layout.Fits(model); err != nil {
		return nil, refuse(RefusedShape, "%w", err)
	}
	offsets := make([]int64, len(layout.Tensors()))
	for i := range offsets {
		offsets[i] = layout.Offset(i)
	}
	return offsets, nil
}

func (in *inputs) result(digest hash.Hash, model tensor.Layout) Result {
	return Result{
		Digest: [sha256.Size]byte(digest.Sum(nil)),
		Size:   model.Canonical().FileBytes(),
		Weight: in.total,
	}
}
