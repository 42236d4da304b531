package job

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/librum/librum/aggregator/strategy"
)

// Strategy names the rule by which updates become the next model: a strategy
// and what it nests, clip ∘ mean ∘ server. Parts that are left out have no name.
type Strategy struct {
	Name   string             `cbor:"name" json:"name" yaml:"name"`
	Params map[string]float64 `cbor:"params,omitempty" json:"params,omitempty" yaml:"params,omitempty"`
	Clip   Part               `cbor:"clip,omitzero" json:"clip,omitzero" yaml:"clip,omitempty"`
	Mean   Part               `cbor:"mean,omitzero" json:"mean,omitzero" yaml:"mean,omitempty"`
	Root   string             `cbor:"root,omitempty" json:"root,omitempty" yaml:"root,omitempty"` // id of the peer that fltrust trusts
}

// Part is one part of a nested strategy.
type Part struct {
	Name   string             `cbor:"name" json:"name" yaml:"name"`
	Params map[string]float64 `cbor:"params,omitempty" json:"params,omitempty" yaml:"params,omitempty"`
}

// maxParams bounds the parameters of one part.
const maxParams = 16

// Rule returns the rule that the spec names.
func (s *Spec) Rule() (strategy.Rule, error) { return s.Strategy.Rule() }

// Rule returns the rule that the strategy and what it nests make.
func (s *Strategy) Rule() (strategy.Rule, error) {
	return strategy.Resolve(strategy.Choice{
		Strategy: strategy.Part{Name: s.Name, Params: s.Params},
		Clip:     strategy.Part{Name: s.Clip.Name, Params: s.Clip.Params},
		Mean:     strategy.Part{Name: s.Mean.Name, Params: s.Mean.Params},
	})
}

// Complete fills in the defaults of the parameters that were left out, and
// returns the rule and what is wrong between its parts or between them and the
// conditions. The names of fields are those of a job spec.
func (s *Strategy) Complete(c strategy.Conditions) (strategy.Rule, []Problem) {
	rule, err := s.Rule()
	if err != nil {
		return rule, partProblems(err)
	}
	s.complete()
	var all []Problem
	for _, p := range rule.Fits(c) {
		all = append(all, Problem{Field: p.Field, Allowed: p.Need})
	}
	return rule, all
}

// partProblems turns what Resolve says, a line a problem, into problems.
func partProblems(err error) []Problem {
	var all []Problem
	for line := range strings.SplitSeq(err.Error(), "\n") {
		all = append(all, Problem{Field: "strategy", Allowed: strings.TrimLeft(strings.TrimPrefix(line, strategy.ErrParams.Error()), ": ")})
	}
	return all
}

// fields are the fields of a strategy.
func (s *Strategy) fields() []field {
	return []field{
		choice("strategy.name", &s.Name, "Rule by which updates become the next model.", strategy.Names()...),
		params("strategy.params", &s.Params, "Parameters of the strategy, see docs/aggregate.md."),
		optional(choice("strategy.clip.name", &s.Clip.Name, "Bound on how far an update may lie from the global model.", strategy.Clips()...), &s.Clip.Name),
		params("strategy.clip.params", &s.Clip.Params, "Parameters of the clipping."),
		optional(choice("strategy.mean.name", &s.Mean.Name, "Mean under a server optimiser.", strategy.Means()...), &s.Mean.Name),
		params("strategy.mean.params", &s.Mean.Params, "Parameters of the mean."),
		{
			name: "strategy.root", doc: "The peer whose update fltrust trusts.", allowed: "left out, or the 32 hexadecimal digits of a peer's id",
			set: func(t *tree) bool {
				s.Root = t.text
				return t.kind == text
			},
			ok: func() bool {
				b, err := hex.DecodeString(s.Root)
				return err == nil && (len(b) == 0 || len(b) == rootBytes) && s.Root == strings.ToLower(s.Root)
			},
			value: func() string { return strconv.Quote(shorten(s.Root)) },
		},
	}
}

// rootBytes is the length of a peer's id.
const rootBytes = 16

// optional allows what f does, and that at is empty.
func optional(f field, at *string) field {
	ok := f.ok
	f.allowed = "left out, or " + f.allowed
	f.ok = func() bool { return *at == "" || ok() }
	return f
}

// params are the parameters of a part: numbers by name. Whether the part takes
// them, strategyProblems says.
func params(name string, at *map[string]float64, doc string) field {
	return field{
		name: name, doc: doc, allowed: fmt.Sprintf("an object of at most %d numbers", maxParams),
		set: func(t *tree) bool {
			*at = nil
			if t.kind != object || len(t.members) > maxParams {
				return false
			}
			for i := range t.members {
				m := &t.members[i]
				x, ok := m.value.float()
				if _, twice := (*at)[m.name]; twice || !ok {
					return false
				}
				if *at == nil {
					*at = map[string]float64{}
				}
				(*at)[m.name] = x
			}
			return true
		},
		ok: func() bool {
			for _, x := range *at {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					return false
				}
			}
			return len(*at) <= maxParams
		},
		value: func() string { return shorten(fmt.Sprintf("%q", slices.Sorted(maps.Keys(*at)))) },
	}
}

// strategyProblems says what is wrong between the strategy's parts, and between
// them and the rest of the job.
func (s *Spec) strategyProblems(wrong map[string]bool) []Problem {
	for _, f := range s.Strategy.fields() {
		if wrong[f.name] {
			return nil
		}
	}
	rule, err := s.Rule()
	if err != nil {
		return partProblems(err)
	}
	var all []Problem
	conditions := strategy.Conditions{
		MinPeers: int(s.MinTrainPeers), Momentum: s.Train.Momentum, ProximalMu: s.Train.ProximalMu, Root: s.Strategy.Root != "",
	}
	if rule.Needs().Controls && len(s.Parameters.Share)+len(s.Parameters.KeepLocal) > 0 {
		all = append(all, Problem{Field: "parameters", Allowed: "left out for " + strategy.Scaffold + ", whose control variates are of all tensors"})
	}
	for _, p := range rule.Fits(conditions) {
		if !wrong[p.Field] {
			all = append(all, Problem{Field: p.Field, Allowed: p.Need})
		}
	}
	return all
}

// complete fills in the defaults of the parameters that were left out, so that
// they stand on the ledger.
func (s *Strategy) complete() {
	for _, part := range []struct {
		name string
		at   *map[string]float64
	}{{s.Name, &s.Params}, {s.Clip.Name, &s.Clip.Params}, {s.Mean.Name, &s.Mean.Params}} {
		found, err := strategy.Find(part.name)
		if err != nil {
			continue // left out
		}
		if full, err := found.Validate(*part.at); err == nil && len(full) > 0 {
			*part.at = full
		}
	}
}
