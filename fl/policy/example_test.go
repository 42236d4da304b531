package policy_test

import (
	"fmt"
	"time"

	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/policy"
)

func Example() {
	p, err := policy.Parse([]byte("creators: [any]\nmodels: [logistic]\nmax_rounds: 10\nhours_utc: 20:00-06:00\n"))
	if err != nil {
		panic(err)
	}
	spec := job.Defaults()
	spec.Model = job.Model{Name: job.ModelMLP, Layers: []int64{64, 10}}
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, refusal := range p.Decide(policy.Request{Spec: &spec, Rows: 100, Now: noon}).Refusals {
		fmt.Println(refusal)
	}
	// Output:
	// models: mlp is not listed
	// max_rounds: 20 rounds in the job, at most 10 are allowed
	// hours_utc: it is 12:00, allowed is 20:00-06:00
}
