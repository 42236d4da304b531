package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
)

// told is what one transaction said about a job.
type told struct {
	events []v1.Event
	ends   bool
}

// errEnded ends the following of a job that has ended.
var errEnded = errors.New("the job has ended")

// stream writes a job's events until it ends, the client leaves or may follow no
// more, or the server drains. A comment now and then shows both sides that the
// other is there.
func (s *server) stream(r *http.Request, w http.ResponseWriter, id ledger.Digest, from ledger.Position, scope Scope) {
	ctx, cancel := drained(r.Context())
	defer cancel()
	control := http.NewResponseController(w)
	extend(ctx, s.Limits.Heartbeat)
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)

	found := make(chan told)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(found)
		// Why following ended is told by the end of the stream; the client
		// comes again with its last id.
		_ = s.Node.Follow(ctx, from, func(o node.Outcome) error { return s.tell(ctx, &o, id, found) })
	}()
	defer func() { <-done }()
	defer cancel()

	ticker := time.NewTicker(s.Limits.Heartbeat)
	defer ticker.Stop()
	if writeEvents(control, w, ": following "+id.String()+"\n\n") != nil {
		return
	}
	for {
		text := ": still there\n\n"
		var t told
		var open bool
		select {
		case <-ticker.C:
		case t, open = <-found:
			if !open {
				return
			}
			text = eventText(t.events)
		}
		if !s.mayFollowOn(r, scope) {
			return // coming again, the client is told why
		}
		extend(ctx, s.Limits.Heartbeat)
		if writeEvents(control, w, text) != nil || t.ends {
			return
		}
	}
}

// mayFollowOn reports whether a stream's caller is still let in as when it began:
// streams last for days, and tokens are revoked and members frozen meanwhile.
func (s *server) mayFollowOn(r *http.Request, scope Scope) bool {
	c, err := s.identify(r)
	if err != nil {
		return false
	}
	ctx, err := s.permit(context.WithValue(r.Context(), callerKey{}, c), operationFollow)
	return err == nil && callerOf(ctx).scope == scope
}

// tell passes the events of an outcome on.
func (s *server) tell(ctx context.Context, o *node.Outcome, id ledger.Digest, found chan<- told) error {
	events, ends := s.jobEvents(o, id)
	if len(events) == 0 {
		return nil
	}
	select {
	case found <- told{events, ends}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ends {
		return errEnded
	}
	return nil
}

// eventText writes the events of one transaction. Only the last has an id:
// resuming behind it must not lose the others.
func eventText(events []v1.Event) string {
	var text strings.Builder
	for i, e := range events {
		data, err := json.Marshal(e)
		if err != nil { // its parts were encoded before
			data = []byte("{}")
		}
		id := ""
		if i == len(events)-1 {
			id = "id: " + e.Position + "\n"
		}
		_, _ = fmt.Fprintf(&text, "%sevent: %s\ndata: %s\n\n", id, e.Type, data) // a builder takes all
	}
	return text.String()
}

func writeEvents(control *http.ResponseController, w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return control.Flush()
}
