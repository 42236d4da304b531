package aggregatortest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
)

// Layout returns the canonical layout of the given tensors; their offsets are
// ignored.
func Layout(t testing.TB, tensors ...tensor.Tensor) tensor.Layout {
	t.Helper()
	layout, err := tensor.NewLayout(tensors, tensor.Limits{})
	if err != nil {
		t.Fatalf("layout of a test model: %v", err)
	}
	return layout
}

// Mixed returns a layout with every type, a scalar, an empty tensor and a
// tensor of n coordinates of each float type.
func Mixed(t testing.TB, n int64) tensor.Layout {
	t.Helper()
	var tensors []tensor.Tensor
	for d := tensor.F64; d <= tensor.Bool; d++ {
		tensors = append(tensors, tensor.Tensor{Name: "t." + d.String(), DType: d, Shape: []int64{n}})
	}
	return Layout(t, append(tensors,
		tensor.Tensor{Name: "scalar", DType: tensor.F32},
		tensor.Tensor{Name: "empty", DType: tensor.F32, Shape: []int64{3, 0}},
	)...)
}

// File returns a canonical file of the layout: floats are uniform in [-spread,
// spread), those of 16 bits cover many magnitudes, integers are any, booleans 0
// or 1.
func File(t testing.TB, layout tensor.Layout, seed uint64, spread float64) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0x6c696272756d)) //nolint:gosec // repeatable on purpose
	data := []byte{}
	for _, of := range layout.Tensors() {
		for range of.Elements() {
			data = appendValue(data, of.DType, rng, spread)
		}
	}
	return Encode(t, layout, data)
}

// Encode returns the canonical file of the layout with the given data section.
func Encode(t testing.TB, layout tensor.Layout, data []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := tensor.NewWriter(&file, layout)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatalf("write a test model: %v", err)
	}
	return file.Bytes()
}

// Updates returns n updates of the layout with distinct peers, values and
// weights.
func Updates(t testing.TB, layout tensor.Layout, n int, seed uint64) []aggregator.Update {
	t.Helper()
	updates := make([]aggregator.Update, n)
	for i := range updates {
		file := File(t, layout, seed+uint64(i), 0.1)
		peer := sha256.Sum256(fmt.Appendf(nil, "peer %d %d", seed, i))
		updates[i] = aggregator.Update{
			Peer: peer[:], File: bytes.NewReader(file), Size: int64(len(file)),
			Weight: 1 + (seed+uint64(i)*7919)%1000,
		}
	}
	return updates
}

// uniform returns a number in [-1, 1). It is exact, so that no machine rounds
// it otherwise; rand.NormFloat64 has logarithms in it.
func uniform(rng *rand.Rand) float64 { return float64(rng.Int64()>>10)*0x1p-52 - 1 }

// appendValue appends one random number of type d.
func appendValue(b []byte, d tensor.DType, rng *rand.Rand, spread float64) []byte {
	switch d {
	case tensor.F64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(uniform(rng)*spread))
	case tensor.F32:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(uniform(rng)*spread)))
	case tensor.F16: // every exponent but the one of infinities
		return binary.LittleEndian.AppendUint16(b, uint16(rng.Uint32())&^0x4000)
	case tensor.BF16: // the upper half of a float32
		bits := math.Float32bits(float32(uniform(rng) * spread))
		return binary.LittleEndian.AppendUint16(b, uint16(bits>>16))
	case tensor.Bool:
		return append(b, byte(rng.Uint32()&1))
	default:
		bits := binary.LittleEndian.AppendUint64(nil, rng.Uint64())
		return append(b, bits[:d.Size()]...)
	}
}
