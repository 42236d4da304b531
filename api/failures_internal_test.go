package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
)

func TestFailureOf(t *testing.T) {
	t.Parallel()
	_, spec := job.ParseJSON([]byte(`{"num_rounds":-1,"model":{"layers":[64,10]}}`))
	for _, c := range []struct {
		err    error
		code   string
		status int
		retry  string
	}{
		{node.ErrBusy, "busy", 429, "1"},
		{node.ErrNotFinal, "not_final", 503, "5"},
		{node.ErrClock, "clock", 503, "5"},
		{node.ErrStopped, "stopped", 503, "5"},
		{errDraining, "stopped", 503, "5"},
		{node.ErrNotFound, "not_found", 404, ""},
		{store.ErrAway, "store_away", 503, "5"},
		{errors.Join(context.DeadlineExceeded, store.ErrAway), "store_away", 503, "5"},
		{store.ErrPruned, "pruned", 410, ""},
		{blob.ErrNotFound, "not_found", 404, ""},
		{coordinator.ErrUnavailable, "not_found", 404, ""},
		{blob.ErrFull, "storage_full", 507, ""},
		{ledger.ErrMalformed, "malformed", 400, ""},
		{context.DeadlineExceeded, "wait_timeout", 504, ""},
		{contract.Errorf(contract.CodeTooEarly, "wait"), "too_early", 409, ""},
		{contract.Errorf("a_code_of_later", "wait"), "refused", 422, ""},
		{spec, "bad_spec", 422, ""},
		{errors.New("disk 7 is on fire"), "internal", 500, ""},
		{fail("busy", ""), "busy", 429, ""},
	} {
		f := failureOf(fmt.Errorf("the action under way: %w", c.err))
		if f.Code() != c.code || f.Status != c.status || f.header.Get("Retry-After") != c.retry {
			t.Errorf("%v is %s, %d, Retry-After %q", c.err, f.Code(), f.Status, f.header.Get("Retry-After"))
		}
		if strings.Contains(f.Detail, "fire") {
			t.Errorf("the problem tells %q", f.Detail)
		}
	}
}
