package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/internal/strictyaml"
)

// Any, alone in a list, stands for whoever or whatever there is.
const Any = "any"

// Bounds of a policy.
const (
	MaxBytes    = 64 << 10
	maxCreators = 1_000
	maxCPUs     = 1_024
	maxColumns  = 4_096
)

// Policy is what an owner allows. Zero limits are none.
type Policy struct {
	Digest ledger.Digest // of the file

	creators    []ledger.ID // ascending is not asked for: rules are named by their place
	anyCreator  bool
	models      []string
	anyModel    bool
	columns     []string // of the owner's table; nil for all
	maxRounds   int64
	maxJobs     int64
	maxEpochs   int64
	hours       *hours
	cpus        int
	leastRows   int64
	mostRows    int64
	multipleOf  int64
	hideMetrics bool
}

// file is the form of a policy file; pointers tell what is left out.
type file struct {
	Creators       []string `yaml:"creators"`
	Models         []string `yaml:"models"`
	Columns        []string `yaml:"columns"`
	MaxRounds      *int64   `yaml:"max_rounds"`
	MaxJobs        *int64   `yaml:"max_jobs"`
	MaxLocalEpochs *int64   `yaml:"max_local_epochs"`
	HoursUTC       *string  `yaml:"hours_utc"`
	CPUs           *int64   `yaml:"cpus"`
	Reveal         struct {
		MinExamples *int64 `yaml:"min_examples"`
		MaxExamples *int64 `yaml:"max_examples"`
		MultipleOf  *int64 `yaml:"multiple_of"`
		Metrics     *bool  `yaml:"metrics"`
	} `yaml:"reveal"`
}

// Parse reads a policy file. The error is a [*strictyaml.Error] with every
// problem.
func Parse(b []byte) (*Policy, error) {
	var f file
	if err := strictyaml.Decode(b, MaxBytes, &f); err != nil {
		return nil, err
	}
	p := &Policy{Digest: ledger.Hash(b)}
	r := reader{}
	p.creators, p.anyCreator = r.creators(f.Creators)
	p.models, p.anyModel = r.models(f.Models)
	p.columns = r.columns(f.Columns)
	p.maxRounds = r.limit("max_rounds", f.MaxRounds, job.MaxRounds)
	p.maxJobs = r.limit("max_jobs", f.MaxJobs, 1<<31)
	p.maxEpochs = r.limit("max_local_epochs", f.MaxLocalEpochs, job.MaxLocalEpochs)
	p.cpus = int(r.limit("cpus", f.CPUs, maxCPUs))
	p.leastRows = r.limit("reveal.min_examples", f.Reveal.MinExamples, job.MaxExamples)
	p.mostRows = r.limit("reveal.max_examples", f.Reveal.MaxExamples, job.MaxExamples)
	p.multipleOf = r.limit("reveal.multiple_of", f.Reveal.MultipleOf, job.MaxExamples)
	p.hideMetrics = f.Reveal.Metrics != nil && !*f.Reveal.Metrics
	if f.HoursUTC != nil {
		p.hours = r.hours(*f.HoursUTC)
	}
	if p.mostRows > 0 && p.multipleOf > p.mostRows {
		r.say("reveal.multiple_of: %d is more than max_examples, %d", p.multipleOf, p.mostRows)
	}
	if len(r.problems) > 0 {
		return nil, &strictyaml.Error{Problems: r.problems}
	}
	return p, nil
}

// CPUs returns how many processors training may use at once, 0 for all.
func (p *Policy) CPUs() int { return p.cpus }

// reader collects problems.
type reader struct{ problems []string }

func (r *reader) say(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// limit returns a number that was given, 0 where it was not.
func (r *reader) limit(name string, given *int64, most int64) int64 {
	if given == nil {
		return 0
	}
	if *given < 1 || *given > most {
		r.say("%s: %d, want 1 to %d; leave it out for no limit", name, *given, most)
	}
	return *given
}

func (r *reader) creators(texts []string) (ids []ledger.ID, everyone bool) {
	if everyone := r.list("creators", texts); everyone || len(texts) == 0 {
		return nil, everyone
	}
	if len(texts) > maxCreators {
		r.say("creators: %d of them, at most %d are allowed", len(texts), maxCreators)
		return nil, false
	}
	for i, text := range texts {
		id, err := ledger.ParseID(text)
		if err != nil {
			r.say("creators[%d]: %.40q is no member's id", i, text)
		} else if slices.Contains(ids, id) {
			r.say("creators[%d]: %s is listed twice", i, text)
		}
		ids = append(ids, id)
	}
	return ids, false
}

func (r *reader) models(names []string) (known []string, all bool) {
	if all := r.list("models", names); all || len(names) == 0 {
		return nil, all
	}
	for i, name := range names {
		if !slices.Contains(job.Models(), name) {
			r.say("models[%d]: no model %.40q, want of %v", i, name, job.Models())
		} else if slices.Contains(names[:i], name) {
			r.say("models[%d]: %s is listed twice", i, name)
		}
	}
	return names, false
}

func (r *reader) columns(names []string) []string {
	if len(names) > maxColumns {
		r.say("columns: %d of them, at most %d are allowed", len(names), maxColumns)
		return nil
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			r.say("columns[%d]: %.40q is listed twice", i, name)
		}
	}
	return names
}

// list reports whether a list says "any", and refuses one that says nothing.
func (r *reader) list(name string, texts []string) bool {
	switch {
	case len(texts) == 0:
		r.say("%s: must be given; [%s] allows all", name, Any)
	case slices.Contains(texts, Any) && len(texts) > 1:
		r.say("%s: %q stands alone", name, Any)
	}
	return slices.Contains(texts, Any)
}

// hours is a window of the day in UTC, in minutes; one that ends before it
// begins goes over midnight.
type hours struct {
	from, to int
	text     string
}

func (r *reader) hours(text string) *hours {
	const form = "15:04-15:04"
	h := &hours{text: text}
	if len(text) == len(form) && text[5] == '-' {
		from, errFrom := time.Parse("15:04", text[:5])
		to, errTo := time.Parse("15:04", text[6:])
		h.from, h.to = from.Hour()*60+from.Minute(), to.Hour()*60+to.Minute()
		if errFrom == nil && errTo == nil && h.from != h.to {
			return h
		}
	}
	r.say("hours_utc: %.24q, want HH:MM-HH:MM with two different times", text)
	return h
}

// holds reports whether the time lies in the window, its end outside.
func (h *hours) holds(t time.Time) bool {
	t = t.UTC()
	minute := t.Hour()*60 + t.Minute()
	if h.from < h.to {
		return minute >= h.from && minute < h.to
	}
	return minute >= h.from || minute < h.to
}
