package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

func (s *server) blockRoutes() {
	handle(s, huma.Operation{
		OperationID: "list-blocks", Method: http.MethodGet, Path: "/v1/blocks", Tags: []string{"chain"},
		Summary: "Headers of the blocks",
	}, s.blocks)
	handle(s, huma.Operation{
		OperationID: "get-block", Method: http.MethodGet, Path: "/v1/blocks/{height}", Tags: []string{"chain"},
		Summary: "A block with its signatures and results",
	}, s.block)
	handle(s, huma.Operation{
		OperationID: "get-block-bytes", Method: http.MethodGet, Path: "/v1/blocks/{height}/bytes", Tags: []string{"chain"},
		Summary:     "A whole block and the signatures of its header, for who executes it again",
		Description: "Deterministic CBOR: an array of the block's bytes and the signatures.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The signed block",
			Content:     map[string]*huma.MediaType{typeCBOR: {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
		}},
	}, s.blockBytes)
}

type blocksInput struct {
	Page

	Order string `query:"order" enum:"desc,asc" default:"desc" doc:"desc: the newest first."`
}

func (s *server) blocks(ctx context.Context, in *blocksInput) (*body[v1.Blocks], error) {
	status := s.Node.Status()
	lowest := max(status.Floor, 1)
	height, step := status.Height, ^uint64(0) // adding it subtracts one
	if in.Order == "asc" {
		height, step = lowest, 1
	}
	if in.Cursor != "" {
		var err error
		if height, err = strconv.ParseUint(in.Cursor, 10, 64); err != nil {
			return nil, invalidCursor()
		}
	}
	out := &body[v1.Blocks]{Body: v1.Blocks{Blocks: []v1.Header{}}}
	for ; height >= lowest && height <= status.Height; height += step {
		if len(out.Body.Blocks) == in.Limit {
			out.Body.NextCursor = strconv.FormatUint(height, 10)
			break
		}
		raw, _, err := s.Node.Header(ctx, height)
		if err != nil {
			return nil, err
		}
		header, err := showHeader(raw, height <= status.Final)
		if err != nil {
			return nil, err
		}
		out.Body.Blocks = append(out.Body.Blocks, header)
	}
	return out, nil
}

type blockPath struct {
	Height uint64 `path:"height" minimum:"1" doc:"The first block has height 1."`
}

func (s *server) block(ctx context.Context, in *blockPath) (*body[v1.Block], error) {
	status := s.Node.Status()
	block, _, err := s.Node.Block(ctx, in.Height)
	if err != nil {
		return nil, err
	}
	raw, signatures, err := s.Node.Header(ctx, in.Height)
	if err != nil {
		return nil, err
	}
	header, err := showHeader(raw, in.Height <= status.Final)
	if err != nil {
		return nil, err
	}
	out := v1.Block{
		Header: header, Encoded: raw, Signatures: showSignatures(signatures),
		NumRecords: len(block.Records), Results: make([]v1.Result, len(block.Results)),
	}
	for i := range block.Records {
		if len(block.Records[i].Envelope) == 0 {
			out.Skipped++
		}
	}
	for i := range block.Results {
		out.Results[i] = showResult(&block.Results[i])
	}
	return &body[v1.Block]{Body: out}, nil
}

type cborOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *server) blockBytes(ctx context.Context, in *blockPath) (*cborOutput, error) {
	raw, err := s.Node.BlockBytes(ctx, in.Height)
	if err != nil {
		return nil, err
	}
	_, signatures, err := s.Node.Header(ctx, in.Height)
	if err != nil {
		return nil, err
	}
	b, err := ledger.Encode(&ledger.SignedBlock{Block: raw, Signatures: signatures})
	return &cborOutput{ContentType: typeCBOR, Body: b}, err
}

func showHeader(raw []byte, final bool) (v1.Header, error) {
	h, err := ledger.ParseHeader(raw)
	if err != nil {
		return v1.Header{}, err
	}
	return v1.Header{
		Height: h.Height, Hash: ledger.Hash(raw), Previous: h.Previous, Epoch: h.Epoch,
		Records: h.Records, Transactions: h.Transactions, Results: h.Results, State: h.State,
		First: h.First.String(), Last: h.Last.String(), LogTime: h.LogTime, Final: final,
	}, nil
}

func showResult(r *ledger.Result) v1.Result {
	return v1.Result{ID: r.ID, Position: r.Position.String(), Code: r.Code}
}

func showSignatures(signatures []ledger.HeaderSignature) []v1.Signature {
	out := make([]v1.Signature, len(signatures))
	for i, s := range signatures {
		out[i] = v1.Signature{Node: s.Node, Signature: s.Signature[:]}
	}
	return out
}

// schemaOf returns the schema of a type by reference.
func schemaOf[T any](r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }
