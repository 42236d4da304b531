package data

import (
	"fmt"
	"strconv"
	"strings"
)

// Scheme is a way to split rows among peers.
type Scheme struct {
	Kind   string  // one of the Scheme constants
	Alpha  float64 // of Dirichlet
	Labels int     // per peer
}

// The kinds of schemes.
const (
	SchemeIID       = "iid"
	SchemeDirichlet = "dirichlet"
	SchemeLabels    = "labels"
)

// SchemeForms documents what [ParseScheme] reads.
const SchemeForms = "iid (evenly), dirichlet:ALPHA (unevenly by label, the more so the smaller) or labels:K (each peer has K labels)"

// schemeMinRows is what each peer gets at least from a Dirichlet split.
const schemeMinRows = 8

// ParseScheme reads a scheme in one of the forms of [SchemeForms]. Errors wrap
// ErrInvalid.
func ParseScheme(text string) (Scheme, error) {
	kind, rest, given := strings.Cut(text, ":")
	s := Scheme{Kind: kind}
	var err error
	switch kind {
	case SchemeIID:
		if given {
			err = strconv.ErrSyntax
		}
	case SchemeDirichlet:
		s.Alpha, err = strconv.ParseFloat(rest, 64)
		if err == nil && !(s.Alpha >= MinAlpha && s.Alpha <= MaxAlpha) {
			err = fmt.Errorf("alpha is %v: must be %v to %v", s.Alpha, MinAlpha, MaxAlpha)
		}
	case SchemeLabels:
		s.Labels, err = strconv.Atoi(rest)
		if err == nil && (s.Labels < 1 || s.Labels > MaxClasses) {
			err = fmt.Errorf("%d labels: must be 1 to %d", s.Labels, MaxClasses)
		}
	default:
		err = strconv.ErrSyntax
	}
	if err != nil {
		return Scheme{}, fmt.Errorf("scheme %.24q: %w; want %s: %w", text, err, SchemeForms, ErrInvalid)
	}
	return s, nil
}

// Split splits d by the scheme: one ascending list of row numbers per peer.
func (s Scheme) Split(d Dataset, peers int, seed uint64) ([][]int, error) {
	switch s.Kind {
	case SchemeDirichlet:
		return Dirichlet(d, s.Alpha, peers, min(schemeMinRows, max(1, d.Rows/max(peers, 1))), seed)
	case SchemeLabels:
		return Labels(d, s.Labels, peers, seed)
	default:
		return IID(d, peers, seed)
	}
}
