package strategy

import (
	"errors"
	"fmt"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
)

// Part names an entry of the table and its parameters.
type Part struct {
	Name   string
	Params Params
}

// Choice is what a job asks for: a strategy, and what it nests. Parts without a
// name are left out.
type Choice struct {
	Strategy Part
	Clip     Part
	Mean     Part
}

// Conditions are what else of a job decides whether a rule can serve it.
type Conditions struct {
	MinPeers   int     // updates without which a round is void
	Momentum   float64 // of the peers' training
	ProximalMu float64 // of the peers' training
	Root       bool    // a peer is named whose update is trusted
}

// Problem is a field of the job that does not go with its strategy.
type Problem struct {
	Field string // of the job spec
	Need  string // what the strategy asks for there, and why
}

// Rule is a whole rule: clip ∘ mean ∘ server.
type Rule struct {
	clip   clip
	mean   mean
	server func(in *Input) *aggregator.Server
	plain  bool // the exact weighted mean, nothing around it
	slots  int
	needs  Needs
	checks []func(c Conditions) []Problem
}

// Needs says what a rule asks of the peers beyond an update.
type Needs struct {
	Steps    bool // how many steps each of them trained
	Controls bool // SCAFFOLD's control variates
	Root     bool // one of them is trusted
	State    bool // the server remembers something from round to round
	Norm     bool // a clipping norm is part of it
	Global   bool // the model that the round began with is read
}

// Resolve puts a rule together. The error is an ErrParams that says what is
// wrong with each part.
func Resolve(c Choice) (Rule, error) {
	var r Rule
	var problems []error
	outer := r.take(c.Strategy, &problems)
	inner := r.take(c.Mean, &problems)
	around := r.take(c.Clip, &problems)
	if err := errors.Join(problems...); err != nil {
		return Rule{}, err
	}
	switch {
	case outer == nil:
		return Rule{}, fmt.Errorf("%w: none is named; there are %q", ErrParams, Names())
	case outer.clip != nil:
		return Rule{}, fmt.Errorf("%w: %s is a clipping and stands as clip of another strategy, fedavg for instance", ErrParams, outer.Name)
	case inner != nil && inner.mean == nil:
		return Rule{}, fmt.Errorf("%w: %s is no mean; there are %q", ErrParams, inner.Name, Means())
	case around != nil && around.clip == nil:
		return Rule{}, fmt.Errorf("%w: %s is no clipping; there are %q", ErrParams, around.Name, Clips())
	case inner != nil && outer.mean != nil && outer.Name != FedAvg && outer.Name != FedProx:
		return Rule{}, fmt.Errorf("%w: %s is a mean itself and takes no other", ErrParams, outer.Name)
	case outer.Name == Scaffold && (inner != nil || around != nil):
		return Rule{}, fmt.Errorf("%w: %s goes with the plain mean alone: its control variates are only right for all updates, as they are", ErrParams, outer.Name)
	}
	r.plain = r.clip == nil && r.server == nil && r.isWeighted()
	r.needs.State = r.slots > 0 || r.needs.Norm
	return r, nil
}

// take puts one part into its place, unless it has no name or is wrong.
func (r *Rule) take(p Part, problems *[]error) *Strategy {
	if p.Name == "" && len(p.Params) == 0 {
		return nil
	}
	s, err := Find(p.Name)
	if err != nil {
		*problems = append(*problems, err)
		return nil
	}
	params, err := s.Validate(p.Params)
	if err != nil {
		*problems = append(*problems, err)
		return nil
	}
	switch {
	case s.clip != nil:
		r.clip = s.clip(params)
		r.needs.Global = true
		r.needs.Norm = r.needs.Norm || s.Name == AdaptiveClip
	case s.mean != nil:
		r.mean = s.mean(params)
		r.needs.Global = r.needs.Global || s.relative
		r.needs.Steps = s.Name == FedNova
		r.needs.Root = s.Name == FLTrust
	default:
		r.mean = weighted{uniform: s.uniform}
		if s.server != nil {
			r.needs.Global = true
			r.server = func(in *Input) *aggregator.Server { return s.server(params, in) }
			probe := s.server(params, &Input{Cohort: 1})
			r.slots, r.needs.Controls = probe.Slots, probe.Control
		}
	}
	if s.fits != nil {
		r.checks = append(r.checks, func(c Conditions) []Problem { return s.fits(params, c) })
	}
	return &s
}

func (r *Rule) isWeighted() bool {
	w, ok := r.mean.(weighted)
	return ok && !w.uniform
}

// Needs says what the rule asks of the peers beyond an update.
func (r Rule) Needs() Needs { return r.needs }

// Fits lists what in a job does not go with the rule.
func (r Rule) Fits(c Conditions) []Problem {
	var all []Problem
	for _, check := range r.checks {
		all = append(all, check(c)...)
	}
	if c.Root && !r.needs.Root {
		all = append(all, Problem{Field: "strategy.root", Need: "left out: of all strategies only " + FLTrust + " trusts one peer"})
	}
	return all
}

// UpdateLayout returns the layout of the updates of a model.
func (r Rule) UpdateLayout(model tensor.Layout) (tensor.Layout, error) {
	if !r.needs.Controls {
		return model, nil
	}
	return aggregator.ControlLayout(model)
}

// StateLayout returns the layout of the server's state; without a state it is
// that of no file.
func (r Rule) StateLayout(model tensor.Layout) (tensor.Layout, error) {
	if !r.needs.State {
		return tensor.Layout{}, nil
	}
	return aggregator.StateLayout(model, r.slots, r.needs.Norm)
}
