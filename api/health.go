package api

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/librum/librum/chain/node"
)

func (s *server) healthRoutes() {
	s.mux.HandleFunc("GET "+pathHealth, func(w http.ResponseWriter, _ *http.Request) { writeOK(w) })
	s.mux.HandleFunc("GET "+pathReady, s.ready)
	metrics := s.metrics.handler()
	s.mux.HandleFunc("GET "+pathMetrics, func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.permit(r.Context(), operationMetrics); err != nil {
			writeFailure(w, failureOf(err))
			return
		}
		metrics.ServeHTTP(w, r)
	})
}

// ready answers 200 where the node takes transactions.
func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	if why := hindrance(s.Node.Status(), s.Node.StoreWait(), s.Node.LogWait(), s.Node.Lag()); why != "" {
		writeFailure(w, fail("not_ready", why))
		return
	}
	if s.indexed().Err != nil { // transactions need none
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"ok","search":"the index does not follow; the log says why"}`+"\n") // the client has gone if it cannot be written
		return
	}
	writeOK(w)
}

// awayAfter is how long an engine may take to answer before it counts as away.
const awayAfter = 5 * time.Second

// hindrance says why a node takes no transactions, or nothing.
func hindrance(status node.Status, storeWait, logWait time.Duration, lag node.Lag) string {
	switch {
	case status.Err != nil:
		return "the node has stopped"
	case status.Diverged:
		return "the node's header differs from the quorum's"
	case status.NotFinal >= node.MaxNotFinal:
		return "too many blocks are not final"
	case storeWait > awayAfter:
		return "the node's store does not answer"
	case logWait > awayAfter:
		return "the log takes no records"
	case lag.Records > 0:
		return fmt.Sprintf("log time is %s behind the node's clock: %d records of the log are not executed yet", lag.LogTime.Round(time.Second), lag.Records)
	case lag.LogTime > 0:
		return fmt.Sprintf("log time is %s behind the node's clock: too few nodes put theirs on the log", lag.LogTime.Round(time.Second))
	}
	return ""
}

func writeOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"status":"ok"}`+"\n") // the client has gone if it cannot be written
}
