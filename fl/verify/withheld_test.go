package verify_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/verify"
)

// public gives models and cards, and no updates.
type public struct {
	verify.Files

	files map[ledger.Digest]bool
}

func (p public) Get(ctx context.Context, digest ledger.Digest) (blob.Blob, error) {
	if !p.files[digest] {
		return nil, fmt.Errorf("%w: not for you", blob.ErrNotFound)
	}
	return p.Files.Get(ctx, digest)
}

// TestWithheldUpdates holds that a round whose updates a reader is not given
// rests on the quorum's word, and that the report says so.
func TestWithheldUpdates(t *testing.T) {
	t.Parallel()
	r, err := record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files := public{r.blobs, map[ledger.Digest]bool{ledger.Hash(r.model): true, ledger.Hash(r.card): true}}
	in := verify.Input{State: r, Job: r.id, Files: []verify.Files{files}, Withheld: true, Threads: 1}
	got, err := verify.Job(t.Context(), in)
	if err != nil || got.First != nil || got.Incomplete || got.Attested != rounds || got.Averages != 0 {
		t.Errorf("%+v, %v; want %d rounds on the quorum's word", got, err, rounds)
	}
	said := 0
	for _, l := range got.Lines {
		if l.Basis == verify.Withheld {
			said++
		}
	}
	if said != rounds {
		t.Errorf("%d lines say that averages are not recomputed, want %d", said, rounds)
	}
	in.Withheld = false // who keeps the files has lost them
	if got, err = verify.Job(t.Context(), in); err != nil || !got.Incomplete || got.Attested != 0 {
		t.Errorf("gone: %+v, %v; want incomplete", got, err)
	}
	in.Withheld = true
	delete(files.files, ledger.Hash(r.model)) // the result is for everybody
	if got, err = verify.Job(t.Context(), in); err != nil || !got.Incomplete {
		t.Errorf("no model: %+v, %v; want incomplete", got, err)
	}
}
