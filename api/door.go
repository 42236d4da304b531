package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
)

// ServeHTTP implements [http.Handler]: what holds for every request stands
// here, once.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	answer := &answer{ResponseWriter: w}
	in := &incoming{ReadCloser: r.Body, now: s.Now, answer: answer}
	control := http.NewResponseController(answer)
	r = r.WithContext(context.WithValue(r.Context(), controlKey{}, control))
	r.Body = in
	defer func() { s.observe(r, answer, time.Since(start)) }()
	defer s.recover(r, answer)

	header := w.Header()
	header.Set(v1.PositionHeader, strconv.FormatUint(s.Node.Status().Next, 10))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	r, err := s.admit(r, in)
	if err != nil {
		if f, ok := asFailure(s.refuse(r.Context(), "admit", err)); ok {
			writeFailure(answer, f)
		}
		return
	}
	header.Set(v1.PositionHeader, strconv.FormatUint(s.Node.Status().Next, 10)) // it may have waited
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.refuseRoute(answer, r)
		return
	}
	s.mux.ServeHTTP(answer, r)
}

// admit finds out who asks, counts what it asks, and waits for what it must see.
// It returns the request as the routes get it.
func (s *server) admit(r *http.Request, b *incoming) (*http.Request, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return r, fail("unsupported_media_type", "no Content-Encoding is read: send the body as it is").with("Accept-Encoding", "identity")
	}
	// While the store is away nobody is made to wait with the node.
	away := s.Node.StoreWait() > awayAfter
	if away && !needsNoStore(r) {
		return r, store.ErrAway
	}
	if isPublic(r) {
		return r, s.admitStranger(r)
	}
	c, err := s.recognise(r, away)
	if err != nil {
		if limited := s.admitStranger(r); limited != nil {
			err = limited
		}
		return r, err
	}
	m := s.members.of(c.Member)
	if wait, ok := m.admit(s.Now()); !ok {
		return r, tooMany(wait)
	}
	b.meter = m
	b.answer.charge = func(n int) { m.charge(s.Now(), n) }
	ctx := node.WithCharge(r.Context(), func(n int) { m.charge(s.Now(), n*costOfDecoding) })
	r = r.WithContext(context.WithValue(ctx, callerKey{}, c))
	return s.settle(r)
}

// admitStranger counts a request without a token that counts.
func (s *server) admitStranger(r *http.Request) error {
	if wait, ok := s.strangers.of(addressOf(r)).admit(s.Now()); !ok {
		return tooMany(wait)
	}
	return nil
}

// isPublic reports whether a request needs no token.
func isPublic(r *http.Request) bool {
	switch r.URL.Path {
	case pathHealth, pathReady, pathOpenAPI:
		return true
	case pathBearerTokens:
		return r.Method == http.MethodPost // signed by the member's own key
	}
	return false
}

// needsNoStore reports whether a request is answered from what the node has in
// memory, once it is known who asks.
func needsNoStore(r *http.Request) bool {
	switch r.URL.Path {
	case pathHealth, pathReady, pathOpenAPI, pathMetrics, pathStatus:
		return true
	}
	return false
}

// refuseRoute answers where the mux has nothing: it knows which methods the
// path has, and says so in plain text.
func (s *server) refuseRoute(w http.ResponseWriter, r *http.Request) {
	probe := &discarded{header: http.Header{}}
	s.mux.ServeHTTP(probe, r)
	if allow := probe.header.Get("Allow"); probe.status == http.StatusMethodNotAllowed {
		writeFailure(w, fail("method_not_allowed", "this route has "+allow).with("Allow", allow))
		return
	}
	writeFailure(w, fail("no_route", "/openapi.json lists all routes"))
}

// recover turns a panic into a problem without details. Where the answer has
// begun it can only be cut off.
func (s *server) recover(r *http.Request, w *answer) {
	reason := recover()
	if reason == nil {
		return
	}
	if reason != http.ErrAbortHandler { //nolint:errorlint // the value that net/http compares with
		s.Logger.LogAttrs(r.Context(), slog.LevelError, "request panicked", slog.String("route", r.Pattern),
			slog.Any("reason", reason), slog.String("stack", string(debug.Stack())))
	}
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	writeFailure(w, fail("internal", "the node's log says more"))
}

// observe counts and logs a request: never its query, header or body.
func (s *server) observe(r *http.Request, w *answer, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	s.metrics.observe(route, w.status, took)
	s.Logger.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("route", route), slog.Int("status", w.status),
		slog.Int64("bytes", w.bytes), slog.Duration("took", took), slog.String("remote", r.RemoteAddr))
}

// refuse maps an error to its problem and logs what is not the client's
// doing. A client that has gone reads no problem.
func (s *server) refuse(ctx context.Context, operation string, err error) error {
	if errors.Is(err, errGone) || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		s.Logger.LogAttrs(ctx, slog.LevelDebug, "request given up", slog.String("operation", operation), slog.Any("error", err))
		return givenUp()
	}
	f := failureOf(err)
	if f.Status >= http.StatusInternalServerError && f.cause != nil {
		s.Logger.LogAttrs(ctx, slog.LevelError, "request refused", slog.String("operation", operation),
			slog.String("problem", f.Code()), slog.Any("error", f.cause))
	}
	return f
}

// writeFailure answers outside the framework.
func writeFailure(w http.ResponseWriter, f *failure) {
	maps.Copy(w.Header(), f.header)
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(f.Status)
	_ = json.NewEncoder(w).Encode(f.Problem) // the client has gone if it cannot be written
}

// answer remembers what was answered.
type answer struct {
	http.ResponseWriter

	status int
	bytes  int64
	charge func(int) // counts what is written; nil for nobody
	unread error     // why the request's body ended early
	// instead is the status to answer with where the framework has settled on
	// another one before it asks for the problem.
	instead int
}

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	if a.instead != 0 {
		status = a.instead
	}
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	if a.charge != nil {
		a.charge(n)
	}
	return n, err
}

// Unwrap gives [http.ResponseController] the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// discarded takes an answer that nobody gets.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarded) WriteHeader(status int)      { d.status = status }
