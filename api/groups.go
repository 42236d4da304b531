package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

func (s *server) groupRoutes() {
	handle(s, huma.Operation{
		OperationID: "get-groups", Method: http.MethodGet, Path: "/v1/groups", Tags: []string{"chain"},
		Summary: "Which nodes sign the blocks, with a proof from the genesis on",
		Description: "The trail holds, for each epoch from the given one on that has ended, the header of its last block, which names the next group " +
			"by its digest, the signatures of a quorum of the epoch's own group, and the next group. The group of epoch 0 stands in the genesis.",
	}, s.groups)
}

type groupsInput struct {
	From uint64 `query:"from" default:"0" doc:"The epoch whose end the trail begins with."`
}

func (s *server) groups(ctx context.Context, in *groupsInput) (*body[v1.Groups], error) {
	newest, err := s.Node.Group(ctx)
	if err != nil {
		return nil, err
	}
	trail, err := s.Node.GroupTrail(ctx, in.From)
	if err != nil {
		return nil, err
	}
	out := v1.Groups{Epoch: newest.Epoch, Next: make([]v1.Group, len(trail.Handovers))}
	for i := range trail.Handovers {
		if out.Next[i], err = showHandover(&trail.Handovers[i]); err != nil {
			return nil, err
		}
	}
	out.Trail, err = ledger.Encode(&trail)
	return &body[v1.Groups]{Body: out}, err
}

func showHandover(h *ledger.Handover) (v1.Group, error) {
	header, err := ledger.ParseHeader(h.Header)
	if err != nil {
		return v1.Group{}, err
	}
	return showGroup(&h.Next, header.Height+1)
}

func showGroup(g *ledger.Group, first uint64) (v1.Group, error) {
	digest, err := g.Digest()
	out := v1.Group{Epoch: g.Epoch, First: first, Digest: digest, Nodes: make([]v1.GroupNode, len(g.Nodes))}
	for i, n := range g.Nodes {
		out.Nodes[i] = v1.GroupNode{Node: n.Node, Organisation: n.Organisation, Key: n.Key[:]}
	}
	return out, err
}
