package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
)

func (s *server) genesisRoutes() {
	handle(s, huma.Operation{
		OperationID: "get-genesis", Method: http.MethodGet, Path: "/v1/genesis", Tags: []string{"chain"},
		Summary:     "The genesis file",
		Description: "Its SHA-256, which is also the ETag, is the chain's id. Compare it with an anchor from elsewhere.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The file, in deterministic CBOR",
			Content:     map[string]*huma.MediaType{"application/cbor": {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
		}},
	}, func(context.Context, *struct{}) (*genesisOutput, error) {
		return &genesisOutput{ContentType: "application/cbor", ETag: etag(s.Node.Config().Chain), Body: s.Genesis}, nil
	})
	handle(s, huma.Operation{
		OperationID: "get-status", Method: http.MethodGet, Path: pathStatus, Tags: []string{"chain"},
		Summary: "Where the node stands",
	}, func(context.Context, *struct{}) (*body[v1.Status], error) {
		return &body[v1.Status]{Body: s.status()}, nil
	})
}

type genesisOutput struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

// body is an answer that is nothing but its body.
type body[T any] struct{ Body T }

func (s *server) status() v1.Status {
	st, config := s.Node.Status(), s.Node.Config()
	return v1.Status{
		Chain: config.Chain, Name: s.genesis.Name, Shard: s.genesis.Shard, Node: config.Self,
		Next: st.Next, Last: st.Last.String(), LogTime: st.LogTime, Height: st.Height,
		Epoch: st.Epoch, Signs: st.Signs,
		Final: st.Final, FinalHash: st.FinalHash, NotFinal: st.NotFinal,
		InFlight: s.Node.InFlight(), Diverged: st.Diverged, Skipped: st.Skipped,
	}
}
