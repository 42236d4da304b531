package transport

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/ledger"
)

// callerKey is the key of the caller in the context of a call.
type callerKey struct{}

// Caller returns the node that makes a call, as the server has identified it.
func Caller(ctx context.Context) (ledger.ID, bool) {
	id, ok := ctx.Value(callerKey{}).(ledger.ID)
	return id, ok
}

// admit lets a call in, or refuses it (invariants 1 and 4). Who is let in calls
// leave at the end.
func (t *Transport) admit(ctx context.Context) (_ context.Context, leave func(), err error) {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return nil, nil, status.Error(codes.Unauthenticated, "no peer")
	}
	link, ok := from.AuthInfo.(*link)
	if !ok {
		return nil, nil, status.Error(codes.Unauthenticated, "no TLS")
	}
	id, err := t.believe(link)
	if err != nil {
		t.refused("caller", err)
		return nil, nil, status.Error(codes.Unauthenticated, err.Error())
	}
	deadline, ok := ctx.Deadline()
	if !ok || time.Until(deadline) > MaxCallTime {
		return nil, nil, status.Errorf(codes.InvalidArgument, "want a deadline, %s away at most", MaxCallTime)
	}
	if !t.calls.begin(id) {
		return nil, nil, status.Errorf(codes.ResourceExhausted, "%d calls of node %s are under way", maxCalls, id.Short())
	}
	return context.WithValue(ctx, callerKey{}, id), func() { t.calls.end(id) }, nil
}

func (t *Transport) unary(ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	ctx, leave, err := t.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	out, err := handle(ctx, in)
	return out, asStatus(err)
}

func (t *Transport) stream(service any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	ctx, leave, err := t.admit(s.Context())
	if err != nil {
		return err
	}
	defer leave()
	return asStatus(handle(service, admitted{s, ctx}))
}

// admitted is a stream whose caller is known.
type admitted struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a stream of gRPC hands its context out
}

func (a admitted) Context() context.Context { return a.ctx }

// asStatus names the end of a context, which gRPC would call unknown.
func asStatus(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, err.Error())
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, err.Error())
	}
	return err
}
