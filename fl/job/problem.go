package job

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSpec is what every [SpecError] unwraps to. The caller corrects the spec;
// trying again does not help.
var ErrSpec = errors.New("job spec")

// SpecError lists everything that is wrong with a spec.
type SpecError struct {
	Problems []Problem
}

// Problem is one thing that is wrong with a spec.
type Problem struct {
	Field   string // dotted path: "train.batch_size"; empty for the document itself
	Value   string // as given, shortened
	Allowed string // what is
}

func (p Problem) String() string {
	switch {
	case p.Field == "":
		return p.Allowed
	case p.Value == "":
		return fmt.Sprintf("%s: %s", p.Field, p.Allowed)
	}
	return fmt.Sprintf("%s is %s: %s", p.Field, p.Value, p.Allowed)
}

func (e *SpecError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return "job spec: " + strings.Join(lines, "; ")
}

// Unwrap lets errors.Is(err, ErrSpec) hold.
func (e *SpecError) Unwrap() error { return ErrSpec }

// document returns a problem with the document as a whole.
func document(format string, args ...any) *SpecError {
	return &SpecError{Problems: []Problem{{Allowed: fmt.Sprintf(format, args...)}}}
}

// shorten keeps a stranger's value from filling an error.
func shorten(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
