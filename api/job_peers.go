package api

import (
	"context"
	"strconv"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/fl/history"
)

// maxHistoryRows ends a page of sums over rounds that asked many peers.
const maxHistoryRows = 20_000

// jobPeers sums up the rounds behind the cursor, which is the number of the last one
// of the page before. Rounds that another one follows change no more and are read
// beside execution, the newest one in a View.
func (s *server) jobPeers(ctx context.Context, in *roundsInput) (*body[v1.JobPeers], error) {
	row, _, err := s.visibleJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	before := uint64(0)
	if in.Cursor != "" {
		if before, err = strconv.ParseUint(in.Cursor, 10, 32); err != nil {
			return nil, invalidCursor()
		}
	}
	sums, looked, round := history.History{}, 0, before
	defer func() { s.charge(callerOf(ctx), looked*costOfLook) }()
	for round < row.Round && round-before < uint64(in.Limit) && looked < maxHistoryRows {
		round++
		add := func(state contract.Range, _ int64) error {
			rows, err := sums.Add(state, in.ID, round)
			looked += rows
			return err
		}
		if round < row.Round {
			err = add(s.Node.State(ctx), 0)
		} else {
			err = s.Node.View(ctx, add)
		}
		if err != nil {
			return nil, err
		}
	}
	out := &body[v1.JobPeers]{Body: v1.JobPeers{Peers: []v1.JobPeer{}}}
	if round > before {
		out.Body.FirstRound, out.Body.LastRound = before+1, round
	}
	if round < row.Round {
		out.Body.NextCursor = strconv.FormatUint(round, 10)
	}
	for _, p := range sums.Peers() {
		out.Body.Peers = append(out.Body.Peers, showJobPeer(&p))
	}
	return out, nil
}

func showJobPeer(p *history.Peer) v1.JobPeer {
	return v1.JobPeer{
		Peer: p.ID, Selected: p.Selected, Committed: p.Committed, Refused: byReason(p.Refused), Void: p.Void, Declined: byReason(p.Declined),
		Late: p.Late, Dropped: p.Dropped, Pending: p.Pending, NumExamples: p.Examples, Bytes: p.Bytes,
	}
}

func byReason[R ~string](counts map[R]uint64) map[string]uint64 {
	if len(counts) == 0 {
		return nil
	}
	out := make(map[string]uint64, len(counts))
	for reason, n := range counts {
		out[string(reason)] = n
	}
	return out
}
