package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	v1 "github.com/librum/librum/api/v1"
)

// failure is a problem on its way to the client.
type failure struct {
	v1.Problem

	header http.Header
	cause  error // for the log alone
}

// fail returns the problem of the given kind.
func fail(code, detail string) *failure {
	kind := kindOf(code)
	return &failure{Problem: v1.Problem{
		Type: v1.ProblemBase + kind.Code, Title: kind.Title, Status: kind.Status, Detail: detail,
	}}
}

// statusGivenUp counts requests whose clients have gone before the answer. HTTP has no
// status for it, since nobody reads it; this is nginx's.
const statusGivenUp = 499

// givenUp stands for the answer to a client that has gone (RFC 9457 §4.2.1).
func givenUp() *failure {
	return &failure{Problem: v1.Problem{Type: "about:blank", Title: "The client has gone", Status: statusGivenUp}}
}

// retry tells the client when to try again.
func (f *failure) retry(after time.Duration) *failure {
	return f.with("Retry-After", strconv.Itoa(max(1, int(after.Seconds()))))
}

// with adds a header to the answer.
func (f *failure) with(name, value string) *failure {
	if f.header == nil {
		f.header = http.Header{}
	}
	f.header.Set(name, value)
	return f
}

// because keeps the cause for the log.
func (f *failure) because(err error) *failure {
	f.cause = err
	return f
}

func (f *failure) Error() string { return f.Code() + ": " + f.Detail }

// Unwrap returns what went wrong inside.
func (f *failure) Unwrap() error { return f.cause }

// GetStatus implements [huma.StatusError].
func (f *failure) GetStatus() int { return f.Status }

// GetHeaders implements [huma.HeadersError].
func (f *failure) GetHeaders() http.Header { return f.header }

// ContentType implements [huma.ContentTypeFilter].
func (*failure) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// fromHuma turns what the framework refuses into one of our problems. The
// values it quotes are left out: they may be secrets, or megabytes.
func (s *server) fromHuma(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if problem, ok := s.unread(ctx, model.Status); ok {
		return problem, nil
	}
	f := fail(codeOfStatus(model.Status), model.Detail)
	f.Status = model.Status
	if model.Status == http.StatusRequestEntityTooLarge { // the framework counts one too many
		f = tooLong(ctx.Operation().MaxBodyBytes - 1)
	}
	for _, e := range model.Errors {
		f.Errors = append(f.Errors, v1.FieldError{Field: e.Location, Message: e.Message})
	}
	f.Errors = someErrors(f.Errors)
	return f, nil
}

// unread returns the problem of a body that ended early, which the framework takes
// for the node's; false where that is not what it refuses.
func (s *server) unread(ctx huma.Context, status int) (problem any, ok bool) {
	_, w := humago.Unwrap(ctx)
	a, ok := w.(*answer)
	if !ok || a.unread == nil || status != http.StatusInternalServerError {
		return nil, false
	}
	f, _ := asFailure(s.refuse(ctx.Context(), ctx.Operation().OperationID, unreadable(a.unread)))
	a.instead = f.Status
	return f, true
}

func codeOfStatus(status int) string {
	for _, kind := range Problems() {
		if kind.Status == status && kind.framework {
			return kind.Code
		}
	}
	return "internal"
}

// asFailure finds the problem in an error.
func asFailure(err error) (*failure, bool) {
	var f *failure
	ok := errors.As(err, &f)
	return f, ok
}
