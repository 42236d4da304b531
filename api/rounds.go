package api

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

func (s *server) roundRoutes() {
	handle(s, huma.Operation{
		OperationID: "list-rounds", Method: http.MethodGet, Path: "/v1/jobs/{id}/rounds", Tags: []string{"jobs"},
		Summary: "Rounds of a job, the oldest first",
	}, s.rounds)
	handle(s, huma.Operation{
		OperationID: "list-metrics", Method: http.MethodGet, Path: "/v1/jobs/{id}/metrics", Tags: []string{"jobs"},
		Summary:     "What the final rounds of a job reached",
		Description: "A round that is not final yet ends the page: ask again with its next_cursor.",
	}, s.jobMetrics)
	handle(s, huma.Operation{
		OperationID: "list-updates", Method: http.MethodGet, Path: "/v1/jobs/{id}/rounds/{n}/updates", Tags: []string{"jobs"},
		Summary:     "What each peer of a round answered",
		Description: "Of the round's newest attempt, in the order of the peers.",
	}, s.updates)
	handle(s, huma.Operation{
		OperationID: "list-job-peers", Method: http.MethodGet, Path: "/v1/jobs/{id}/peers", Tags: []string{"jobs"},
		Summary: "What each peer of a job contributed, and how often it failed",
		Description: "Sums over the rounds of a page, the oldest first, from rows that anyone can add up again; those of all pages add up to the job's. " +
			"limit is of rounds, and a page ends earlier where they asked many. A round counts by its newest attempt.",
	}, s.jobPeers)
}

type roundsInput struct {
	JobPath
	Page
}

func (s *server) rounds(ctx context.Context, in *roundsInput) (*body[v1.Rounds], error) {
	rounds, next, err := s.roundPage(ctx, in)
	return &body[v1.Rounds]{Body: v1.Rounds{Rounds: rounds, NextCursor: next}}, err
}

func (s *server) jobMetrics(ctx context.Context, in *roundsInput) (*body[v1.Metrics], error) {
	rounds, next, err := s.roundPage(ctx, in)
	out := &body[v1.Metrics]{Body: v1.Metrics{Metrics: []v1.RoundMetrics{}, NextCursor: next}}
	for _, r := range rounds {
		if r.State == string(job.RoundFinal) {
			out.Body.Metrics = append(out.Body.Metrics, v1.RoundMetrics{Round: r.Round, Time: r.Ended, Peers: r.Averaged, Metrics: r.Metrics})
		}
	}
	return out, err
}

// roundPage lists rounds behind the cursor, which is the number of the last
// one of the page before.
func (s *server) roundPage(ctx context.Context, in *roundsInput) (rounds []v1.Round, next string, err error) {
	if _, _, err := s.visibleJob(ctx, in.ID); err != nil {
		return nil, "", err
	}
	var after contract.Key
	if in.Cursor != "" {
		n, err := strconv.ParseUint(in.Cursor, 10, 64)
		if err != nil {
			return nil, "", invalidCursor()
		}
		after = fl.RoundRow(in.ID, n)
	}
	prefix := fl.PrefixRound + string(in.ID[:])
	rows, more, err := scan(s.Node.State(ctx), prefix, after, in.Limit)
	if err != nil {
		return nil, "", err
	}
	rounds = make([]v1.Round, len(rows))
	for i, r := range rows {
		number := binary.BigEndian.Uint64([]byte(r.Key[len(prefix):]))
		if rounds[i], err = s.round(ctx, in.ID, number, r.Value); err != nil {
			return nil, "", err
		}
		if more {
			next = strconv.FormatUint(number, 10)
		}
	}
	return rounds, next, nil
}

// round shows a round that the scan found. Execution waits while a View lasts,
// so a page is no single View: a final round does not change any more and is
// read beside execution; any other is read again, alone with its commit.
func (s *server) round(ctx context.Context, id ledger.Digest, number uint64, value []byte) (out v1.Round, err error) {
	var r fl.Round
	if err := ledger.Decode("round", value, contract.MaxWriteBytes, &r); err != nil {
		return out, err
	}
	if r.State == job.RoundFinal {
		return showRound(s.Node.State(ctx), id, number, &r)
	}
	err = s.Node.View(ctx, func(state contract.Range, _ int64) error {
		newest, ok, err := fl.LoadRound(state, id, number)
		if err != nil || !ok {
			return errors.Join(err, fmt.Errorf("read round %d of job %s again: found %v", number, id, ok))
		}
		out, err = showRound(state, id, number, newest)
		return err
	})
	return out, err
}

func showRound(state contract.State, id ledger.Digest, number uint64, r *fl.Round) (v1.Round, error) {
	out := v1.Round{
		Round: number, Attempt: r.Attempt, State: string(r.State), Input: v1.File{Digest: r.Model, Size: r.ModelSize},
		Peers: r.Cohort, Wanted: r.Wanted, Submitted: r.Submitted, Declined: r.Declined,
		Nodes: r.Nodes, Agreed: r.Agreed, Dissented: r.Dissented,
		Opened: r.Opened, Closed: r.Closed, Committed: r.Committed, Ended: r.Ended,
	}
	var err error
	if out.Draw, err = showDraw(state, id, number, r); err != nil {
		return out, err
	}
	if out.Declines, err = showDeclines(state, id, number, r); err != nil {
		return out, err
	}
	for _, lost := range r.Lost {
		c, ok, err := fl.LoadCommit(state, id, number, lost.Term)
		if err != nil || !ok {
			return out, err
		}
		out.Lost = append(out.Lost, v1.LostTerm{
			Term: lost.Term, Attempt: lost.Attempt, Node: lost.Node, Loss: string(lost.Loss), Model: showFile(c.Model, c.ModelSize),
			Agreed: lost.Agreed, Dissented: lost.Dissented, Time: lost.Time,
		})
	}
	if r.Committed == 0 {
		return out, nil
	}
	c, ok, err := fl.LoadCommit(state, id, number, r.CommitTerm)
	if err != nil || !ok {
		return out, err
	}
	out.Model, out.Averaged, out.Metrics = showFile(c.Model, c.ModelSize), c.Count, c.Metrics
	remembered, ok, err := fl.LoadState(state, id, number, r.CommitTerm)
	if err != nil {
		return out, err
	}
	if ok {
		out.ServerState = showFile(remembered.Digest, remembered.Size)
	}
	for _, refused := range c.Refused {
		out.Refused = append(out.Refused, v1.RefusedUpdate{Peer: refused.Peer, Reason: string(refused.Reason)})
	}
	return out, nil
}

// showDraw returns how a round's cohort is drawn, nil where it is the roster.
func showDraw(state contract.State, id ledger.Digest, number uint64, r *fl.Round) (*v1.Draw, error) {
	d, ok, err := fl.LoadDraw(state, id, number)
	if err != nil || !ok {
		return nil, err
	}
	out := &v1.Draw{Roster: r.Roster, Revealed: []ledger.ID{}, Withheld: append([]ledger.ID{}, d.Withheld()...), Frozen: d.Opened, Drawn: d.Drawn}
	for i := range d.Links {
		if d.Links[i].Revealed != 0 {
			out.Revealed = append(out.Revealed, d.Links[i].Node)
		}
	}
	if d.Drawn != 0 {
		out.Seed = &d.Seed
	}
	return out, nil
}

// showDeclines returns the peers of a round that declined it.
func showDeclines(state contract.State, id ledger.Digest, number uint64, r *fl.Round) ([]v1.DeclinedUpdate, error) {
	if r.Declined == 0 {
		return nil, nil
	}
	cohort, ok, err := fl.LoadCohort(state, id, number)
	if err != nil || !ok {
		return nil, err
	}
	var declines []v1.DeclinedUpdate
	for _, peer := range cohort.Peers {
		u, ok, err := fl.LoadUpdate(state, id, number, peer)
		if err != nil {
			return nil, err
		}
		if ok && u.Attempt == r.Attempt && u.State == fl.UpdateDeclined {
			declines = append(declines, v1.DeclinedUpdate{Peer: peer, Reason: string(u.Reason)})
		}
	}
	return declines, nil
}
