package grpcmesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/fl/coordinator"
)

// How files are fetched (invariants 1 and 2).
const (
	partBytes = 64 << 10
	maxSpan   = 64 << 20
	spanRate  = 128 << 10        // bytes a second that a node must give, once it began
	stallTime = 20 * time.Second // without a part
	maxBreaks = 3                // one after the other without a part between
)

// spanTime is how long a span of that length may take: a node that trickles holds a
// place no longer than one that is slow but of use.
func spanTime(length uint64) time.Duration {
	return stallTime + time.Duration(length)*time.Second/spanRate
}

// Open implements [coordinator.Link].
func (m *Mesh) Open(ctx context.Context, of ledger.ID, digest ledger.Digest, size uint64) (io.ReadCloser, error) {
	if size > coordinator.MaxFileBytes {
		return nil, fmt.Errorf("fetch file %s: %d bytes, at most %d are fetched", digest.Short(), size, uint64(coordinator.MaxFileBytes))
	}
	if err := enter(ctx, m.fetches); err != nil {
		return nil, fmt.Errorf("wait to fetch file %s: %w", digest.Short(), err)
	}
	f := &fetch{size: size, leave: sync.OnceFunc(func() { <-m.fetches })}
	f.begin = func(at uint64) (*spanReader, error) {
		return m.span(ctx, of, &span{Digest: digest, Size: size, Offset: at, Length: min(maxSpan, size-at)})
	}
	if size > 0 {
		if err := f.next(); err != nil { // tells whether the node has it
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// fetch reads a file span after span.
type fetch struct {
	begin  func(at uint64) (*spanReader, error)
	size   uint64
	at     uint64 // behind all parts that came
	part   []byte // what is left of the newest
	span   *spanReader
	breaks int
	leave  func()
}

// Read implements [io.Reader].
func (f *fetch) Read(p []byte) (int, error) {
	if len(f.part) == 0 {
		if f.at == f.size {
			return 0, io.EOF
		}
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.part)
	f.part = f.part[n:]
	return n, nil
}

// Close implements [io.Closer].
func (f *fetch) Close() error {
	f.stop()
	f.leave()
	return nil
}

func (f *fetch) stop() {
	if f.span != nil {
		f.span.cancel()
		f.span = nil
	}
}

// next gets the next part.
func (f *fetch) next() error {
	for {
		err := f.receive()
		if err == nil {
			f.breaks = 0
			return nil
		}
		f.stop()
		if f.breaks++; f.breaks > maxBreaks || !breaks(err) {
			return fromStatus(err)
		}
	}
}

// receive gets a part of the span under way, or of a new one.
func (f *fetch) receive() (err error) {
	if f.span == nil {
		if f.span, err = f.begin(f.at); err != nil {
			return err
		}
	}
	part, err := f.span.receive()
	if err != nil {
		return err
	}
	f.at += uint64(len(part))
	f.part = part
	if f.span.left == 0 {
		f.stop()
	}
	return nil
}

// breaks reports whether a call broke off that another one may bring to its end.
func breaks(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.Canceled || code == codes.DeadlineExceeded || errors.Is(err, io.ErrUnexpectedEOF)
}

// spanReader is one call of Fetch.
type spanReader struct {
	stream grpc.ClientStream
	left   uint64
	stall  time.Duration
	cancel context.CancelFunc
}

func (m *Mesh) span(ctx context.Context, of ledger.ID, in *span) (*spanReader, error) {
	ctx, cancel := context.WithTimeout(ctx, spanTime(in.Length))
	stall := time.AfterFunc(stallTime, cancel)
	defer stall.Stop()
	stream, err := m.transport.Conn(of).NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, transport.FullMethod(service, methodFetch),
		grpc.MaxCallRecvMsgSize(partBytes))
	if err == nil {
		err = errors.Join(stream.SendMsg(in), stream.CloseSend())
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return &spanReader{stream: stream, left: in.Length, stall: stallTime, cancel: cancel}, nil
}

func (s *spanReader) receive() ([]byte, error) {
	stall := time.AfterFunc(s.stall, s.cancel)
	defer stall.Stop()
	var part transport.Part
	err := s.stream.RecvMsg(&part)
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	case len(part) == 0 || uint64(len(part)) > s.left:
		return nil, fmt.Errorf("%w: a part of %d bytes where %d are left", ledger.ErrMalformed, len(part), s.left)
	}
	s.left -= uint64(len(part))
	return part, nil
}
