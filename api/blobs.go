package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

const typeBinary = "application/octet-stream"

func (s *server) blobRoutes() {
	handle(s, huma.Operation{
		OperationID: "get-blob", Method: http.MethodGet, Path: "/v1/blobs/{digest}", Tags: []string{"content"},
		Summary:     "Content by its SHA-256",
		Description: "Models and model cards; updates are read by attesting nodes alone. With Range, If-Range and If-None-Match (RFC 9110); the ETag is the digest.",
		Responses:   contentResponses(),
	}, s.blob)
}

type blobPath struct {
	Digest ledger.Digest `path:"digest" doc:"SHA-256 of the content."`
}

func (s *server) blob(ctx context.Context, in *blobPath) (*huma.StreamResponse, error) {
	c := callerOf(ctx)
	file, seen, err := s.public.find(ctx, in.Digest, func(jobs []ledger.Digest) (bool, error) { return s.seesAny(ctx, c, jobs) })
	switch {
	case err != nil:
		return nil, err
	case file == nil:
		return nil, fail("not_found", in.Digest.String()+" is no model or card that the ledger names")
	case !seen:
		return nil, notPermitted("content %s is of no job that member %s created or was asked by", in.Digest, c.Member)
	}
	return s.serveBlob(ctx, file.File, "")
}

func contentResponses() map[string]*huma.Response {
	content := map[string]*huma.MediaType{typeBinary: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
	return map[string]*huma.Response{
		"200": {Description: "The content", Content: content},
		"206": {Description: "The range asked for", Content: content},
		"304": {Description: "What the client has is right"},
	}
}

// serveBlob answers with content. It never changes under its name, so whoever
// has it may keep it. A file name offers it as a download.
func (s *server) serveBlob(ctx context.Context, file v1.File, fileName string) (*huma.StreamResponse, error) {
	ctx, cancel := bounded(ctx, s.Limits.Wait)
	defer cancel()
	if err := s.Coordinator.Ensure(ctx, file.Digest, file.Size); err != nil {
		return nil, err
	}
	content, err := s.Blobs.Get(ctx, file.Digest)
	if err != nil {
		return nil, err
	}
	return s.serveContent(content, file.Digest, fileName), nil //nolint:contextcheck // the framework hands the request in again
}

// serveContent answers with open content, and closes it.
func (s *server) serveContent(content blob.Blob, digest ledger.Digest, fileName string) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		defer s.closeBlob(r.Context(), content)
		h := w.Header()
		h.Set("ETag", etag(digest))
		h.Set("Content-Type", typeBinary)
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
		if fileName != "" {
			h.Set("Content-Disposition", `attachment; filename="`+fileName+`"`)
		}
		steady := &steadyWriter{ResponseWriter: w, control: http.NewResponseController(w), idle: s.Limits.Idle, rate: s.Limits.PartRate}
		out := &contentWriter{ResponseWriter: steady}
		source := &watched{ReadSeeker: io.NewSectionReader(content, 0, content.Size())}
		extend(r.Context(), s.Limits.Idle)
		http.ServeContent(out, r, "", time.Time{}, source)
		if source.err != nil { // the length that was announced is not reached: the client sees it
			s.Logger.LogAttrs(r.Context(), slog.LevelError, "content cannot be read",
				slog.String("digest", digest.String()), slog.Any("error", source.err))
		}
	}}
}

// contentWriter tells refused conditions as problems; net/http tells them in
// plain text.
type contentWriter struct {
	http.ResponseWriter

	refused bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *contentWriter) WriteHeader(status int) {
	var f *failure
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		f = fail("range_not_satisfiable", "the header Content-Range says how long the content is")
	case http.StatusPreconditionFailed:
		f = fail("precondition_failed", "the ETag is the content's digest")
	default:
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.refused = true
	w.Header().Del("Content-Length")
	writeFailure(w.ResponseWriter, f)
}

// Write implements [http.ResponseWriter].
func (w *contentWriter) Write(b []byte) (int, error) {
	if w.refused {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

func (s *server) closeBlob(ctx context.Context, content blob.Blob) {
	if err := content.Close(); err != nil {
		s.Logger.LogAttrs(ctx, slog.LevelError, "close content", slog.Any("error", err))
	}
}

// watched remembers why content could not be read.
type watched struct {
	io.ReadSeeker

	err error
}

// Read implements [io.Reader].
func (w *watched) Read(b []byte) (int, error) {
	n, err := w.ReadSeeker.Read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // readers return io.EOF itself
		w.err = err
	}
	return n, err
}
