package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
)

func (s *server) eventRoutes() {
	handle(s, huma.Operation{
		OperationID: operationFollow, Method: http.MethodGet, Path: "/v1/jobs/{id}/events", Tags: []string{"jobs"},
		Summary: "Follow a job's events",
		Description: "Server-sent events: everything the ledger said about the job from its start, then live, until it ends. " +
			"The id is the position behind which to go on with Last-Event-ID; it stands on the last event of a transaction, " +
			"so after a broken connection some events may come twice (position and n tell). " +
			"204 where the job has ended and its last event was received: do not come again.",
		Responses: map[string]*huma.Response{
			"200": {
				Description: "A stream whose data are events",
				Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: schemaOf[v1.Event](s.huma.OpenAPI().Components.Schemas)}},
			},
			"204": {Description: "The job has ended and nothing lies behind Last-Event-ID"},
		},
	}, s.followJob)
}

type followInput struct {
	JobPath

	LastEventID string `header:"Last-Event-ID" doc:"The newest id that was received."`
}

func (s *server) followJob(ctx context.Context, in *followInput) (*huma.StreamResponse, error) {
	row, _, err := s.visibleJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	from, err := parseEventID(in.LastEventID)
	if err != nil {
		return nil, err
	}
	if in.LastEventID == "" {
		if from, err = s.positionAt(ctx, row.Created); err != nil {
			return nil, err
		}
	}
	leave, err := s.streams.enter(callerOf(ctx).Member)
	if err != nil {
		return nil, err
	}
	if over, err := s.behindEnd(ctx, in.ID, row.Ended, from); err != nil || over {
		leave()
		return &huma.StreamResponse{Body: func(ctx huma.Context) { ctx.SetStatus(http.StatusNoContent) }}, err
	}
	scope := callerOf(ctx).scope
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer leave()
		r, w := humago.Unwrap(ctx)
		s.stream(r, w, in.ID, from, scope)
	}}, nil
}

// parseEventID returns the position behind an id, or the zero position for
// none.
func parseEventID(id string) (ledger.Position, error) {
	if id == "" {
		return ledger.Position{}, nil
	}
	offset, index, ok := strings.Cut(id, ".")
	o, errOffset := strconv.ParseUint(offset, 10, 64)
	i, errIndex := strconv.ParseUint(index, 10, 32)
	if !ok || errOffset != nil || errIndex != nil || i == 1<<32-1 {
		return ledger.Position{}, invalidField("header.Last-Event-ID", "want the id of an event, offset.index")
	}
	return ledger.Position{Offset: o, Index: uint32(i) + 1}, nil
}

// positionAt returns a position at or before the first transaction of that log
// time, so that a stream need not read the whole chain.
func (s *server) positionAt(ctx context.Context, logTime int64) (ledger.Position, error) {
	status := s.Node.Status()
	var failed error
	header := func(height int) (ledger.Header, error) {
		raw, _, err := s.Node.Header(ctx, uint64(height))
		if err != nil {
			return ledger.Header{}, err
		}
		return ledger.ParseHeader(raw)
	}
	// A block's log time is that of its last record: the first block not
	// before the time holds the first such transaction or lies before it.
	lowest := int(max(status.Floor, 1))
	height := lowest + sort.Search(int(status.Height)+1-lowest, func(i int) bool {
		h, err := header(lowest + i)
		if err != nil {
			failed = err
		}
		return err != nil || h.LogTime >= logTime
	})
	if failed != nil {
		return ledger.Position{}, fmt.Errorf("find log time %d: %w", logTime, failed)
	}
	if height == lowest && status.Floor == 0 {
		return ledger.Position{}, nil
	}
	if height == lowest {
		h, err := header(height) // what lay before it is not kept
		return h.First, err
	}
	h, err := header(height - 1)
	return ledger.Position{Offset: h.Last.Offset + 1}, err
}

// behindEnd reports whether the job ended, at a log time that is not 0, before
// the position, so that no event is left to follow.
func (s *server) behindEnd(ctx context.Context, id ledger.Digest, ended int64, from ledger.Position) (bool, error) {
	if ended == 0 {
		return false, nil
	}
	near, err := s.positionAt(ctx, ended)
	if err != nil || from.Less(near) {
		return false, err
	}
	// The end lies at near or a little behind it, and was executed: this finds
	// it without waiting for anything new.
	ctx, cancel := waiting(ctx, s.Limits.Wait)
	defer cancel()
	var end ledger.Position
	err = s.Node.Follow(ctx, near, func(o node.Outcome) error {
		if _, ends := s.jobEvents(&o, id); ends {
			end = o.Position
			return errEnded
		}
		return nil
	})
	if !errors.Is(err, errEnded) {
		return false, fmt.Errorf("find the end of job %s: %w", id, err)
	}
	return end.Less(from), nil
}

// jobEvents returns the events of an outcome that are about the job, and
// whether one of them ends it.
func (s *server) jobEvents(o *node.Outcome, id ledger.Digest) (events []v1.Event, ends bool) {
	for n, e := range o.Events {
		var about struct {
			Job ledger.Digest `cbor:"job"`
		}
		if s.decoder.Unmarshal(e.Data, &about) != nil || about.Job != id {
			continue
		}
		events = append(events, v1.Event{
			Type: e.Type, Position: o.Position.String(), N: n, LogTime: o.LogTime, Data: toJSON(s.decoder, e.Data),
		})
		ends = ends || v1.EndsJob(e.Type)
	}
	return events, ends
}
