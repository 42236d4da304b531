package strategy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/librum/librum/aggregator"
)

// Strategy is one entry of the table. It fills one of the places of a [Rule]:
// exactly one of the functions clip, mean and server is there.
type Strategy struct {
	Name   string  // as a job spec has it
	Doc    string  // one sentence, with the paper
	Params []Param // what it takes, by name

	clip   func(p Params) clip
	mean   func(p Params) mean
	server func(p Params, in *Input) *aggregator.Server

	// uniform makes a server's mean that of one vote a peer.
	uniform bool
	// relative says that the mean looks at differences from the global model.
	relative bool
	// fits lists what the job must be like for the entry; nil demands nothing.
	fits func(p Params, c Conditions) []Problem
}

// clip bounds how far an update may lie from the global model.
type clip interface {
	// norm returns the bound for a round; before is what the round before left,
	// nil in the first.
	norm(before *float64) float64
	// next returns the bound for the next round, nil where it never changes.
	next(norm float64, norms []float64) *float64
}

// mean finds out, in passes of its own, what the last pass averages.
type mean interface {
	plan(ctx context.Context, r *round) (aggregator.Mean, error)
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
		fedAvg(), fedProx(), fedAvgM(), fedAdagrad(), fedAdam(), fedYogi(), scaffold(), fedNova(),
		median(), trimmedMean(), krum(), multiKrum(), bulyan(), geometricMedian(), flTrust(),
		fixedClip(), adaptiveClip(),
	}
}

// Names lists what may stand as a job's strategy: every server and every mean.
func Names() []string {
	return names(func(s *Strategy) bool { return s.clip == nil })
}

// Means lists what may stand as the mean of a strategy.
func Means() []string { return names(func(s *Strategy) bool { return s.mean != nil }) }

// Clips lists what may stand as the clipping of a strategy.
func Clips() []string { return names(func(s *Strategy) bool { return s.clip != nil }) }

func names(which func(s *Strategy) bool) []string {
	var found []string
	for _, s := range All() {
		if which(&s) {
			found = append(found, s.Name)
		}
	}
	return found
}

// Find returns the strategy of that name; an unknown name is an ErrParams that
// lists those there are.
func Find(name string) (Strategy, error) {
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
	}
	return Strategy{}, fmt.Errorf("%w: %.64q is unknown; there are %q", ErrParams, name, names(func(*Strategy) bool { return true }))
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
