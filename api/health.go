package api

import (
	"io"
	"net/http"

	"github.com/librum/librum/chain/node"
)

func (s *server) healthRoutes() {
	s.mux.HandleFunc("GET "+pathHealth, func(w http.ResponseWriter, _ *http.Request) { writeOK(w) })
	s.mux.HandleFunc("GET "+pathReady, s.ready)
	metrics := s.metrics.handler()
	s.mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.permit(r.Context(), operationMetrics); err != nil {
			writeFailure(w, failureOf(err))
			return
		}
		metrics.ServeHTTP(w, r)
	})
}

// ready answers 200 where the node takes transactions.
func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	status := s.Node.Status()
	switch {
	case status.Err != nil:
		writeFailure(w, fail("not_ready", "the node has stopped"))
	case status.Diverged:
		writeFailure(w, fail("not_ready", "the node's header differs from the quorum's"))
	case status.NotFinal >= node.MaxNotFinal:
		writeFailure(w, fail("not_ready", "too many blocks are not final"))
	default:
		writeOK(w)
	}
}

func writeOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"status":"ok"}`+"\n") // the client has gone if it cannot be written
}
