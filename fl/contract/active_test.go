package contract_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
)

// TestActiveJobsAreCapped: a creator has so many jobs at a time; those that it
// shows to have ended make room, others do not.
func TestActiveJobsAreCapped(t *testing.T) {
	t.Parallel()
	l, err := contracttest.New(1, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	spec := job.Defaults()
	spec.Model.Layers = []int64{4, 3}
	call := func(who, method string, args any) ledger.Code {
		t.Helper()
		refused, _, err := l.Call(contracttest.ID(who), method, args)
		if err != nil {
			t.Fatal(err)
		}
		if refused != nil {
			return refused.Code
		}
		return ledger.CodeOK
	}
	create := func(who string, i int, ended ...ledger.Digest) ledger.Code {
		t.Helper()
		return call(who, fl.MethodCreateJob, &fl.CreateJob{Key: fmt.Append(nil, i), Spec: spec, Ended: ended})
	}
	id := func(i int) ledger.Digest { return fl.JobID(contracttest.ID("alice"), fmt.Append(nil, i)) }
	for i := range fl.MaxActiveJobs {
		if code := create("alice", i); code != ledger.CodeOK {
			t.Fatalf("job %d: %s", i, code)
		}
	}
	if code := create("alice", fl.MaxActiveJobs); code != fl.CodeTooMany {
		t.Errorf("one job too many: %s, want %s", code, fl.CodeTooMany)
	}
	if code := create("bob", 0); code != ledger.CodeOK {
		t.Errorf("another creator's first job: %s", code)
	}
	for _, i := range []int{5, 9} {
		if code := call("alice", fl.MethodCancelJob, &fl.CancelJob{Job: id(i)}); code != ledger.CodeOK {
			t.Fatal(code)
		}
	}
	ended, err := fl.EndedJobs(l, contracttest.ID("alice"))
	if err != nil || len(ended) != 2 || !slices.Contains(ended, id(5)) || !slices.Contains(ended, id(9)) {
		t.Fatalf("ended jobs %v, error %v; want those two", ended, err)
	}
	for _, c := range []struct {
		name  string
		ended []ledger.Digest
		want  ledger.Code
	}{
		{"none named", nil, fl.CodeTooMany},
		{"an active one", []ledger.Digest{id(5), id(6)}, contract.CodeConflict},
		{"no job", []ledger.Digest{{1}}, contract.CodeConflict},
		{"too many named", make([]ledger.Digest, fl.MaxActiveJobs+1), contract.CodeBadArguments},
		{"one named twice", []ledger.Digest{id(5), id(5)}, ledger.CodeOK},
	} {
		if code := create("alice", 1000, c.ended...); code != c.want {
			t.Errorf("%s: %s, want %s", c.name, code, c.want)
		}
	}
	if code := create("alice", 1001, id(5)); code != fl.CodeTooMany {
		t.Errorf("a job that counts no more, named again: %s, want %s", code, fl.CodeTooMany)
	}
	if code := create("alice", 1001, ended...); code != ledger.CodeOK {
		t.Errorf("the other one that has ended: %s", code)
	}
}
