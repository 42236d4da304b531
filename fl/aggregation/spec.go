package aggregation

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/kernel"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// Spec is what an aggregation was created for.
type Spec struct {
	Strategy job.Strategy `cbor:"strategy"` // its root names an update
	Momentum float64      `cbor:"momentum"` // of the training that made the updates, for fednova
	Cohort   uint64       `cbor:"cohort"`   // asked for updates, for scaffold; 0: as many as there are
}

// resolve fills in defaults and returns the rule and what is wrong with it, given
// how many updates there are.
func (s *Spec) resolve(updates int) (strategy.Rule, []job.Problem) {
	rule, all := s.Strategy.Complete(s.conditions(updates))
	return rule, here(all)
}

func (s *Spec) conditions(updates int) strategy.Conditions {
	return strategy.Conditions{MinPeers: updates, Momentum: s.Momentum, Root: s.Strategy.Root != ""}
}

// here gives problems the names of fields that there are without a job. Whether the
// training had a proximal term is nothing that averaging could tell.
func here(all []job.Problem) []job.Problem {
	var out []job.Problem
	for _, p := range all {
		switch p.Field {
		case "train.proximal_mu":
			continue
		case "train.momentum":
			p.Field = "momentum"
		case "min_train_peers":
			p.Field = "updates"
		}
		out = append(out, p)
	}
	return out
}

// validate fills in defaults, or returns a [job.SpecError].
func (s *Spec) validate() error {
	_, problems := s.resolve(aggregator.MaxVoters) // how many there will be is not known yet
	if !(s.Momentum >= 0 && s.Momentum < 1) {
		problems = append(problems, job.Problem{Field: "momentum", Value: fmt.Sprint(s.Momentum), Allowed: "a number from 0 to less than 1"})
	}
	if s.Cohort > aggregator.MaxVoters {
		problems = append(problems, job.Problem{Field: "cohort", Value: fmt.Sprint(s.Cohort), Allowed: fmt.Sprintf("0 to %d", aggregator.MaxVoters)})
	}
	if s.Strategy.Root != "" && !isName(s.Strategy.Root) {
		problems = append(problems, job.Problem{Field: "strategy.root", Allowed: "the name of an update: " + NamePattern})
	}
	if len(problems) > 0 {
		return &job.SpecError{Problems: problems}
	}
	return nil
}

// Kind says what an input is.
type Kind string

// The kinds.
const (
	Update Kind = "update"
	Global Kind = "global" // the model that the updates began from
	Memory Kind = "memory" // what the server remembered of the aggregation before
)

// Input announces a file.
type Input struct {
	_           struct{} `cbor:",toarray"`
	Name        string   // orders the updates, bytewise
	Kind        Kind
	Digest      ledger.Digest // SHA-256
	Size        int64         // bytes
	NumExamples uint64        // of an update, its weight; below 2^29
	Steps       uint64        // of an update, where the rule asks for them
}

// NamePattern is what inputs may be called. It holds no separator of paths.
const NamePattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`

func isName(s string) bool { return regexp.MustCompile(NamePattern).MatchString(s) }

// FieldError names the field of an input that is wrong.
type FieldError struct{ Field, Detail string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Detail }

// validate refuses what no aggregation takes.
func (in *Input) validate(limits Limits) error {
	switch {
	case !isName(in.Name):
		return &FieldError{"name", "want " + NamePattern}
	case in.Kind != Update && in.Kind != Global && in.Kind != Memory:
		return &FieldError{"kind", fmt.Sprintf("want %s, %s or %s", Update, Global, Memory)}
	case in.Size < 1 || in.Size > limits.InputBytes:
		return &FieldError{"size", fmt.Sprintf("%d bytes; 1 to %d are allowed", in.Size, limits.InputBytes)}
	case in.Kind == Update && (in.NumExamples < 1 || in.NumExamples >= kernel.MaxWeight):
		return &FieldError{"num_examples", fmt.Sprintf("%d; an update has 1 to %d", in.NumExamples, kernel.MaxWeight-1)}
	case in.Steps > strategy.MaxSteps:
		return &FieldError{"steps", fmt.Sprintf("%d; an update has at most %d", in.Steps, int64(strategy.MaxSteps))}
	case in.Kind != Update && (in.NumExamples != 0 || in.Steps != 0):
		return &FieldError{"num_examples", "leave it and steps out: only updates have them"}
	}
	return nil
}

// State is where an aggregation stands.
type State string

// The states.
const (
	Open    State = "open"    // takes inputs
	Running State = "running" // waits for its turn or is at work
	Done    State = "done"
	Failed  State = "failed" // takes inputs and may be started again
)

// File names content.
type File struct {
	_      struct{} `cbor:",toarray"`
	Digest ledger.Digest
	Size   int64
}

// Refused is an update that took no part.
type Refused struct {
	_      struct{} `cbor:",toarray"`
	Name   string
	Reason aggregator.Refusal
	Detail string
}

// What callers can act on.
var (
	// ErrNotFound: there is no such aggregation, input or result, or no more.
	ErrNotFound = errors.New("aggregation not found")
	// ErrState: the aggregation's state does not allow it; the text says why.
	ErrState = errors.New("aggregation state")
	// ErrKeyReused: the key stands for another spec; use a new one.
	ErrKeyReused = errors.New("the key has another spec")
	// ErrLimit: too much of something; finish or delete some and try again.
	ErrLimit = errors.New("aggregation limit")
	// ErrClosed: the service has been closed.
	ErrClosed = errors.New("aggregations are closed")
)
