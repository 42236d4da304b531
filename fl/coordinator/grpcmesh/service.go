package grpcmesh

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/fl/coordinator"
)

// The service as it is called.
const (
	service     = "librum.coordinator.v1.Coordinator"
	methodFetch = "Fetch"
	methodHold  = "Hold"
	methodHeard = "Heard"
	methodWake  = "Wake"
)

// maxHeardBytes is for a list of as many peers as are told.
const maxHeardBytes = coordinator.MaxHeard*17 + 64

// span is the message of Fetch: part of a file.
type span struct {
	_      struct{} `cbor:",toarray"`
	Digest ledger.Digest
	Size   uint64 // of the file
	Offset uint64
	Length uint64 // at most maxSpan
}

type receipt struct {
	_       struct{} `cbor:",toarray"`
	Receipt []byte
}

type peers struct {
	_     struct{} `cbor:",toarray"`
	Peers []ledger.ID
}

// Register implements [transport.Service].
func (m *Mesh) Register(r grpc.ServiceRegistrar) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			transport.Unary(service, methodHold, m.serveHold),
			transport.Unary(service, methodHeard, m.serveHeard),
			transport.Unary(service, methodWake, m.serveWake),
		},
		Streams: []grpc.StreamDesc{transport.Download(methodFetch, m.serveFetch)},
	}, m)
}

func (m *Mesh) begin() (*coordinator.Service, error) {
	if s := m.service.Load(); s != nil {
		return s, nil
	}
	return nil, status.Error(codes.Unavailable, "the coordinator has not started")
}

func (m *Mesh) serveHold(ctx context.Context, in *coordinator.Upload) (*receipt, error) {
	s, err := m.begin()
	if err != nil {
		return nil, err
	}
	caller, ok := transport.Caller(ctx)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "no caller")
	}
	raw, err := s.Hold(ctx, caller, *in)
	if err != nil {
		return nil, toStatus(err)
	}
	return &receipt{Receipt: raw}, nil
}

func (m *Mesh) serveHeard(context.Context, *transport.Nothing) (*peers, error) {
	s, err := m.begin()
	if err != nil {
		return nil, err
	}
	return &peers{Peers: s.Heard()}, nil
}

func (m *Mesh) serveWake(context.Context, *transport.Nothing) (*transport.Nothing, error) {
	s, err := m.begin()
	if err != nil {
		return nil, err
	}
	s.PeerCame()
	return new(transport.Nothing), nil
}

func (m *Mesh) serveFetch(ctx context.Context, in *span, send func(transport.Part) error) (err error) {
	s, err := m.begin()
	if err != nil {
		return err
	}
	if in.Length == 0 || in.Length > maxSpan || in.Offset > in.Size || in.Length > in.Size-in.Offset {
		return status.Errorf(codes.InvalidArgument, "%d bytes from byte %d of %d, want 1 to %d inside the file", in.Length, in.Offset, in.Size, maxSpan)
	}
	file, err := s.OpenFile(ctx, in.Digest, in.Size)
	if err != nil {
		return toStatus(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for at, end := in.Offset, in.Offset+in.Length; at < end; {
		part := make(transport.Part, min(partBytes, end-at)) // gRPC keeps it until it is sent
		if _, err := file.ReadAt(part, int64(at)); err != nil {
			return toStatus(fmt.Errorf("read file %s at byte %d: %w", in.Digest.Short(), at, err))
		}
		if err := send(part); err != nil {
			return err
		}
		at += uint64(len(part))
	}
	return nil
}

// What callers can act on has a code of its own.
func kinds() map[codes.Code]error {
	return map[codes.Code]error{
		codes.NotFound:           blob.ErrNotFound,
		codes.FailedPrecondition: coordinator.ErrNotAsked,
		codes.ResourceExhausted:  coordinator.ErrTooMany,
		codes.DataLoss:           blob.ErrDigest,
		codes.Aborted:            coordinator.ErrUnavailable,
	}
}

func toStatus(err error) error {
	for code, kind := range kinds() {
		if errors.Is(err, kind) {
			return status.Error(code, err.Error())
		}
	}
	return err
}

func fromStatus(err error) error {
	if kind, ok := kinds()[status.Code(err)]; ok {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}
