package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

// The paths of streams. Behind that of training stands a job's id.
const (
	pathBlocks   = "blocks"
	pathTraining = "training/"
)

// eventFinal tells that a round's result stands.
const eventFinal = "round.final"

// lookEvery is how often a stream of blocks looks whether there are more.
const lookEvery = time.Second

// channel is the name under which Grafana Live knows a stream of this source.
func (s *Source) channel(path string) string { return "ds/" + s.uid + "/" + path }

// SubscribeStream implements [backend.StreamHandler].
func (s *Source) SubscribeStream(ctx context.Context, request *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	refuse := func(status backend.SubscribeStreamStatus) (*backend.SubscribeStreamResponse, error) {
		return &backend.SubscribeStreamResponse{Status: status}, nil
	}
	if s.wrong != nil {
		return refuse(backend.SubscribeStreamStatusPermissionDenied)
	}
	if request.Path == pathBlocks {
		return refuse(backend.SubscribeStreamStatusOK)
	}
	id, ok := jobOf(request.Path)
	if !ok {
		return refuse(backend.SubscribeStreamStatusNotFound)
	}
	switch _, err := s.client.Job(ctx, id); {
	case err == nil:
		return refuse(backend.SubscribeStreamStatusOK)
	case causeOf(err).status == http.StatusNotFound:
		return refuse(backend.SubscribeStreamStatusNotFound)
	case causeOf(err).status == http.StatusForbidden, causeOf(err).status == http.StatusUnauthorized:
		return refuse(backend.SubscribeStreamStatusPermissionDenied)
	default:
		return nil, backend.DownstreamError(err)
	}
}

func jobOf(path string) (ledger.Digest, bool) {
	text, ok := strings.CutPrefix(path, pathTraining)
	if !ok {
		return ledger.Digest{}, false
	}
	id, err := ledger.ParseDigest(text)
	return id, err == nil
}

// PublishStream implements [backend.StreamHandler]: nobody writes here.
func (s *Source) PublishStream(context.Context, *backend.PublishStreamRequest) (*backend.PublishStreamResponse, error) {
	return &backend.PublishStreamResponse{Status: backend.PublishStreamStatusPermissionDenied}, nil
}

// RunStream implements [backend.StreamHandler]. It ends with the context, with the
// job, or with an error, upon which Grafana begins again.
func (s *Source) RunStream(ctx context.Context, request *backend.RunStreamRequest, sender *backend.StreamSender) error {
	if s.wrong != nil {
		return backend.DownstreamError(s.wrong)
	}
	send := func(f *data.Frame) error { return sender.SendFrame(f, data.IncludeAll) }
	var err error
	if id, ok := jobOf(request.Path); ok {
		err = s.streamRounds(ctx, id, send)
	} else {
		err = s.streamBlocks(ctx, send)
	}
	if ctx.Err() != nil || err == nil {
		return nil //nolint:nilerr // Grafana wants no more
	}
	return backend.DownstreamError(fmt.Errorf("stream %s: %w", request.Path, err))
}

// streamBlocks sends what is indexed from now on.
func (s *Source) streamBlocks(ctx context.Context, send func(*data.Frame) error) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	height, begun := uint64(0), false
	for {
		query := "kind:block"
		if begun {
			query += " height>" + strconv.FormatUint(height, 10)
		}
		r := &v1.SearchRequest{Query: query, Sort: columnHeight, Order: "asc", Limit: new(pageRows)}
		if !begun {
			r.Order, r.Limit = "desc", new(1)
		}
		answer, err := s.client.Search(ctx, r)
		switch {
		case err != nil && !temporary(err):
			return err
		case err == nil && begun && len(answer.Hits) > 0:
			if err := send(liveBlocks(answer.Hits)); err != nil {
				return err
			}
		}
		if err == nil {
			begun = true
			for i := range answer.Hits {
				height = max(height, answer.Hits[i].Height)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// temporary reports whether asking again may help.
func temporary(err error) bool {
	var p *client.Problem
	if !errors.As(err, &p) {
		return true // not reached
	}
	return p.Status == http.StatusTooManyRequests || p.Status >= http.StatusBadGateway
}

// streamRounds sends each round of a job that becomes final from now on, until
// the job ends. Events only wake it: what it sends it reads of the rounds behind
// the one that it sent last, so that a broken connection loses none.
func (s *Source) streamRounds(ctx context.Context, id ledger.Digest, send func(*data.Frame) error) error {
	job, err := s.client.Job(ctx, id)
	if err != nil {
		return err
	}
	last := job.FinalRounds
	for {
		err := s.followRounds(ctx, id, &last, send)
		if err == nil || !temporary(err) {
			return err
		}
		timer := time.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// followRounds sends rounds until the job ends or the connection breaks. What is
// sent and not taken ends the stream: nobody listens.
func (s *Source) followRounds(ctx context.Context, id ledger.Digest, last *uint64, send func(*data.Frame) error) error {
	for e, err := range s.client.Events(ctx, id, "") {
		if err != nil {
			return err
		}
		var of struct {
			Round uint64 `json:"round"`
		}
		if e.Type != eventFinal || json.Unmarshal(e.Data, &of) != nil || of.Round <= *last {
			continue
		}
		answer, err := s.client.Rounds(ctx, id, client.Page{Cursor: strconv.FormatUint(*last, 10), Limit: pageRows})
		if err != nil {
			return err
		}
		rounds := final(answer.Rounds)
		if len(rounds) == 0 {
			continue
		}
		if err := send(liveRounds(id, rounds)); err != nil {
			return err
		}
		*last = rounds[len(rounds)-1].Round
	}
	return nil
}
