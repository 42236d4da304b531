package api

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// errGone: the client went away in the middle of its request.
var errGone = errors.New("the client has gone")

// incoming is a request's body, which whoever pays for it is charged with as it is read.
// The answer remembers why it ended early.
type incoming struct {
	io.ReadCloser

	meter  *meter // nil: nobody pays
	now    func() time.Time
	answer *answer
}

// Read implements [io.Reader].
func (b *incoming) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.meter != nil {
		b.meter.charge(b.now(), n)
	}
	if err != nil && err != io.EOF {
		b.answer.unread = err
	}
	return n, err
}

// unreadable says what it means that a body ended early.
func unreadable(err error) error {
	switch {
	case isTimeout(err):
		return fail("body_timeout", "the body came too slowly")
	case isGone(err):
		return fmt.Errorf("%w: read the body: %w", errGone, err)
	}
	return fail("bad_request", "the body is not sent as HTTP wants: "+err.Error()) // broken chunks
}

// isGone reports whether it was the connection that ended.
func isGone(err error) bool {
	var broken *net.OpError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &broken)
}

func isTimeout(err error) bool {
	var slow net.Error
	return errors.As(err, &slow) && slow.Timeout()
}

// boundBody refuses a body that is announced to be longer than the operation reads,
// at once: the framework would read as much as it may before it says so.
func (s *server) boundBody(hc huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(hc)
	// What may be read is one less than the framework's bound.
	if most := hc.Operation().MaxBodyBytes - 1; most >= 0 && r.ContentLength > most {
		writeFailure(w, tooLong(most))
		return
	}
	next(hc)
}

func tooLong(most int64) *failure {
	return fail("body_too_large", fmt.Sprintf("at most %d bytes are allowed", most))
}

// boundPart refuses a part that is announced to be longer than what is missing of
// size bytes, at once.
func boundPart(r *http.Request, offset, size int64) error {
	if offset <= size && r.ContentLength > size-offset {
		return fail("body_too_large", fmt.Sprintf("%d bytes from offset %d on pass the %d bytes announced", r.ContentLength, offset, size))
	}
	return nil
}
