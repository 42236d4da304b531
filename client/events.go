package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// maxEventBytes bounds a line of a stream.
const maxEventBytes = 4 << 20

// Events follows a job: all that the ledger said about it, from its start or
// behind the position after ("" for the start), then live, each event once,
// until the event that ends it. A broken stream is taken up where it stopped.
// An error ends the sequence.
func (c *Client) Events(ctx context.Context, id ledger.Digest, after string) iter.Seq2[v1.Event, error] {
	return func(yield func(v1.Event, error) bool) {
		f := follower{Client: c, path: jobPath(id) + "/events", lastID: after, yield: yield}
		rests := c.rests()
		for {
			before := f.count
			err := f.stream(ctx)
			if f.done {
				return
			}
			if f.count > before {
				rests.progress()
			}
			var p *Problem
			if errors.As(err, &p) && !p.temporary() || ctx.Err() != nil || !rests.rest(ctx, retryAfter(p)) {
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				yield(v1.Event{}, fmt.Errorf("follow job %s: %w", id.Short(), err))
				return
			}
		}
	}
}

// follower reads one stream after another.
type follower struct {
	*Client

	path   string
	lastID string // sent as Last-Event-ID
	newest place  // of the newest event passed on
	count  int
	done   bool // the job has ended or the caller wants no more
	yield  func(v1.Event, error) bool
}

// stream reads one stream to its end.
func (f *follower) stream(ctx context.Context) error {
	ctx, touch, stop := watch(ctx, f.options.Idle)
	defer stop()
	request, err := f.request(ctx, http.MethodGet, f.path, nil, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/event-stream")
	if f.lastID != "" {
		request.Header.Set("Last-Event-ID", f.lastID)
	}
	response, err := f.http.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", f.base.Host, err)
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNoContent: // the job has ended and nothing lies behind the last id
		f.done = true
		return nil
	default:
		return readProblem(response)
	}
	lines := bufio.NewScanner(&moving{response.Body, touch})
	lines.Buffer(nil, maxEventBytes)
	var id, data string
	for lines.Scan() {
		switch name, value, _ := strings.Cut(lines.Text(), ":"); {
		case lines.Text() == "":
			if err := f.event(id, data); err != nil || f.done {
				return err
			}
			id, data = "", ""
		case name == "id":
			id = strings.TrimPrefix(value, " ")
		case name == "data":
			data += strings.TrimPrefix(value, " ")
		}
	}
	if lines.Err() != nil {
		return fmt.Errorf("read the stream: %w", lines.Err())
	}
	return io.ErrUnexpectedEOF
}

// event passes an event on, unless it came before.
func (f *follower) event(id, data string) error {
	if data == "" {
		return nil
	}
	var e v1.Event
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return fmt.Errorf("read an event: %w", err)
	}
	at, err := placeOf(e)
	if err != nil {
		return err
	}
	if f.count == 0 || f.newest.less(at) {
		f.newest, f.count = at, f.count+1
		f.done = !f.yield(e, nil) || v1.EndsJob(e.Type)
	}
	if id != "" {
		f.lastID = id
	}
	return nil
}

// place orders events.
type place struct {
	ledger.Position

	n int
}

func placeOf(e v1.Event) (place, error) {
	offset, index, _ := strings.Cut(e.Position, ".")
	o, err1 := strconv.ParseUint(offset, 10, 64)
	i, err2 := strconv.ParseUint(index, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return place{}, fmt.Errorf("read the position of an event: %w", err)
	}
	return place{ledger.Position{Offset: o, Index: uint32(i)}, e.N}, nil
}

func (p place) less(q place) bool {
	return p.Less(q.Position) || p.Position == q.Position && p.n < q.n
}
