package grpcmesh

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/transport"
)

// The service as it is called.
const (
	service    = "librum.node.v1.Node"
	methodPush = "Push"
	methodPull = "Pull"
)

// Bounds of an answer: of each node of the largest group a signature, and some
// for other headers, of less than 128 bytes each.
const (
	maxAnswerSignatures = 4 * ledger.MaxGroupNodes
	maxAnswerBytes      = ledger.MaxHeaderBytes + maxAnswerSignatures*128 + 64
)

// signatures is the message of Push.
type signatures struct {
	_    struct{} `cbor:",toarray"`
	List []ledger.HeaderSignature
}

// pull is the message of Pull.
type pull struct {
	_      struct{} `cbor:",toarray"`
	Height uint64
}

// answer is what Pull returns: nothing where a node knows nothing.
type answer struct {
	_          struct{} `cbor:",toarray"`
	Header     []byte
	Signatures []ledger.HeaderSignature
}

// Register implements [transport.Service].
func (m *Mesh) Register(r grpc.ServiceRegistrar) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			transport.Unary(service, methodPush, m.servePush),
			transport.Unary(service, methodPull, m.servePull),
		},
	}, m)
}

// begin returns the node that is called, and by whom.
func (m *Mesh) begin(ctx context.Context) (*node.Node, ledger.ID, error) {
	n := m.node.Load()
	caller, ok := transport.Caller(ctx)
	if n == nil || !ok {
		return nil, caller, status.Error(codes.Unavailable, "the node has not started")
	}
	return n, caller, nil
}

func (m *Mesh) servePush(ctx context.Context, in *signatures) (*transport.Nothing, error) {
	n, caller, err := m.begin(ctx)
	if err != nil {
		return nil, err
	}
	if len(in.List) > pushBatch {
		return nil, status.Errorf(codes.InvalidArgument, "%d signatures, at most %d are taken at once", len(in.List), pushBatch)
	}
	for _, s := range in.List {
		if s.Node != caller { // invariant 2
			return nil, status.Errorf(codes.PermissionDenied, "node %s pushes a signature of node %s", caller.Short(), s.Node.Short())
		}
	}
	if !m.rates.allow(caller, len(in.List), 0) {
		return nil, status.Errorf(codes.ResourceExhausted, "more than %d signatures a second", pushRate)
	}
	for _, s := range in.List {
		n.ReceiveSignature(s)
	}
	return new(transport.Nothing), nil
}

func (m *Mesh) servePull(ctx context.Context, in *pull) (*answer, error) {
	n, caller, err := m.begin(ctx)
	if err != nil {
		return nil, err
	}
	if !m.rates.allow(caller, 0, 1) {
		return nil, status.Errorf(codes.ResourceExhausted, "more than %d heights a second", pullRate)
	}
	header, list, err := n.Answer(ctx, in.Height)
	switch {
	case errors.Is(err, node.ErrBusy):
		return nil, status.Error(codes.ResourceExhausted, err.Error())
	case errors.Is(err, node.ErrStopped):
		return nil, status.Error(codes.Unavailable, err.Error())
	case err != nil:
		return nil, err
	}
	return &answer{Header: header, Signatures: list[:min(len(list), maxAnswerSignatures)]}, nil
}
