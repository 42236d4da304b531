package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

func (s *server) peerRoutes() {
	handle(s, huma.Operation{
		OperationID: "list-peers", Method: http.MethodGet, Path: "/v1/peers", Tags: []string{"peers"},
		Summary: "Registered peers, in the order of their ids",
	}, s.peers)
	handle(s, huma.Operation{
		OperationID: "get-peer", Method: http.MethodGet, Path: "/v1/peers/{id}", Tags: []string{"peers"},
		Summary: "A registered peer",
	}, s.peer)
	handle(s, huma.Operation{
		OperationID: "await-task", Method: http.MethodGet, Path: "/v1/peers/{id}/tasks", Tags: []string{"peers"},
		Summary:     "Wait for a task",
		Description: "200 as soon as a round asks the peer, 204 where none did in time. Check the proof before training.",
		Responses:   map[string]*huma.Response{"204": {Description: "Nothing to do; ask again"}},
	}, s.task)
}

type peersInput struct{ Page }

func (s *server) peers(ctx context.Context, in *peersInput) (*body[v1.Peers], error) {
	if c := callerOf(ctx); c.scope == ScopeOwn {
		row, ok, err := fl.LoadPeer(s.Node.State(ctx), c.Member)
		out := &body[v1.Peers]{Body: v1.Peers{Peers: []v1.Peer{}}}
		if ok {
			out.Body.Peers = append(out.Body.Peers, showPeer(c.Member, row))
		}
		return out, err
	}
	var after contract.Key
	if in.Cursor != "" {
		id, err := ledger.ParseID(in.Cursor)
		if err != nil {
			return nil, invalidCursor()
		}
		after = fl.PeerRow(id)
	}
	rows, more, err := scan(s.Node.State(ctx), fl.PrefixPeer, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &body[v1.Peers]{Body: v1.Peers{Peers: make([]v1.Peer, len(rows))}}
	for i, r := range rows {
		var row fl.Peer
		if err := ledger.Decode("peer", r.Value, contract.MaxWriteBytes, &row); err != nil {
			return nil, err
		}
		id := ledger.ID([]byte(r.Key[len(fl.PrefixPeer):]))
		out.Body.Peers[i] = showPeer(id, &row)
		if more {
			out.Body.NextCursor = id.String()
		}
	}
	return out, nil
}

// PeerPath is the path of what belongs to a peer.
type PeerPath struct {
	ID ledger.ID `path:"id" doc:"Id of the peer."`
}

func (s *server) peer(ctx context.Context, in *PeerPath) (*body[v1.Peer], error) {
	if err := callerOf(ctx).only("peer "+in.ID.String(), in.ID); err != nil {
		return nil, err
	}
	row, err := s.loadPeer(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[v1.Peer]{Body: showPeer(in.ID, row)}, nil
}

func (s *server) loadPeer(ctx context.Context, id ledger.ID) (*fl.Peer, error) {
	row, ok, err := fl.LoadPeer(s.Node.State(ctx), id)
	if err == nil && !ok {
		err = fail("not_found", "peer "+id.String()+" is not registered; send RegisterPeer first")
	}
	return row, err
}

func showPeer(id ledger.ID, row *fl.Peer) v1.Peer {
	return v1.Peer{ID: id, Organisation: row.Organisation, Available: row.Available, Since: row.Since}
}

type taskInput struct {
	PeerPath

	Wait int `query:"wait_s" minimum:"0" maximum:"300" default:"30" doc:"How long to wait, seconds; the server may answer sooner. 0 asks for a task that there is now."`
}

type taskOutput struct {
	Status int
	Body   *v1.Task
}

func (s *server) task(ctx context.Context, in *taskInput) (*taskOutput, error) {
	if err := callerOf(ctx).only("peer "+in.ID.String(), in.ID); err != nil {
		return nil, err
	}
	if _, err := s.loadPeer(ctx, in.ID); err != nil {
		return nil, err
	}
	leave, err := s.tasks.enter(callerOf(ctx).Member)
	if err != nil {
		return nil, err
	}
	defer leave()
	// Who does not wait is given the time that it takes to prove a task: a
	// bound of nothing would find no task ever.
	ask, bound := s.Coordinator.TaskNow, s.Limits.Wait
	if in.Wait > 0 {
		ask, bound = s.Coordinator.Task, min(time.Duration(in.Wait)*time.Second, s.Limits.Poll)
	}
	ctx, cancel := waiting(ctx, bound)
	defer cancel()
	task, err := ask(ctx, in.ID)
	switch {
	case errors.Is(err, context.DeadlineExceeded), err == nil && task == nil:
		return &taskOutput{Status: http.StatusNoContent}, nil
	case err != nil:
		return nil, err
	}
	spec, err := json.Marshal(task.Spec)
	if err != nil {
		return nil, err
	}
	return &taskOutput{Status: http.StatusOK, Body: &v1.Task{
		Job: task.Job, Round: task.Round, Attempt: task.Attempt, Spec: spec, Model: v1.File{Digest: task.Model, Size: task.ModelSize},
		Proof: task.Proof, Deadline: task.Deadline,
	}}, nil
}
