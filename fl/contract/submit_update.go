package contract

import (
	"math"

	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// SubmitUpdate is the arguments of the method of that name. The file itself
// went to nodes, whose receipts say that they hold it.
type SubmitUpdate struct {
	Job         ledger.Digest `cbor:"job"`
	Round       uint64        `cbor:"round"`
	Attempt     uint64        `cbor:"attempt"`
	Digest      ledger.Digest `cbor:"digest"` // SHA-256 of the file
	Size        uint64        `cbor:"size"`   // bytes
	NumExamples uint64        `cbor:"num_examples"`
	Metrics     Metrics       `cbor:"metrics,omitempty"`
	Receipts    [][]byte      `cbor:"receipts"` // signed [ledger.Receipt]s, of min(2, organisations) organisations
}

func submitUpdateFootprint(call contract.Call, a *SubmitUpdate) (contract.Footprint, error) {
	if err := checkFile("digest", a.Digest, a.Size); err != nil {
		return contract.Footprint{}, err
	}
	if err := a.Metrics.Validate(); err != nil {
		return contract.Footprint{}, err
	}
	if len(a.Receipts) > MaxReceipts {
		return contract.Footprint{}, badArguments("receipts", "%d of them, at most %d are allowed", len(a.Receipts), MaxReceipts)
	}
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender), ChainRow, JobRow(a.Job), GroupRow(a.Job, a.Round)},
		Writes: []contract.Key{RoundRow(a.Job, a.Round), UpdateRow(a.Job, a.Round, call.Sender)},
	}, nil
}

func submitUpdate(env *contract.Env, call contract.Call, a *SubmitUpdate) error {
	j, r, u, err := askedUpdate(env, call, a.Job, a.Round, a.Attempt)
	if err != nil {
		return err
	}
	most := min(uint64(j.Spec.MaxNumExamples), job.MaxExamples)
	if a.NumExamples == 0 || a.NumExamples > most {
		return badArguments("num_examples", "%d, want 1 to %d", a.NumExamples, most)
	}
	// It is a weight like num_examples, in the means of what peers measured.
	if held := a.Metrics[EvalExamples]; held < 0 || held > float64(most) || held != math.Trunc(held) {
		return badArguments("metrics", "%s is %v, want a whole number from 0 to %d", EvalExamples, held, most)
	}
	holders, err := checkReceipts(env, call.Sender, a)
	if err != nil {
		return err
	}
	*u = Update{
		Attempt: r.Attempt, State: UpdateSubmitted, Time: env.LogTime(), Digest: a.Digest, Size: a.Size,
		NumExamples: a.NumExamples, Metrics: a.Metrics, Holders: holders,
	}
	if err := contract.Store(env, UpdateRow(a.Job, a.Round, call.Sender), u); err != nil {
		return err
	}
	r.Submitted++
	if r.Submitted == uint64(j.Spec.MinTrainPeers) {
		r.MinReached = env.LogTime()
	}
	if err := contract.Store(env, RoundRow(a.Job, a.Round), r); err != nil {
		return err
	}
	return env.Emit(EventUpdateSubmitted, &UpdateAnswered{
		Job: a.Job, Round: a.Round, Attempt: r.Attempt, Peer: call.Sender, Digest: a.Digest, Size: a.Size,
		NumExamples: a.NumExamples, Metrics: a.Metrics, Submitted: r.Submitted, Declined: r.Declined, Cohort: r.Cohort,
	})
}
