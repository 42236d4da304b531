package strategy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
)

// Strategy is one entry of the table.
type Strategy struct {
	Name   string  // as a job spec has it
	Doc    string  // one sentence, with the paper
	Params []Param // what it takes, by name

	// Aggregate averages updates of a model with the given layout into dst;
	// params have passed Validate.
	Aggregate func(ctx context.Context, params Params, model tensor.Layout, updates []aggregator.Update, dst io.Writer, options aggregator.Options) (aggregator.Result, error)
}

// Params are a strategy's parameters as a job gives them.
type Params map[string]float64

// Param is the spec of one parameter, a number in [Min, Max].
type Param struct {
	Name     string
	Doc      string // meaning and unit
	Default  float64
	Min, Max float64
	Integer  bool // no fraction allowed
}

// ErrParams means that a strategy or a parameter is unknown or out of range;
// the text lists every problem. The caller corrects the job spec.
var ErrParams = errors.New("strategy")

// All returns the table.
func All() []Strategy {
	return []Strategy{
		fedAvg(),
	}
}

// Find returns the strategy of that name; an unknown name is an ErrParams that
// lists those there are.
func Find(name string) (Strategy, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Strategy{}, fmt.Errorf("%w: %.64q is unknown; there are %q", ErrParams, name, names)
}

// Validate returns params with the defaults filled in, or an ErrParams with all
// problems at once.
func (s Strategy) Validate(params Params) (Params, error) {
	full, rest := Params{}, maps.Clone(params)
	var problems []error
	for _, spec := range s.Params {
		value, given := params[spec.Name]
		delete(rest, spec.Name)
		if !given {
			value = spec.Default
		}
		full[spec.Name] = value
		if err := spec.check(value); err != nil {
			problems = append(problems, fmt.Errorf("%w %s: %w", ErrParams, s.Name, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		problems = append(problems, fmt.Errorf("%w %s: parameter %.64q is unknown; it takes %s", ErrParams, s.Name, name, s.takes()))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return full, nil
}

func (p Param) check(value float64) error {
	switch {
	case !(value >= p.Min && value <= p.Max):
		return fmt.Errorf("parameter %q is %g; %g to %g is allowed", p.Name, value, p.Min, p.Max)
	case p.Integer && value != math.Trunc(value):
		return fmt.Errorf("parameter %q is %g; a whole number is expected", p.Name, value)
	}
	return nil
}

// takes names the parameters for an error.
func (s Strategy) takes() string {
	if len(s.Params) == 0 {
		return "none"
	}
	names := make([]string, len(s.Params))
	for i, p := range s.Params {
		names[i] = p.Name
	}
	return fmt.Sprintf("%q", names)
}
