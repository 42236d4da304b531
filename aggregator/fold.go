package aggregator

import (
	"errors"
	"math"

	"github.com/librum/librum/aggregator/kernel"
	"github.com/librum/librum/aggregator/tensor"
)

// floats is a kernel of aggregator/kernel for one float type.
type floats interface {
	Add(acc []float64, raw []byte, weight float64)
	Mean(raw []byte, acc []float64, total float64)
	Widen(dst []float64, raw []byte)
}

// integers is a kernel for one integer type.
type integers interface {
	Add(acc []kernel.Int128, raw []byte, weight uint64)
	Mean(raw []byte, acc []kernel.Int128, total uint64)
	Keys(dst []int64, raw []byte)
	Middle(raw []byte, sorted [][]int64, first, last int)
}

// floatKernel returns the kernel of a float type, nil for other types.
func floatKernel(d tensor.DType) floats {
	switch d {
	case tensor.F64:
		return kernel.F64{}
	case tensor.F32:
		return kernel.F32{}
	case tensor.F16:
		return kernel.F16{}
	case tensor.BF16:
		return kernel.BF16{}
	default:
		return nil
	}
}

// integerKernel returns the kernel of an integer type, nil for float types.
func integerKernel(d tensor.DType) integers {
	switch d {
	case tensor.I64:
		return kernel.Int[int64]{}
	case tensor.I32:
		return kernel.Int[int32]{}
	case tensor.I16:
		return kernel.Int[int16]{}
	case tensor.I8:
		return kernel.Int[int8]{}
	case tensor.U64:
		return kernel.Int[uint64]{}
	case tensor.U32:
		return kernel.Int[uint32]{}
	case tensor.U16:
		return kernel.Int[uint16]{}
	case tensor.U8, tensor.Bool: // a rounded mean of zeros and ones is one of them
		return kernel.Int[uint8]{}
	default:
		return nil
	}
}

// errNotFinite is turned into ErrNotFinite with a place.
var errNotFinite = errors.New("not finite")

// fold is one thread's memory: a tile of bytes and its accumulators.
type fold struct {
	raw   []byte
	wide  []float64
	whole []kernel.Int128 // allocated with the first integer tensor
}

// newFold sizes the memory for tiles of so many elements. Tiles of wider
// numbers take more bytes, accumulators are the same for all.
func newFold(elements int) *fold {
	return &fold{raw: kernel.NewTile(8 * elements), wide: make([]float64, elements)}
}

// mean averages one tile over all updates: read fills a tile of update i. The
// result lies in the fold's memory until the next call.
func (f *fold) mean(d tensor.DType, elements int, weights []uint64, total uint64, read func(i int, raw []byte) error) ([]byte, int, error) {
	size := int(d.Size())
	raw := f.raw[:elements*size]
	if d.Float() {
		k, acc := floatKernel(d), f.wide[:elements]
		clear(acc)
		for i, w := range weights {
			if err := read(i, raw); err != nil {
				return nil, 0, err
			}
			kernel.ToHost(raw, size)
			k.Add(acc, raw, float64(w))
		}
		if i := kernel.FirstNotBelow(acc, math.Inf(1)); i >= 0 {
			return nil, i, errNotFinite
		}
		k.Mean(raw, acc, float64(total))
	} else {
		if f.whole == nil {
			f.whole = make([]kernel.Int128, len(f.wide))
		}
		k, acc := integerKernel(d), f.whole[:elements]
		clear(acc)
		for i, w := range weights {
			if err := read(i, raw); err != nil {
				return nil, 0, err
			}
			kernel.ToHost(raw, size)
			k.Add(acc, raw, w)
		}
		k.Mean(raw, acc, total)
	}
	kernel.ToHost(raw, size)
	return raw, 0, nil
}
