package api

import (
	"context"
	"errors"
	"strconv"
	"syscall"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/search/query"
)

// failureOf maps errors of the parts behind the door. What it does not know is
// internal and shows nothing.
func failureOf(err error) *failure {
	if f, ok := asFailure(err); ok {
		return f
	}
	if f, ok := asFailure(aggregationFailure(err)); ok {
		return f
	}
	var spec *job.SpecError
	var refused *contract.Error
	switch {
	case errors.As(err, &spec):
		return specFailure(spec)
	case errors.As(err, &refused):
		return fail(string(refused.Code), refused.Detail)
	case errors.Is(err, node.ErrBusy):
		return fail("busy", "try again in a second").retry(time.Second)
	case errors.Is(err, node.ErrNotFinal):
		return fail("not_final", "try again in a few seconds").retry(5 * time.Second)
	case errors.Is(err, node.ErrClock):
		return fail("clock", "try again in a few seconds").retry(5 * time.Second)
	case errors.Is(err, node.ErrOutside):
		return fail("outside", "another node takes the same bytes")
	case errors.Is(err, node.ErrStopped), errors.Is(err, errDraining):
		return fail("stopped", "the node is stopping").retry(5 * time.Second).because(err)
	case errors.Is(err, store.ErrAway):
		return fail("store_away", "try again in a few seconds, or at another node").retry(5 * time.Second)
	case errors.Is(err, store.ErrPruned):
		return fail("pruned", err.Error())
	case errors.Is(err, node.ErrNotFound):
		return fail("not_found", err.Error())
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, coordinator.ErrUnavailable), errors.Is(err, coordinator.ErrNotFound):
		return fail("not_found", "this node has no such content")
	case errors.Is(err, blob.ErrFull):
		return fail("storage_full", "").because(err)
	case errors.Is(err, ledger.ErrMalformed):
		return fail("malformed", err.Error())
	case errors.Is(err, query.ErrRequest), isSyntax(err):
		return fail("bad_query", err.Error())
	case errors.Is(err, query.ErrAway):
		return fail("index_away", indexTrouble(err)+"; the node tries again").retry(30 * time.Second)
	case errors.Is(err, query.ErrNotReady):
		return fail("index_building", "try again in a few seconds").retry(3 * time.Second)
	case errors.Is(err, context.DeadlineExceeded):
		return fail("wait_timeout", "what was waited for did not come in time; ask again")
	}
	return fail("internal", "the node's log says more").because(err)
}

// indexTrouble says why the index is away in the system's words, which name no path.
func indexTrouble(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return "the index cannot be opened: " + errno.Error()
	}
	return "the index cannot be opened: the node's log says why"
}

func specFailure(spec *job.SpecError) *failure {
	f := fail("bad_spec", "")
	for _, p := range spec.Problems {
		field := "body"
		if p.Field != "" {
			field += "." + p.Field
		}
		message := p.Allowed
		if p.Value != "" {
			message = p.Value + " is not allowed; want " + p.Allowed
		}
		f.Errors = append(f.Errors, v1.FieldError{Field: field, Message: message})
	}
	f.Errors = someErrors(f.Errors)
	return f
}

// maxFieldErrors bounds how many fields a problem lists: an answer must not be
// much larger than the request.
const maxFieldErrors = 100

func someErrors(all []v1.FieldError) []v1.FieldError {
	if len(all) <= maxFieldErrors {
		return all
	}
	rest := len(all) - maxFieldErrors
	return append(all[:maxFieldErrors:maxFieldErrors], v1.FieldError{Field: "body", Message: strconv.Itoa(rest) + " more fields are wrong"})
}
