package contract

import (
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// CreateJob is the arguments of the method of that name. The same creator and
// key make the same job, so that a repeated request makes no second one.
type CreateJob struct {
	Key  []byte   `cbor:"key"` // idempotency key, 1 to 128 bytes
	Spec job.Spec `cbor:"spec"`
	// Ended are jobs of the creator's that have ended, so that they no longer
	// count against [MaxActiveJobs]: a footprint cannot look for them. See
	// [EndedJobs].
	Ended []ledger.Digest `cbor:"ended,omitempty"`
}

// JobID returns the id of the job that creator makes with key:
// SHA-256(creator, key).
func JobID(creator ledger.ID, key []byte) ledger.Digest {
	return ledger.Hash(append(creator[:], key...))
}

func createJobFootprint(call contract.Call, a *CreateJob) (contract.Footprint, error) {
	if len(a.Key) == 0 || len(a.Key) > MaxKeyBytes {
		return contract.Footprint{}, badArguments("key", "%d bytes, want 1 to %d", len(a.Key), MaxKeyBytes)
	}
	if len(a.Ended) > MaxActiveJobs {
		return contract.Footprint{}, badArguments("ended", "%d jobs, at most %d are allowed", len(a.Ended), MaxActiveJobs)
	}
	f := contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender)},
		Writes: []contract.Key{JobRow(JobID(call.Sender, a.Key)), ActiveRow(call.Sender)},
	}
	for _, id := range a.Ended {
		f.Reads = append(f.Reads, JobRow(id))
	}
	return f, nil
}

func createJob(env *contract.Env, call contract.Call, a *CreateJob) error {
	if _, err := members.Require(env, call.Sender, identity.RoleMember); err != nil {
		return err
	}
	if err := a.Spec.Validate(); err != nil {
		return contract.Errorf(CodeBadSpec, "%v", err)
	}
	id := JobID(call.Sender, a.Key)
	if _, ok, err := LoadJob(env, id); err != nil || ok {
		if err == nil {
			err = contract.Errorf(contract.CodeExists, "job %s exists", id)
		}
		return err
	}
	if err := countJob(env, call.Sender, id, a.Ended); err != nil {
		return err
	}
	j := Job{
		Creator: call.Sender, Created: env.LogTime(), Spec: a.Spec,
		State: job.StateWaiting, Reason: job.ReasonPeers, Idle: env.LogTime(),
	}
	if err := contract.Store(env, JobRow(id), &j); err != nil {
		return err
	}
	return env.Emit(EventJobCreated, &JobCreated{Job: id, Creator: call.Sender, Spec: a.Spec})
}
