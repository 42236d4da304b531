package contract

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// CloseJob is the arguments of the method of that name. A job finishes with
// model and card; it fails where peers stay away for longer than the spec
// allows.
type CloseJob struct {
	Job       ledger.Digest `cbor:"job"`
	Round     uint64        `cbor:"round"` // the last one opened, 0 before the first
	Term      uint64        `cbor:"term"`
	State     job.State     `cbor:"state"`            // finished or failed
	Reason    job.Reason    `cbor:"reason,omitempty"` // of failed: no_peers, no_model, no_chains or no_root
	Model     ledger.Digest `cbor:"model"`            // of finished: the last final model
	ModelSize uint64        `cbor:"model_size"`
	Card      ledger.Digest `cbor:"card"` // of finished: SHA-256 of the model card
	CardSize  uint64        `cbor:"card_size"`
}

// starvations are the reasons for which a coordinator ends a job as failed.
func starvations() []job.Reason {
	return []job.Reason{job.ReasonNoPeers, job.ReasonNoModel, job.ReasonNoChains, job.ReasonNoRoot}
}

func closeJobFootprint(call contract.Call, a *CloseJob) (contract.Footprint, error) {
	switch {
	case a.State == job.StateFinished && a.Reason == "":
		if err := checkFile("card", a.Card, a.CardSize); err != nil {
			return contract.Footprint{}, err
		}
	case a.State == job.StateFailed && slices.Contains(starvations(), a.Reason):
		if !a.Model.IsZero() || a.ModelSize != 0 || !a.Card.IsZero() || a.CardSize != 0 {
			return contract.Footprint{}, badArguments("card", "a failed job has neither model nor card")
		}
	default:
		return contract.Footprint{}, badArguments("state", "want %s, or %s because of one of %v", job.StateFinished, job.StateFailed, starvations())
	}
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender)},
		Writes: []contract.Key{JobRow(a.Job), TermRow(a.Job)},
	}, nil
}

func closeJob(env *contract.Env, call contract.Call, a *CloseJob) error {
	j, err := activeJob(env, a.Job)
	if err != nil {
		return err
	}
	if _, err := held(env, call, a.Job, a.Term); err != nil {
		return err
	}
	if a.Round != j.Round {
		return contract.Errorf(contract.CodeConflict, "round %d is not the last one opened, %d", a.Round, j.Round)
	}
	if a.State == job.StateFinished {
		err = a.finishable(j)
	} else {
		err = a.starved(env, j)
	}
	if err != nil {
		return err
	}
	j.Card, j.CardSize = a.Card, a.CardSize
	return endJob(env, a.Job, j, a.State, a.Reason)
}

func (a *CloseJob) finishable(j *Job) error {
	if !j.Complete() {
		return contract.Errorf(CodeRoundState, "%d of %d rounds are final", j.Finals, j.Spec.NumRounds)
	}
	if a.Model != j.Model || a.ModelSize != j.ModelSize {
		return contract.Errorf(contract.CodeConflict, "the last final model is %s", j.Model)
	}
	return nil
}

// starved holds where no round was at work for as long as the job waits for
// peers, for the initial model that its spec names, or for the nodes' hash chains.
func (a *CloseJob) starved(env *contract.Env, j *Job) error {
	if j.Idle == 0 || j.Complete() {
		return contract.Errorf(CodeRoundState, "the job waits for no peers")
	}
	if a.Reason == job.ReasonNoModel && (j.Finals > 0 || j.Spec.InitialModel == "") {
		return contract.Errorf(CodeRoundState, "the job waits for no model")
	}
	if a.Reason == job.ReasonNoChains && !j.Spec.Draws() {
		return contract.Errorf(CodeRoundState, "the job draws no cohorts")
	}
	if a.Reason == job.ReasonNoRoot && j.Spec.Strategy.Root == "" {
		return contract.Errorf(CodeRoundState, "the strategy trusts no peer")
	}
	if at := j.PeersDeadline(); env.LogTime() < at {
		return contract.Errorf(contract.CodeTooEarly, "the job waits for peers until log time %d", at)
	}
	return nil
}
