package grpcmesh

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
)

// script is a stream that sends parts and then ends with an error; nil: never.
type script struct {
	grpc.ClientStream
	ctx   context.Context // of the call, as in a stream of gRPC
	parts []string
	end   error
}

func (s *script) RecvMsg(m any) error {
	if len(s.parts) > 0 {
		*m.(*transport.Part) = []byte(s.parts[0])
		s.parts = s.parts[1:]
		return nil
	}
	if s.end == nil {
		<-s.ctx.Done()
		return status.FromContextError(s.ctx.Err()).Err()
	}
	return s.end
}

// read fetches a file of ten bytes from a node that answers each call with the
// next script.
func read(t *testing.T, scripts ...*script) (string, int, error) {
	t.Helper()
	calls := 0
	f := &fetch{size: 10, leave: func() {}}
	f.begin = func(at uint64) (*spanReader, error) {
		if calls == len(scripts) {
			return nil, status.Error(codes.Unavailable, "away")
		}
		ctx, cancel := context.WithCancel(t.Context())
		s := scripts[calls]
		s.ctx = ctx
		calls++
		return &spanReader{stream: s, left: 10 - at, stall: time.Millisecond, cancel: cancel}, nil
	}
	b, err := io.ReadAll(f)
	return string(b), calls, errors.Join(err, f.Close())
}

func TestFetch(t *testing.T) {
	t.Parallel()
	away := status.Error(codes.Unavailable, "away")
	for _, c := range []struct {
		name    string
		scripts []*script
		want    string
		calls   int
		err     error
	}{
		{"at once", []*script{{parts: []string{"0123456789"}}}, "0123456789", 1, nil},
		{"in parts", []*script{{parts: []string{"0", "12345678", "9"}}}, "0123456789", 1, nil},
		{"on from where it broke", []*script{{parts: []string{"0123"}, end: away}, {end: away}, {end: away}, {parts: []string{"456789"}}}, "0123456789", 4, nil},
		{"a sender that falls silent", []*script{{parts: []string{"0123"}}, {parts: []string{"456789"}}}, "0123456789", 2, nil},
		{"one that ends early", []*script{{parts: []string{"0123"}, end: io.EOF}, {parts: []string{"456789"}}}, "0123456789", 2, nil},
		{"too many breaks", []*script{{end: away}, {end: away}, {end: away}, {end: away}, {parts: []string{"0123456789"}}}, "", 4, away},
		{"more than was asked for", []*script{{parts: []string{"0123456789", "!"}}}, "0123456789", 1, nil},
		{"a part too long", []*script{{parts: []string{"0123456789!"}}}, "", 1, ledger.ErrMalformed},
		{"an empty part", []*script{{parts: []string{"0", ""}}}, "0", 1, ledger.ErrMalformed},
		{"a refusal is no break", []*script{{end: status.Error(codes.PermissionDenied, "no")}, {parts: []string{"0123456789"}}}, "", 1, status.Error(codes.PermissionDenied, "no")},
	} {
		got, calls, err := read(t, c.scripts...)
		if got != c.want || calls != c.calls || !errors.Is(err, c.err) {
			t.Errorf("%s: %q after %d calls, error %v, want %q after %d, error %v", c.name, got, calls, err, c.want, c.calls, c.err)
		}
	}
}
