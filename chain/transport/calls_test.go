package transport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/transport"
)

// call calls a method of the echo of node 1.
func call(ctx context.Context, from *member, method string, in *message, options ...grpc.CallOption) error {
	return from.Conn(aplostest.NodeID(1)).Invoke(ctx, transport.FullMethod(service, method), in, new(message), options...)
}

func TestBounds(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	a := n.start(0, nil)
	n.start(1, nil)
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		t.Cleanup(cancel)
		return ctx
	}
	if err := call(t.Context(), a, "Say", new(message)); status.Code(err) != codes.InvalidArgument {
		t.Errorf("without a deadline: %v, want %s", err, codes.InvalidArgument)
	}
	late, cancel := context.WithTimeout(t.Context(), 2*transport.MaxCallTime)
	defer cancel()
	if err := call(late, a, "Say", new(message)); status.Code(err) != codes.InvalidArgument {
		t.Errorf("with a late deadline: %v, want %s", err, codes.InvalidArgument)
	}
	large := &message{Bytes: make([]byte, transport.MaxRequestBytes)}
	if err := call(soon(), a, "Say", large); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a large message: %v, want %s", err, codes.ResourceExhausted)
	}
	if err := call(soon(), a, "Dance", new(message)); status.Code(err) != codes.Unimplemented {
		t.Errorf("an unknown method: %v, want %s", err, codes.Unimplemented)
	}
	// A message of another form, as an older or newer node may send it.
	err := a.Conn(aplostest.NodeID(1)).Invoke(soon(), transport.FullMethod(service, "Say"), &[]uint64{1, 2, 3}, new(message))
	if status.Code(err) != codes.InvalidArgument && status.Code(err) != codes.Internal {
		t.Errorf("a message of another form: %v", err)
	}
}

// TestCallsAtOnce has one node make calls that don't end: another one is served.
func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 3)
	a, b, c := n.start(0, nil), n.start(1, nil), n.start(2, nil)
	// The library holds back what is too much over one connection; a second one of
	// the same node gets past that.
	again := n.start(0, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const most = 32
	ended := make(chan error, most)
	for i := range most {
		from := a
		if i%2 == 1 {
			from = again
		}
		go func() { ended <- call(ctx, from, "Hold", new(message)) }()
	}
	for range most {
		<-b.echo.held
	}
	if err := n.say(a, 0, 1); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one call too many: %v, want %s", err, codes.ResourceExhausted)
	}
	if err := n.say(c, 2, 1); err != nil {
		t.Errorf("another node's call: %v", err)
	}
	cancel()
	for range most {
		if err := <-ended; status.Code(err) != codes.Canceled {
			t.Errorf("a call that was given up: %v", err)
		}
	}
	n.eventually("the node to be served again", func() error { return n.say(a, 0, 1) })
}

func TestDownload(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	a := n.start(0, nil)
	n.start(1, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := a.Conn(aplostest.NodeID(1)).NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, transport.FullMethod(service, "Parts"))
	if err == nil {
		err = errors.Join(stream.SendMsg(&message{Bytes: []byte("abc")}), stream.CloseSend())
	}
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for {
		var part transport.Part
		if err := stream.RecvMsg(&part); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got = append(got, part...)
	}
	if !bytes.Equal(got, []byte("abc")) {
		t.Errorf("got %q", got)
	}
}

// TestReturns has a node go and come back at another port, with a call failing in
// between.
func TestReturns(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	a, b := n.start(0, nil), n.start(1, nil)
	if err := n.say(a, 0, 1); err != nil {
		t.Fatal(err)
	}
	b.stop()
	n.eventually("the node to be away", func() error {
		if err := n.say(a, 0, 1); status.Code(err) != codes.Unavailable {
			return errors.New("it answers")
		}
		return nil
	})
	n.start(1, nil)
	n.eventually("the node to be back", func() error { return n.say(a, 0, 1) })
}

func TestNotRunning(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	a := n.start(0, nil)
	a.stop()
	if err := n.say(a, 0, 1); status.Code(err) != codes.Unavailable {
		t.Errorf("a transport that has stopped: %v, want %s", err, codes.Unavailable)
	}
	fresh := &member{Transport: transport.New(transport.Config{Addresses: n.book, Now: time.Now})}
	if err := n.say(fresh, 0, 1); status.Code(err) != codes.Unavailable {
		t.Errorf("a transport that has not started: %v, want %s", err, codes.Unavailable)
	}
	if others := fresh.Others(); others != nil {
		t.Errorf("others %v before the start", others)
	}
}

func TestTasks(t *testing.T) {
	t.Parallel()
	var tasks transport.Tasks
	if tasks.Go(func(context.Context) {}) {
		t.Error("a task began before Run")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tasks.Run(ctx) }()
	began, finished := make(chan struct{}), false
	task := func(ctx context.Context) {
		close(began)
		<-ctx.Done()
		finished = true
	}
	for !tasks.Go(task) {
		select {
		case err := <-ended:
			t.Fatal(err)
		default:
		}
	}
	<-began
	cancel()
	if err := <-ended; err != nil || !finished {
		t.Errorf("Run ended with %v before its task: %t", err, !finished)
	}
	if tasks.Go(func(context.Context) {}) {
		t.Error("a task began after Run")
	}
}
