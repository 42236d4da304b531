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

// CheckTask checks a task's proof: a block that a quorum of the group signed
// holds the opening of exactly this round, with this model and spec, and asks
// this peer.
func CheckTask(task *Task, self ledger.ID, chain ledger.Digest, group *ledger.Group) error {
	proof, err := ledger.ParseResultProof(task.Proof)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTask, err)
	}
	result, _, err := proof.Verify(chain, group, identity.Verify)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTask, err)
	}
	if result.Code != ledger.CodeOK {
		return fmt.Errorf("%w: the proven transaction ended with %s", ErrTask, result.Code)
	}
	for _, e := range result.Events {
		if e.Type != fl.EventRoundOpened {
			continue
		}
		var opened fl.RoundOpened
		if err := ledger.Decode("event "+e.Type, e.Data, ledger.MaxProofBytes, &opened); err != nil {
			return fmt.Errorf("%w: %w", ErrTask, err)
		}
		return compare(task, self, &opened)
	}
	return fmt.Errorf("%w: the proven transaction opened no round", ErrTask)
}

func compare(task *Task, self ledger.ID, opened *fl.RoundOpened) error {
	asked, err := ledger.Encode(&task.Spec)
	if err != nil {
		return err
	}
	proven, err := ledger.Encode(&opened.Spec)
	if err != nil {
		return err
	}
	switch {
	case opened.Job != task.Job || opened.Round != task.Round:
		return fmt.Errorf("%w: it is round %d of job %s, the task says round %d of job %s",
			ErrTask, opened.Round, opened.Job.Short(), task.Round, task.Job.Short())
	case opened.Model != task.Model || opened.ModelSize != task.ModelSize:
		return fmt.Errorf("%w: the round begins with model %s, the task says %s", ErrTask, opened.Model.Short(), task.Model.Short())
	case !slices.Equal(asked, proven):
		return fmt.Errorf("%w: the task's spec is not the job's", ErrTask)
	case !slices.Contains(opened.Cohort, self):
		return fmt.Errorf("%w: the round does not ask peer %s", ErrTask, self)
	}
	return nil
}

// peerSeed draws a peer's seed from the job's.
func peerSeed(seed uint64, id ledger.ID) uint64 {
	digest := ledger.Hash(append(binary.BigEndian.AppendUint64([]byte("librum peer seed "), seed), id[:]...))
	return binary.BigEndian.Uint64(digest[:])
}
