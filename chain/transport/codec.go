package transport

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/ledger"
)

// Part is bytes of a file. It is not encoded: a file is not read twice for it.
type Part []byte

// Nothing is what a call carries that asks, or answers, by being made.
type Nothing struct {
	_ struct{} `cbor:",toarray"`
}

// codec writes messages as the ledger does. The library bounds their length, on
// each side, before it decodes.
type codec struct{}

// Name implements [encoding.CodecV2].
func (codec) Name() string { return "librum-cbor" }

// Marshal implements [encoding.CodecV2].
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	if part, ok := v.(*Part); ok {
		return mem.BufferSlice{mem.SliceBuffer(*part)}, nil
	}
	b, err := ledger.Encode(v)
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

// Unmarshal implements [encoding.CodecV2].
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	b := data.Materialize() // a copy: the message outlives the buffers
	if part, ok := v.(*Part); ok {
		*part = b
		return nil
	}
	return ledger.DecodeFormat(fmt.Sprintf("%T", v), b, len(b), v)
}

// Unary describes a method that takes one message and returns one.
func Unary[In, Out any](service, name string, call func(ctx context.Context, in *In) (*Out, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(
		_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor,
	) (any, error) {
		in := new(In)
		if err := decode(in); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		handle := func(ctx context.Context, in any) (any, error) { return call(ctx, in.(*In)) }
		if intercept == nil {
			return handle(ctx, in)
		}
		return intercept(ctx, in, &grpc.UnaryServerInfo{FullMethod: FullMethod(service, name)}, handle)
	}}
}

// Download describes a method that takes one message and returns parts of a file.
func Download[In any](name string, call func(ctx context.Context, in *In, send func(Part) error) error) grpc.StreamDesc {
	return grpc.StreamDesc{StreamName: name, ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
		in := new(In)
		if err := s.RecvMsg(in); err != nil {
			return status.Error(codes.InvalidArgument, err.Error())
		}
		return call(s.Context(), in, func(p Part) error { return s.SendMsg(&p) })
	}}
}

// FullMethod returns the name by which a method is called.
func FullMethod(service, name string) string { return "/" + service + "/" + name }
