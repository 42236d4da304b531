package policy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/policy"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing with them")

// vector is a policy with questions and answers; the peer in Python gives the
// same ones.
type vector struct {
	Policy string        `json:"policy"`
	Digest ledger.Digest `json:"digest"`
	Good   bool          `json:"good"`
	Asked  []question    `json:"asked,omitempty"`
}

type question struct {
	Creator  ledger.ID        `json:"creator"`
	Model    string           `json:"model"`
	Rounds   int64            `json:"num_rounds"`
	Epochs   int64            `json:"local_epochs"`
	Most     int64            `json:"max_num_examples"`
	Rows     int              `json:"rows"`
	Columns  []string         `json:"columns"`
	Now      time.Time        `json:"now"`
	Jobs     int              `json:"jobs"`
	Refusals []policy.Refusal `json:"refusals"`
	Rule     string           `json:"rule"`
	Text     string           `json:"text"`
	Examples uint64           `json:"examples"`
	Metrics  bool             `json:"metrics"`
	Reveals  bool             `json:"reveals"`
}

const anyone = "creators: [any]\nmodels: [any]\n"

// policies are good and bad ones; what they are is found out.
var policies = []string{
	full, anyone,
	"creators: [any]\nmodels: [linear, lenet5]\nhours_utc: 22:00-06:00\n",
	"models: [logistic]\ncreators:\n- 01010101010101010101010101010101 # all digits, and text all the same\n",
	anyone + "reveal: {multiple_of: 20, max_examples: 70}\n",
	anyone + "reveal: {multiple_of: 100}\n",
	anyone + "reveal: {metrics: false}\nmax_jobs: 1\n",
	anyone + "reveal: {}\ncolumns: []\n",
	"creators: [any]\n", "creators: []\nmodels: [any]\n", "creators: [any, 01010101010101010101010101010101]\nmodels: [any]\n",
	"creators: [00]\nmodels: [any]\n", "creators: [01010101010101010101010101010101, 01010101010101010101010101010101]\nmodels: [any]\n",
	"creators: any\nmodels: [any]\n", "creators: [any]\nmodels: [cnn]\n", "creators: [any]\nmodels: [mlp, mlp]\n",
	"creators: [00000000000000000000000000000000]\nmodels: [any]\n", "creators: [0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A]\nmodels: [any]\n",
	anyone + "max_rounds: 0\n", anyone + "max_rounds: -1\n", anyone + "max_rounds: 100001\n", anyone + "max_rounds: many\n",
	anyone + "max_jobs: 2147483649\n", anyone + "max_local_epochs: 1001\n", anyone + "cpus: 1025\n",
	anyone + "hours_utc: 8-18\n", anyone + "hours_utc: 08:00-08:00\n", anyone + "hours_utc: 08:00-24:00\n", anyone + "hours_utc: 08:00-18:60\n",
	anyone + "columns: [a, b, a]\n", anyone + "reveal: {max_examples: 10, multiple_of: 20}\n", anyone + "reveal: {min_examples: 0}\n",
	anyone + "reveal: {min_examples: 536870912}\n", anyone + "reveal: {colour: red}\n", anyone + "colour: red\n", anyone + "max_rounds:\n",
	anyone + "max_rounds: ~\n", anyone + "models: [mlp]\n", anyone + "reveal: {metrics: 3}\n",
	"creators: &a [any]\nmodels: *a\n", "<<: {creators: [any]}\nmodels: [any]\n", anyone + "---\n" + anyone, "- any\n", "", "creators: [",
	anyone + "# " + strings.Repeat("x", policy.MaxBytes),
}

// TestVectors holds the decisions that both peers come to against their file.
func TestVectors(t *testing.T) {
	t.Parallel()
	var all []vector
	for _, text := range policies {
		p, err := policy.Parse([]byte(text))
		v := vector{Policy: text, Digest: ledger.Hash([]byte(text)), Good: err == nil}
		if len(text) > policy.MaxBytes {
			v.Policy = strings.TrimRight(text, "x") // as many x as make it too long
		}
		if err == nil {
			for _, change := range changes {
				r := request()
				change(&r)
				v.Asked = append(v.Asked, ask(p, &r))
			}
		}
		all = append(all, v)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(all); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "decisions.json")
	if *rewrite {
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s is another; look at the difference after -rewrite", path)
	}
}

func ask(p *policy.Policy, r *policy.Request) question {
	d := p.Decide(*r)
	return question{
		Creator: r.Creator, Model: r.Spec.Model.Name, Rounds: r.Spec.NumRounds, Epochs: r.Spec.Train.LocalEpochs,
		Most: r.Spec.MaxNumExamples, Rows: r.Rows, Columns: r.Columns, Now: r.Now, Jobs: r.Jobs,
		Refusals: d.Refusals, Rule: d.Rule, Text: d.String(), Examples: p.Examples(r.Rows, r.Spec), Metrics: p.Metrics(), Reveals: p.Reveals(r.Rows, r.Spec),
	}
}

var changes = []func(*policy.Request){
	func(*policy.Request) {},
	func(r *policy.Request) { r.Creator = id(1) },
	func(r *policy.Request) { r.Creator = id(3) },
	func(r *policy.Request) { r.Spec.NumRounds = 21 },
	func(r *policy.Request) { r.Jobs = 2 },
	func(r *policy.Request) { r.Spec.Train.LocalEpochs = 4 },
	func(r *policy.Request) { r.Now = r.Now.Add(-time.Second) },
	func(r *policy.Request) { r.Now = time.Date(2026, 1, 1, 23, 59, 59, 0, time.UTC) },
	func(r *policy.Request) { r.Rows = 49 },
	func(r *policy.Request) { r.Rows = 100_000 },
	func(r *policy.Request) { r.Rows = 0 },
	func(r *policy.Request) { r.Spec.MaxNumExamples = 19 },
	func(r *policy.Request) {
		r.Columns = append(r.Columns, "the \"name\" of somebody that is longer than anybody reads")
	},
	func(r *policy.Request) { r.Columns = append(r.Columns, "né\n") },
	func(r *policy.Request) { r.Columns = nil },
	func(r *policy.Request) { r.Columns = []string{} },
	func(r *policy.Request) { r.Spec.Model.Name = job.ModelMLP },
	func(r *policy.Request) { r.Spec.Model.Name = job.ModelLeNet5 },
	func(r *policy.Request) { r.Creator, r.Spec.NumRounds, r.Rows = id(3), 100, 1 },
}
