package aggregator

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math"

	"github.com/librum/librum/aggregator/kernel"
	"github.com/librum/librum/aggregator/tensor"
)

// Limits are a job's bounds on a single update.
type Limits struct {
	MaxNorm float64 // L2 norm over all float coordinates of the file; 0 means none
}

// checkTile is how much of a file Check holds at a time.
const checkTile = 256 << 10

// minHeaderBytes is the room an update's header has for metadata even if the
// model's own header is tiny.
const minHeaderBytes = 1 << 20

// headerLimit bounds an update's header by that of the model: a stranger's
// header must not cost more memory than the model's own.
func headerLimit(model tensor.Layout) tensor.Limits {
	return tensor.Limits{HeaderBytes: max(minHeaderBytes, 4*int64(len(model.Header())))}
}

// MaxUpdateBytes returns the size above which no file is an update of the
// model: a door may refuse an upload by its length alone.
func MaxUpdateBytes(model tensor.Layout) int64 {
	return 8 + headerLimit(model).HeaderBytes + model.DataBytes()
}

// Digest returns the SHA-256 of the first size bytes of file, reading them in
// tiles.
func Digest(ctx context.Context, file io.ReaderAt, size int64) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	h, buf := sha256.New(), make([]byte, min(size, checkTile))
	for off := int64(0); off < size; off += int64(len(buf)) {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		tile := buf[:min(int64(len(buf)), size-off)]
		if err := tensor.ReadFull(file, tile, off); err != nil {
			return sum, fmt.Errorf("read byte %d of %d: %w", off, size, err)
		}
		_, _ = h.Write(tile) // hash.Hash never returns an error
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// Check decides whether an update may be averaged, aggregator(3). model is the
// global model's layout, want the digest its peer signed. A refusal is a
// [*RefusedError]; any other error means that the file could not be read, and
// the caller tries again, elsewhere if need be.
func Check(ctx context.Context, model tensor.Layout, file io.ReaderAt, size int64, want [sha256.Size]byte, limits Limits) error {
	got, long := want, size > MaxUpdateBytes(model)
	if !long {
		var err error
		if got, err = Digest(ctx, file, size); err != nil {
			return fmt.Errorf("digest update: %w", err)
		}
	}
	switch {
	case got != want:
		return refuse(RefusedDigest, "the file's SHA-256 is %x, %x was promised", got, want)
	case long:
		// Hashing it first would let a peer sell its neighbours' time.
		return refuse(RefusedFormat, "%d bytes; an update of this model has at most %d", size, MaxUpdateBytes(model))
	}
	layout, err := tensor.ReadLayout(file, size, headerLimit(model))
	if err != nil {
		return malformed(err)
	}
	if err := layout.Fits(model); err != nil {
		return refuse(RefusedShape, "%w", err)
	}
	return checkValues(ctx, layout, file, limits)
}

// checkValues reads every coordinate once, tensors by name.
func checkValues(ctx context.Context, layout tensor.Layout, file io.ReaderAt, limits Limits) error {
	largest := int64(0)
	for _, t := range layout.Tensors() {
		largest = max(largest, t.Bytes())
	}
	raw := kernel.NewTile(int(min(largest, checkTile)))
	wide := make([]float64, len(raw)/2) // as many as the narrowest float has
	var norm kernel.SquaredSum
	for i, t := range layout.Tensors() {
		for off := int64(0); off < t.Bytes(); off += checkTile {
			if err := ctx.Err(); err != nil {
				return err
			}
			tile := raw[:min(checkTile, t.Bytes()-off)]
			if err := layout.ReadAt(file, i, tile, off); err != nil {
				return fmt.Errorf("check update: %w", err)
			}
			if err := checkTileValues(t, off, tile, wide, &norm); err != nil {
				return err
			}
		}
		norm.EndTensor()
	}
	if got := math.Sqrt(norm.Sum()); limits.MaxNorm > 0 && !(got <= limits.MaxNorm) {
		return refuse(RefusedNorm, "the L2 norm is %g, at most %g is allowed", got, limits.MaxNorm)
	}
	return nil
}

// checkTileValues looks at one tile, whose first byte is byte off of t.
func checkTileValues(t tensor.Tensor, off int64, tile []byte, wide []float64, norm *kernel.SquaredSum) error {
	first := off / t.DType.Size()
	if t.DType == tensor.Bool {
		for i, b := range tile {
			if b > 1 {
				return refuse(RefusedFormat, "tensor %q: element %d is %d; a BOOL is 0 or 1", t.Name, first+int64(i), b)
			}
		}
	}
	if !t.DType.Float() {
		return nil
	}
	kernel.ToHost(tile, int(t.DType.Size()))
	xs := wide[:int64(len(tile))/t.DType.Size()]
	floatKernel(t.DType).Widen(xs, tile)
	if i := kernel.FirstNotBelow(xs, kernel.Bound); i >= 0 {
		return refuse(RefusedNaN, "tensor %q: element %d is %g; finite numbers below 2^480 are allowed", t.Name, first+int64(i), xs[i])
	}
	norm.Add(xs)
	return nil
}
