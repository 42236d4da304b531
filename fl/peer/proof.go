package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// ErrTask refuses a task that the ledger does not prove.
var ErrTask = errors.New("the task is not proven")

// CheckTask checks a task's proof and returns what it proves: a block that a
// quorum of its epoch's group signed holds the opening of this round, or the
// drawing of its cohort, which asks this peer. It fails with [ledger.ErrEpoch] where that group is not known yet.
func CheckTask(task *Task, self ledger.ID, groups *ledger.Groups) (*fl.RoundOpened, error) {
	proof, err := ledger.ParseResultProof(task.Proof)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTask, err)
	}
	result, _, err := groups.Check(&proof, identity.Verify)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTask, err)
	}
	if result.Code != ledger.CodeOK {
		return nil, fmt.Errorf("%w: the proven transaction ended with %s", ErrTask, result.Code)
	}
	for _, e := range result.Events {
		if e.Type != fl.EventRoundOpened {
			continue
		}
		var opened fl.RoundOpened
		if err := ledger.Decode("event "+e.Type, e.Data, ledger.MaxProofBytes, &opened); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTask, err)
		}
		switch {
		case opened.Job != task.Job || opened.Round != task.Round || opened.Attempt != task.Attempt:
			return nil, fmt.Errorf("%w: it is attempt %d of round %d of job %s, the task says attempt %d of round %d of job %s", ErrTask,
				opened.Attempt, opened.Round, opened.Job.Short(), task.Attempt, task.Round, task.Job.Short())
		case !slices.Contains(opened.Cohort, self):
			return nil, fmt.Errorf("%w: the round does not ask peer %s", ErrTask, self)
		}
		if err := checkDraw(&opened); err != nil {
			return nil, err
		}
		return &opened, nil
	}
	return nil, fmt.Errorf("%w: the proven transaction opened no round", ErrTask)
}

// checkDraw checks that the cohort was drawn exactly where the job wants that,
// and is as large as the job and the roster make it. Who was to be drawn the
// quorum has checked: the reveals stand on the ledger, for verify to repeat.
func checkDraw(opened *fl.RoundOpened) error {
	switch drawn := !opened.Seed.IsZero(); {
	case drawn != opened.Spec.Draws():
		return fmt.Errorf("%w: fraction_train is %g, and the cohort was drawn: %t", ErrTask, opened.Spec.FractionTrain, drawn)
	case drawn && uint64(len(opened.Cohort)) != opened.Spec.CohortSize(opened.Roster):
		return fmt.Errorf("%w: it asks %d of %d peers, the job wants %d", ErrTask,
			len(opened.Cohort), opened.Roster, opened.Spec.CohortSize(opened.Roster))
	}
	return nil
}

// peerSeed draws a peer's seed from the job's.
func peerSeed(seed uint64, id ledger.ID) uint64 {
	digest := ledger.Hash(append(binary.BigEndian.AppendUint64([]byte("librum peer seed "), seed), id[:]...))
	return binary.BigEndian.Uint64(digest[:])
}
