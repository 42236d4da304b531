package train

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/librum/librum/fl/job"
)

// Param is a named tensor of a model, row-major, shaped as in PyTorch: the
// weights of a layer are [out, in], so that `y = x·Wᵀ + b`, those of a
// convolution [out, in, height, width]; biases are [out].
type Param struct {
	Name   string
	Shape  []int
	Values []float32
}

// InitialModel draws the weights of spec's model from its seed by Glorot's
// uniform rule; biases are zero. The parameters come layer by layer, weight
// before bias: layer0.weight, layer0.bias, layer1.weight, …. LeNet-5's
// convolutions, conv0 and conv1, come first.
func InitialModel(spec Spec) ([]Param, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	rng := newRand("initial-model", spec.Seed, 0)
	params := layout(spec)
	for i := 0; i < len(params); i += 2 {
		weight := params[i]
		inputs := len(weight.Values) / weight.Shape[0] // of one output
		field := inputs / weight.Shape[1]              // of a convolution; else 1
		bound := glorotBound(inputs, weight.Shape[0]*field)
		for j := range weight.Values {
			weight.Values[j] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	return params, nil
}

// layout returns the parameters of spec's model, all zero.
func layout(spec Spec) []Param {
	sizes := spec.Layers
	var params []Param
	if spec.Model == job.ModelLeNet5 {
		params = append(params, leNet5Convolutions()...)
		sizes = leNet5Dense(spec.outputs())
	}
	for i, in := range sizes[:len(sizes)-1] {
		params = append(params, zero("layer"+strconv.Itoa(i), sizes[i+1], in)...)
	}
	return params
}

// zero returns weight and bias of a layer with out outputs, all zero.
func zero(layer string, out int, in ...int) []Param {
	n := out
	for _, size := range in {
		n *= size
	}
	return []Param{
		{Name: layer + ".weight", Shape: append([]int{out}, in...), Values: make([]float32, n)},
		{Name: layer + ".bias", Shape: []int{out}, Values: make([]float32, out)},
	}
}

// checkParams compares params with the layout of spec, in any order, and
// returns them in layout order.
func checkParams(spec Spec, params []Param) ([]Param, error) {
	want := layout(spec)
	if len(params) != len(want) {
		return nil, fmt.Errorf("%d parameters: the model has %d: %w", len(params), len(want), ErrInvalid)
	}
	ordered := make([]Param, len(want))
	for i, w := range want {
		at := slices.IndexFunc(params, func(p Param) bool { return p.Name == w.Name })
		if at < 0 {
			return nil, fmt.Errorf("parameter %s is missing: %w", w.Name, ErrInvalid)
		}
		p := params[at]
		if !slices.Equal(p.Shape, w.Shape) {
			return nil, fmt.Errorf("parameter %s has shape %v: must be %v: %w", p.Name, p.Shape, w.Shape, ErrInvalid)
		}
		if len(p.Values) != len(w.Values) {
			return nil, fmt.Errorf("parameter %s of shape %v has %d values: must be %d: %w",
				p.Name, p.Shape, len(p.Values), len(w.Values), ErrInvalid)
		}
		if j := slices.IndexFunc(p.Values, notFinite); j >= 0 {
			return nil, fmt.Errorf("parameter %s has %v at %d: must be finite: %w", p.Name, p.Values[j], j, ErrInvalid)
		}
		ordered[i] = p
	}
	return ordered, nil
}

func notFinite(x float32) bool {
	return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0)
}

// newRand derives a generator from what it is for, a seed and a round, so that
// no two uses share a stream.
func newRand(purpose string, seed, round uint64) *rand.Rand {
	text := []byte("librum/fl/train/" + purpose + "/")
	text = binary.BigEndian.AppendUint64(text, seed)
	text = binary.BigEndian.AppendUint64(text, round)
	return rand.New(rand.NewChaCha8(sha256.Sum256(text))) //nolint:gosec // repeatable training is the purpose
}
