package verify_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/verify"
)

func TestRecordedJobIsRight(t *testing.T) {
	t.Parallel()
	r, err := record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.verify(t.Context())
	if err != nil || got.First != nil || got.Incomplete {
		t.Fatalf("first %v, incomplete %t, error %v", got.First, got.Incomplete, err)
	}
	if got.Rounds != rounds || got.Averages != rounds || got.Updates != rounds*peers {
		t.Errorf("checked %d rounds, %d averages, %d updates", got.Rounds, got.Averages, got.Updates)
	}
	for _, basis := range []verify.Basis{verify.Recomputed, verify.Attested(4, 4), verify.ClaimOf("the peers")} {
		found := false
		for _, l := range got.Lines {
			found = found || l.Basis == basis && (l.Round == 2 || basis != verify.Recomputed)
		}
		if !found {
			t.Errorf("no line is %q: %+v", basis, got.Lines)
		}
	}
}

// tampering is one thing changed, and what verify must say about it. An empty
// kind means that the verdict is incomplete.
type tampering struct {
	name   string
	tamper func(r *recorded) error
	kind   string
	where  string
}

func on[T any](key func(r *recorded) contract.Key, how func(*T)) func(*recorded) error {
	return func(r *recorded) error { return change(r, key(r), how) }
}

func gone(key func(r *recorded) contract.Key) func(*recorded) error {
	return func(r *recorded) error {
		r.over[key(r)] = nil
		return nil
	}
}

func jobRow(r *recorded) contract.Key { return fl.JobRow(r.id) }

func roundRow(number uint64) func(*recorded) contract.Key {
	return func(r *recorded) contract.Key { return fl.RoundRow(r.id, number) }
}

func commitRow(number uint64) func(*recorded) contract.Key {
	return func(r *recorded) contract.Key { return fl.CommitRow(r.id, number, 1) }
}

func updateRow(number uint64, peer int) func(*recorded) contract.Key {
	return func(r *recorded) contract.Key {
		return fl.UpdateRow(r.id, number, contracttest.ID(contracttest.Peer(peer)))
	}
}

func attestRow(number uint64, node int) func(*recorded) contract.Key {
	return func(r *recorded) contract.Key {
		return fl.AttestRow(r.id, number, 1, contracttest.ID(contracttest.Node(node)))
	}
}

// all does one after the other.
func all(tampers ...func(*recorded) error) func(*recorded) error {
	return func(r *recorded) error {
		errs := make([]error, len(tampers))
		for i, tamper := range tampers {
			errs[i] = tamper(r)
		}
		return errors.Join(errs...)
	}
}

func agreed(number uint64, how func(*fl.Commit)) func(*recorded) error {
	return func(r *recorded) error { return r.agree(number, how) }
}

func refused(number uint64, list ...fl.Refused) func(*recorded) error {
	return func(r *recorded) error { return r.refuse(number, list) }
}

// digestOf is of a peer's update.
func digestOf(r *recorded, number uint64, peer int) (ledger.Digest, error) {
	u, ok, err := fl.LoadUpdate(r, r.id, number, contracttest.ID(contracttest.Peer(peer)))
	if err == nil && !ok {
		err = contract.Errorf(contract.CodeNotFound, "no update")
	}
	if err != nil {
		return ledger.Digest{}, err
	}
	return u.Digest, nil
}

var tamperings = []tampering{
	{"initial model", on(roundRow(1), func(r *fl.Round) { r.Model[0] ^= 1 }), "model", "round 1"},
	{"initial model's size", on(roundRow(1), func(r *fl.Round) { r.ModelSize++ }), "model", "round 1"},
	{"seed of the initial model", on(jobRow, func(j *fl.Job) { j.Spec.Seed++ }), "model", "round 1"},
	{"model between rounds", on(roundRow(2), func(r *fl.Round) { r.Model[0] ^= 1 }), "model", "round 2"},
	{"round gone", gone(roundRow(1)), "round", "round 1"},
	{"round not final", on(roundRow(2), func(r *fl.Round) { r.State = job.RoundCommitted }), "round", "round 2"},
	{"cohort gone", gone(func(r *recorded) contract.Key { return fl.CohortRow(r.id, 1) }), "round", "round 1"},
	{"group gone", gone(func(r *recorded) contract.Key { return fl.GroupRow(r.id, 2) }), "round", "round 2"},
	{"commit gone", gone(commitRow(1)), "commit", "round 1"},
	{"commit of another attempt", on(commitRow(1), func(c *fl.Commit) { c.Attempt++ }), "commit", "round 1"},
	{"model that nobody attested", on(commitRow(1), func(c *fl.Commit) { c.Model[0] ^= 1 }), "attestation", "round 1"},
	{"two attestations gone", all(gone(attestRow(2, 1)), gone(attestRow(2, 3))), "attestation", "round 2"},
	{"two dissents", all(
		on(attestRow(1, 1), func(a *fl.Attestation) { a.Dissent = fl.DissentModel }),
		on(attestRow(1, 2), func(a *fl.Attestation) { a.Dissent = fl.DissentModel }),
	), "attestation", "round 1"},
	{"attestations of another attempt", all(
		on(attestRow(1, 1), func(a *fl.Attestation) { a.Attempt++ }),
		on(attestRow(1, 2), func(a *fl.Attestation) { a.Attempt++ }),
	), "attestation", "round 1"},
	{"wrong average, agreed", agreed(2, func(c *fl.Commit) { c.Model[0] ^= 1 }), "average", "round 2"},
	{"wrong size of the average, agreed", agreed(2, func(c *fl.Commit) { c.ModelSize++ }), "average", "round 2"},
	{"wrong weights, agreed", agreed(1, func(c *fl.Commit) { c.Weights[0] ^= 1 }), "set", "round 1"},
	{"wrong set, agreed", agreed(1, func(c *fl.Commit) { c.Set[0] ^= 1 }), "set", "round 1"},
	{"wrong count, agreed", agreed(1, func(c *fl.Commit) { c.Count++ }), "set", "round 1"},
	{"lost term without its commit", on(roundRow(1), func(r *fl.Round) {
		r.Lost = append(r.Lost, fl.LostTerm{Term: 7, Attempt: 1, Loss: fl.LossOutvoted})
	}), "commit", "round 1"},
	{"lost term of another node", on(roundRow(2), func(r *fl.Round) {
		r.Lost = append(r.Lost, fl.LostTerm{Term: 1, Attempt: 1, Node: contracttest.ID(contracttest.Node(3)), Loss: fl.LossTimeout})
	}), "commit", "round 2"},
	{"update's digest", on(updateRow(1, 1), func(u *fl.Update) { u.Digest[0] ^= 1 }), "set", "round 1"},
	{"update's weight", on(updateRow(1, 1), func(u *fl.Update) { u.NumExamples++ }), "set", "round 1"},
	{"update gone from the ledger", gone(updateRow(1, 1)), "set", "round 1"},
	{"update declined", on(updateRow(1, 1), func(u *fl.Update) { u.State = fl.UpdateDeclined }), "set", "round 1"},
	{"honest update refused", refused(1, nan), "refusal", "round 1"},
	{"refused for another reason", refused(2, fl.Refused{Peer: nan.Peer, Reason: aggregator.RefusedShape}), "refusal", "round 2"},
	{"refusal left out", refused(2), "refusal", "round 2"},
	{"update damaged", func(r *recorded) error {
		d, err := digestOf(r, 2, 0)
		if err != nil {
			return err
		}
		return r.damage(d)
	}, "update", "round 2"},
	{"update gone", func(r *recorded) error {
		d, err := digestOf(r, 1, 0)
		if err != nil {
			return err
		}
		return r.blobs.Delete(context.Background(), d)
	}, "", "round 1"},
	{"job's model", on(jobRow, func(j *fl.Job) { j.Model[0] ^= 1 }), "model", "job"},
	{"job's model size", on(jobRow, func(j *fl.Job) { j.ModelSize++ }), "model", "job"},
	{"finished too early", on(jobRow, func(j *fl.Job) { j.Spec.NumRounds++ }), "job", "job"},
	{"another card", on(jobRow, func(j *fl.Job) { j.Card = j.Model }), "card", "job"},
	{"card's size", on(jobRow, func(j *fl.Job) { j.CardSize++ }), "card", "job"},
	{"card damaged", func(r *recorded) error { return r.damage(ledger.Hash(r.card)) }, "card", "job"},
	{"model damaged", func(r *recorded) error { return r.damage(lastModel(r)) }, "model", "job"},
	{"model gone", func(r *recorded) error { return r.blobs.Delete(context.Background(), lastModel(r)) }, "", "job"},
	{"card gone", func(r *recorded) error { return r.blobs.Delete(context.Background(), ledger.Hash(r.card)) }, "", "job"},
	{"spec that is none", on(jobRow, func(j *fl.Job) { j.Spec.Model.Layers = []int64{4} }), "spec", "job"},
}

func TestTamperingIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range tamperings {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := record(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := c.tamper(r); err != nil {
				t.Fatal(err)
			}
			got, err := r.verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.kind == "" {
				incomplete(t, got, c.where)
				return
			}
			if got.First == nil || got.First.Kind != c.kind || got.First.Where != c.where {
				t.Errorf("verify found %v, want %s at %s", got.First, c.kind, c.where)
			}
		})
	}
}

// incomplete demands that something is gone, that a line says so, and that all
// the rest was checked.
func incomplete(t *testing.T, got verify.Report, where string) {
	t.Helper()
	if got.First != nil || !got.Incomplete || got.Rounds != rounds {
		t.Errorf("first %v, incomplete %t, %d rounds; want nothing wrong, but something gone", got.First, got.Incomplete, got.Rounds)
	}
	for _, l := range got.Lines {
		if l.Basis == verify.Expired && (l.Round == 0) == (where == "job") {
			return
		}
	}
	t.Errorf("no line about %s says %q: %+v", where, verify.Expired, got.Lines)
}

// TestUnavailableUpdateIsNotLookedFor has a round whose commit calls an update
// unavailable: nobody can check that, and the file is not asked for.
func TestUnavailableUpdateIsNotLookedFor(t *testing.T) {
	t.Parallel()
	r, err := record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost, err := digestOf(r, 2, liar)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.blobs.Delete(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	if err := r.refuse(2, []fl.Refused{{Peer: nan.Peer, Reason: aggregator.RefusedUnavailable}}); err != nil {
		t.Fatal(err)
	}
	got, err := r.verify(t.Context())
	if err != nil || got.First != nil || got.Incomplete || got.Updates != rounds*peers-1 {
		t.Errorf("first %v, incomplete %t, %d updates, error %v", got.First, got.Incomplete, got.Updates, err)
	}
}

// TestSecondStoreIsTried has one node's store without the updates.
func TestSecondStoreIsTried(t *testing.T) {
	t.Parallel()
	r, err := record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, err := digestOf(r, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.blobs.Delete(t.Context(), d), other.damage(ledger.Hash(r.card))); err != nil {
		t.Fatal(err)
	}
	in := verify.Input{State: r, Job: r.id, Files: []verify.Files{other.blobs, r.blobs}, Threads: 2}
	calls := uint64(0)
	in.Progress = func(round, of uint64) {
		if calls++; round != calls || of != rounds {
			t.Errorf("progress says round %d of %d, want %d of %d", round, of, calls, rounds)
		}
	}
	got, err := verify.Job(t.Context(), in)
	if err != nil || got.Incomplete || got.First == nil || got.First.Kind != "card" {
		t.Errorf("first %v, incomplete %t, error %v; want only the damaged card", got.First, got.Incomplete, err)
	}
	if calls != rounds {
		t.Errorf("progress was called %d times, want %d", calls, rounds)
	}
}

func TestJobErrors(t *testing.T) {
	t.Parallel()
	r, err := record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify.Job(t.Context(), verify.Input{State: r, Job: ledger.Digest{1}}); !errors.Is(err, verify.ErrNoJob) {
		t.Errorf("a job that is not there: %v, want %v", err, verify.ErrNoJob)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := r.verify(ctx); !errors.Is(err, context.Canceled) || got.First != nil {
		t.Errorf("cancelled: first %v, error %v, want %v", got.First, err, context.Canceled)
	}
	ctx, cancel = context.WithCancel(t.Context())
	in := verify.Input{State: r, Job: r.id, Files: []verify.Files{r.blobs}, Progress: func(uint64, uint64) { cancel() }}
	if got, err := verify.Job(ctx, in); !errors.Is(err, context.Canceled) || got.First != nil || got.Rounds != 1 {
		t.Errorf("cancelled after a round: first %v, %d rounds, error %v", got.First, got.Rounds, err)
	}
	r.over[fl.RoundRow(r.id, 2)] = []byte{0xff}
	if _, err := r.verify(t.Context()); err == nil || !strings.Contains(err.Error(), "round/") {
		t.Errorf("a row that is none: %v, want the row named", err)
	}
}

// lastModel returns the digest of the job's final model.
func lastModel(r *recorded) ledger.Digest { return ledger.Hash(r.model) }
