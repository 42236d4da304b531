package contract_test

import (
	"fmt"

	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
)

func Example() {
	ledger, err := contracttest.New(4, 4, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	spec := job.Defaults()
	spec.Model.Layers = []int64{64, 200, 10}
	alice, key := contracttest.ID("alice"), []byte("my first job")
	refused, events, err := ledger.Call(alice, fl.MethodCreateJob, &fl.CreateJob{Key: key, Spec: spec})
	fmt.Println(refused == nil, events[0].Type, err)

	j, found, err := fl.LoadJob(ledger, fl.JobID(alice, key))
	fmt.Println(found, j.State, j.Reason, err)

	refused, _, err = ledger.Call(alice, fl.MethodCreateJob, &fl.CreateJob{Key: key, Spec: spec})
	fmt.Println(refused.Code, err)
	// Output:
	// true job.created <nil>
	// true waiting peers <nil>
	// exists <nil>
}
