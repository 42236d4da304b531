package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/policy"
	"github.com/librum/librum/internal/strictyaml"
)

const full = `
creators: [01010101010101010101010101010101, 02020202020202020202020202020202]
models: [mlp, logistic]
columns: [age, marker, ill]
max_rounds: 20
max_jobs: 2
max_local_epochs: 3
hours_utc: "08:00-18:00"
cpus: 2
reveal: {min_examples: 50, max_examples: 1000, multiple_of: 20, metrics: false}
`

func parse(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func id(b byte) (id ledger.ID) {
	for i := range id {
		id[i] = b
	}
	return id
}

func request() policy.Request {
	spec := job.Defaults()
	spec.Model = job.Model{Name: job.ModelLogistic, Layers: []int64{4, 2}}
	return policy.Request{Creator: id(2), Spec: &spec, Rows: 60, Columns: []string{"age", "ill"}, Now: time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC), Jobs: 1}
}

// TestEachRuleRefuses breaks one rule after the other: that rule is named, and
// no other.
func TestEachRuleRefuses(t *testing.T) {
	t.Parallel()
	p := parse(t, full)
	if d := p.Decide(request()); !d.Allowed() || d.Rule != "creators[1], models[1]" {
		t.Errorf("an allowed request: %+v", d)
	}
	if p.CPUs() != 2 || p.Metrics() {
		t.Errorf("%d CPUs, metrics %t", p.CPUs(), p.Metrics())
	}
	for rule, change := range map[string]func(*policy.Request){
		"creators":            func(r *policy.Request) { r.Creator = id(3) },
		"max_rounds":          func(r *policy.Request) { r.Spec.NumRounds = 21 },
		"max_jobs":            func(r *policy.Request) { r.Jobs = 2 },
		"max_local_epochs":    func(r *policy.Request) { r.Spec.Train.LocalEpochs = 4 },
		"hours_utc":           func(r *policy.Request) { r.Now = r.Now.Add(-time.Second) },
		"reveal.min_examples": func(r *policy.Request) { r.Rows = 49 },
		"reveal.multiple_of":  func(r *policy.Request) { r.Spec.MaxNumExamples = 19 },
		"columns":             func(r *policy.Request) { r.Columns = append(r.Columns, "name") },
		"models":              func(r *policy.Request) { r.Spec.Model.Name = "resnet" },
	} {
		r := request()
		change(&r)
		if d := p.Decide(r); d.Allowed() || len(d.Refusals) != 1 || d.Refusals[0].Rule != rule || d.Rule != "" {
			t.Errorf("%s: %+v", rule, d)
		}
	}
	r := request()
	if r.Columns = nil; p.Decide(r).Allowed() {
		t.Error("columns are listed, and data without names passes")
	}
	r = request()
	r.Creator, r.Spec.NumRounds, r.Rows = id(3), 100, 1
	if d := p.Decide(r); len(d.Refusals) != 3 {
		t.Errorf("three rules are broken, %d are named: %s", len(d.Refusals), d)
	}
}

func TestHours(t *testing.T) {
	t.Parallel()
	for text, allowed := range map[string][]int{"22:00-02:00": {22, 23, 0, 1}, "00:00-03:00": {0, 1, 2}, "21:00-00:00": {21, 22, 23}} {
		p := parse(t, "creators: [any]\nmodels: [any]\nhours_utc: "+text)
		for hour := range 24 {
			r := request()
			// In a zone of its own: the window is in UTC.
			r.Now = time.Date(2026, 7, 1, hour, 30, 0, 0, time.UTC).In(time.FixedZone("", 5*3600))
			if got := p.Decide(r).Allowed(); got != slices.Contains(allowed, hour) {
				t.Errorf("%s at %d:30: %t", text, hour, got)
			}
		}
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	spec := job.Defaults()
	spec.MaxNumExamples = 1500
	for _, c := range []struct {
		reveal string
		rows   int
		want   uint64
	}{
		{"{}", 77, 77},
		{"{}", 2000, 1500},
		{"{max_examples: 70}", 77, 70},
		{"{multiple_of: 20}", 77, 60},
		{"{multiple_of: 20, max_examples: 70}", 77, 60},
		{"{multiple_of: 100}", 77, 0},
	} {
		if got := parse(t, "creators: [any]\nmodels: [any]\nreveal: "+c.reveal).Examples(c.rows, &spec); got != c.want {
			t.Errorf("%s of %d rows: %d, want %d", c.reveal, c.rows, got, c.want)
		}
	}
}

func TestParseListsAllProblems(t *testing.T) {
	t.Parallel()
	const bad = `
creators: [any, x]
models: [cnn, mlp, mlp]
max_rounds: 0
max_jobs: -1
max_local_epochs: 1001
hours_utc: "8-18"
cpus: 2000
columns: [a, b, a]
reveal: {min_examples: 0, max_examples: 10, multiple_of: 20}
`
	_, err := policy.Parse([]byte(bad))
	var problems *strictyaml.Error
	if !errors.As(err, &problems) || len(problems.Problems) != 11 {
		t.Fatalf("11 problems expected: %v", err)
	}
	for text, want := range map[string]string{
		"creators: [any]":             "models: must be given",
		"creators: []\nmodels: [any]": "creators: must be given",

		"creators: [any]\nmodels: [any]\ncolumns: [age]\nhour: 1": "line 4: field hour is not known here",
		"creators: [00]\nmodels: [any]":                           "is no member's id",
		"creators: [any]\nmodels: [any]\nhours_utc: 08:00-08:00":  "two different times",
		"creators: [any]\nmodels: [any]\nhours_utc: 08:00-24:00":  "want HH:MM",
	} {
		if _, err := policy.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("creators: [any]\nmodels: [any]\nhours_utc: 23:59-00:00\nreveal: {multiple_of: 3}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := policy.Parse(b)
		if err != nil {
			if _, listed := errors.AsType[*strictyaml.Error](err); !listed {
				t.Errorf("%v is no list of problems", err)
			}
			return
		}
		if d := p.Decide(request()); d.Allowed() == (d.Rule == "") {
			t.Errorf("%+v", d)
		}
	})
}
