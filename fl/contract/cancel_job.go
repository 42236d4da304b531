package contract

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// CancelJob is the arguments of the method of that name.
type CancelJob struct {
	Job ledger.Digest `cbor:"job"`
}

func cancelJobFootprint(_ contract.Call, a *CancelJob) (contract.Footprint, error) {
	return contract.Footprint{Writes: []contract.Key{JobRow(a.Job)}}, nil
}

func cancelJob(env *contract.Env, call contract.Call, a *CancelJob) error {
	j, err := activeJob(env, a.Job)
	if err != nil {
		return err
	}
	if j.Creator != call.Sender {
		return contract.Errorf(contract.CodeNotPermitted, "job %s is member %s's", a.Job.Short(), j.Creator)
	}
	return endJob(env, a.Job, j, job.StateCancelled, job.ReasonCreator)
}
