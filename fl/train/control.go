package train

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
)

// Zeros returns spec's parameters, all zero: the control variates before the
// first round.
func Zeros(spec Spec) ([]Param, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	return layout(spec), nil
}

// Steps returns how many steps a round takes over so many rows.
func (s Spec) Steps(rows int) int {
	return s.LocalEpochs * ((rows + s.BatchSize - 1) / s.BatchSize)
}

// DecodeServerControl reads the server's control variate out of a state file,
// in layout order, rounded to float32.
func DecodeServerControl(r io.ReaderAt, size int64, spec Spec) ([]Param, error) {
	model, err := FileLayout(spec)
	if err != nil {
		return nil, err
	}
	want, err := aggregator.StateLayout(model, 1, false)
	if err != nil {
		return nil, err
	}
	have, err := tensor.ReadLayout(r, size, tensor.Limits{})
	if err == nil {
		err = have.Fits(want)
	}
	if err != nil {
		return nil, fmt.Errorf("decode the server's control variate: %w", err)
	}
	params := layout(spec)
	for _, p := range params {
		at, _ := have.Find(aggregator.StateName(p.Name)) // Fits found it
		raw := make([]byte, 8*len(p.Values))
		if err := have.ReadAt(r, at, raw, 0); err != nil {
			return nil, fmt.Errorf("decode the server's control variate: read %s: %w", p.Name, err)
		}
		for i := range p.Values {
			p.Values[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])))
		}
	}
	return params, nil
}

// Correction returns c − cᵢ, what SCAFFOLD adds to every gradient. Parameters
// are in layout order.
func Correction(server, own []Param) []Param {
	return combine(server, own, func(c, own float64) float64 { return c - own })
}

// NextControl returns what becomes of a peer's control variate in a round, and
// the difference that goes with the update (SCAFFOLD, option II): cᵢ − c + (x −
// y)/(K·η) after K steps from x to y. Parameters are in layout order.
func (s Spec) NextControl(rows int, from, to, correction, own []Param) (next, delta []Param, err error) {
	length := float64(s.Steps(rows)) * s.LearningRate
	gradient := combine(from, to, func(x, y float64) float64 { return (x - y) / length })
	next = combine(gradient, correction, func(gradient, correction float64) float64 { return gradient - correction })
	delta = combine(next, own, func(next, own float64) float64 { return next - own })
	for i, p := range delta {
		for j, x := range p.Values {
			if notFinite(x) || notFinite(next[i].Values[j]) {
				return nil, nil, fmt.Errorf("the control variate of %s is %v at %d: raise the learning rate: %w", p.Name, x, j, ErrDiverged)
			}
		}
		delta[i].Name = aggregator.ControlPrefix + p.Name
	}
	return next, delta, nil
}

// combine makes parameters out of two lists, number by number.
func combine(a, b []Param, of func(a, b float64) float64) []Param {
	out := make([]Param, len(a))
	for i, p := range a {
		out[i] = Param{Name: p.Name, Shape: p.Shape, Values: make([]float32, len(p.Values))}
		for j, x := range p.Values {
			out[i].Values[j] = float32(of(float64(x), float64(b[i].Values[j])))
		}
	}
	return out
}
