package contract

import (
	"bytes"
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// countJob counts a new job of the creator's as active and those that have
// ended as such no longer.
func countJob(env *contract.Env, creator ledger.ID, id ledger.Digest, ended []ledger.Digest) error {
	active, ok, err := contract.Load[Active](env, ActiveRow(creator))
	if err != nil {
		return err
	}
	if !ok {
		active = &Active{}
	}
	for _, old := range ended {
		j, ok, err := LoadJob(env, old)
		if err != nil {
			return err
		}
		if !ok || !j.State.Terminal() {
			return contract.Errorf(contract.CodeConflict, "ended: job %s has not ended", old)
		}
		if i, found := slices.BinarySearchFunc(active.Jobs, old, compareDigests); found {
			active.Jobs = slices.Delete(active.Jobs, i, i+1)
		}
	}
	if len(active.Jobs) >= MaxActiveJobs {
		return contract.Errorf(CodeTooMany, "%d jobs of member %s count as active; name those that have ended, or cancel some",
			len(active.Jobs), creator)
	}
	i, _ := slices.BinarySearchFunc(active.Jobs, id, compareDigests)
	active.Jobs = slices.Insert(active.Jobs, i, id)
	return contract.Store(env, ActiveRow(creator), active)
}

// EndedJobs returns the jobs of a creator that still count as active although
// they have ended: what its next [CreateJob] may name.
func EndedJobs(state contract.State, creator ledger.ID) ([]ledger.Digest, error) {
	active, ok, err := contract.LoadFrom[Active](state, ActiveRow(creator))
	if err != nil || !ok {
		return nil, err
	}
	var ended []ledger.Digest
	for _, id := range active.Jobs {
		j, ok, err := LoadJob(state, id)
		if err != nil {
			return nil, err
		}
		if ok && j.State.Terminal() {
			ended = append(ended, id)
		}
	}
	return ended, nil
}

func compareDigests(a, b ledger.Digest) int { return bytes.Compare(a[:], b[:]) }
