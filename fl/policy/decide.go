package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// Request is a round that a peer is asked to train in.
type Request struct {
	Creator ledger.ID // of the job
	Spec    *job.Spec
	Rows    int       // the peer has
	Columns []string  // of the peer's table that training looks at, the label's among them; nil where they have no names
	Now     time.Time // of the peer's clock
	Jobs    int       // other jobs that it has sent updates to
}

// Refusal is a rule that a request breaks.
type Refusal struct {
	Rule   string `json:"rule"`   // the field of the policy file
	Detail string `json:"detail"` // what it allows, and what was asked
}

func (r Refusal) String() string { return r.Rule + ": " + r.Detail }

// Decision is the answer to a request.
type Decision struct {
	Refusals []Refusal `json:"refusals"` // empty where it is allowed
	Rule     string    `json:"rule"`     // the entries that allow creator and model
}

// Allowed reports whether no rule is broken.
func (d Decision) Allowed() bool { return len(d.Refusals) == 0 }

func (d Decision) String() string {
	if d.Allowed() {
		return d.Rule
	}
	lines := make([]string, len(d.Refusals))
	for i, r := range d.Refusals {
		lines[i] = r.String()
	}
	return strings.Join(lines, "; ")
}

// Decide says whether a round may be trained, and names every rule that says
// no. Spec must be valid.
func (p *Policy) Decide(r Request) Decision {
	d := Decision{Refusals: []Refusal{}}
	refuse := func(rule, format string, args ...any) {
		d.Refusals = append(d.Refusals, Refusal{Rule: rule, Detail: fmt.Sprintf(format, args...)})
	}
	creator := slices.Index(p.creators, r.Creator)
	if creator < 0 && !p.anyCreator {
		refuse("creators", "member %s is not listed", r.Creator)
	}
	model := slices.Index(p.models, r.Spec.Model.Name)
	if model < 0 && !p.anyModel {
		refuse("models", "%s is not listed", r.Spec.Model.Name)
	}
	if p.columns != nil {
		for _, name := range r.Columns {
			if !slices.Contains(p.columns, name) {
				refuse("columns", "%.40q is not listed", name)
			}
		}
		if r.Columns == nil {
			refuse("columns", "the data has no columns with names; leave the list out for it")
		}
	}
	over := func(rule string, asked, most int64, what string) {
		if most > 0 && asked > most {
			refuse(rule, "%d %s, at most %d are allowed", asked, what, most)
		}
	}
	over("max_rounds", r.Spec.NumRounds, p.maxRounds, "rounds in the job")
	over("max_jobs", int64(r.Jobs)+1, p.maxJobs, "jobs with this one")
	over("max_local_epochs", r.Spec.Train.LocalEpochs, p.maxEpochs, "epochs in a round")
	if p.hours != nil && !p.hours.holds(r.Now) {
		refuse("hours_utc", "it is %s, allowed is %s", r.Now.UTC().Format("15:04"), p.hours.text)
	}
	if int64(r.Rows) < p.leastRows {
		refuse("reveal.min_examples", "there are %d rows, want at least %d", r.Rows, p.leastRows)
	} else if p.Examples(r.Rows, r.Spec) == 0 {
		refuse("reveal.multiple_of", "nothing is left of %d rows in steps of %d, at most %d", r.Rows, p.multipleOf, r.Spec.MaxNumExamples)
	}
	if d.Allowed() {
		d.Rule = place("creators", creator) + ", " + place("models", model)
	}
	return d
}

// place names an entry of a list.
func place(list string, i int) string {
	if i < 0 {
		return list + "[" + Any + "]"
	}
	return fmt.Sprintf("%s[%d]", list, i)
}

// Examples returns the number of examples that the peer claims of its rows: at
// most what policy and job allow, rounded down to the policy's step. 0 stands
// for none that could be claimed.
func (p *Policy) Examples(rows int, spec *job.Spec) uint64 {
	n := min(int64(rows), spec.MaxNumExamples)
	if p.mostRows > 0 {
		n = min(n, p.mostRows)
	}
	if p.multipleOf > 0 {
		n -= n % p.multipleOf
	}
	return uint64(max(n, 0))
}

// Reveals reports whether metrics of so many rows may be told.
func (p *Policy) Reveals(rows int, spec *job.Spec) bool {
	return p.Metrics() && int64(rows) >= p.leastRows && p.Examples(rows, spec) > 0
}

// Metrics reports whether loss and accuracy may be told.
func (p *Policy) Metrics() bool { return !p.hideMetrics }
