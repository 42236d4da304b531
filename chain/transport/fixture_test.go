package transport_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/chain/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// state is a ledger that all nodes of a test share.
type state struct {
	testing.TB
	chain *aplostest.Chain
	mu    sync.Mutex
	rows  aplostest.Rows
	next  atomic.Uint64 // grows with each row
	views atomic.Int64
}

func newState(t testing.TB, nodes int) *state {
	t.Helper()
	s := &state{TB: t, chain: aplostest.New(t, nodes, 1, now.UnixMilli(), nil), rows: aplostest.Rows{}}
	sealed, err := aplos.Genesis(aplostest.Contracts(), s.chain.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	s.rows.Apply(sealed.Writes)
	return s
}

func (s *state) View(_ context.Context, read func(contract.Range, int64) error) error {
	s.views.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return read(s.rows, now.UnixMilli())
}

func (s *state) Next() uint64 { return s.next.Load() }

// put writes a row.
func (s *state) put(key contract.Key, value any) {
	s.Helper()
	b, err := ledger.Encode(value)
	if err != nil {
		s.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows.Apply([]ledger.Write{{Key: []byte(key), Value: b}})
	s.next.Add(1)
}

// change writes another group.
func (s *state) change(change func(*ledger.Group)) {
	s.Helper()
	group := s.chain.Genesis.Group
	group.Nodes = append([]ledger.GroupNode(nil), group.Nodes...)
	change(&group)
	s.put(governance.GroupRow, &group)
}

func (s *state) organisation() ledger.ID { return s.chain.Genesis.Organisations[0].ID }

// list has the ledger list an authority.
func (s *state) list(a *cert.Authority, organisation ledger.ID, removed bool) {
	s.Helper()
	_, key, _, err := cert.Identity(a.Certificate)
	if err != nil {
		s.Fatal(err)
	}
	ca := governance.CA{Organisation: organisation, Key: key, Until: now.AddDate(1, 0, 0).UnixMilli(), Removed: removed}
	if removed {
		ca.Until = now.UnixMilli()
	}
	s.put(governance.CARow(ledger.Hash(a.Certificate.Raw)), &ca)
}

// message is what the echo of the tests carries.
type message struct {
	_     struct{} `cbor:",toarray"`
	Bytes []byte
}

// echo is a service that answers what it is told, with the caller before it.
type echo struct {
	held chan struct{} // a call of Hold waits for it
}

const service = "test.Echo"

func (e *echo) Register(r grpc.ServiceRegistrar) {
	say := func(ctx context.Context, in *message) (*message, error) {
		caller, ok := transport.Caller(ctx)
		if !ok {
			return nil, errors.New("no caller")
		}
		return &message{Bytes: append(caller[:], in.Bytes...)}, nil
	}
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			transport.Unary(service, "Say", say),
			transport.Unary(service, "Hold", func(ctx context.Context, in *message) (*message, error) {
				select {
				case e.held <- struct{}{}:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}),
		},
		Streams: []grpc.StreamDesc{transport.Download("Parts", func(_ context.Context, in *message, send func(transport.Part) error) error {
			for _, b := range in.Bytes {
				if err := send(transport.Part{b}); err != nil {
					return err
				}
			}
			return nil
		})},
	}, e)
}

// member is a node that listens.
type member struct {
	*transport.Transport
	echo    *echo
	address string
	stop    func()
}

// network is nodes of one organisation and its office.
type network struct {
	*state
	office *transporttest.Office
	book   *transporttest.Book
}

func newNetwork(t testing.TB, nodes int) *network {
	t.Helper()
	s := newState(t, nodes)
	n := &network{
		state: s, office: transporttest.NewOffice(t, s.chain.ID, s.organisation(), "office", now), book: new(transporttest.Book),
	}
	s.list(n.office.Authority, s.organisation(), false)
	return n
}

// start starts a node that shows the certificates, its own if there are none.
func (n *network) start(i int, change func(*transport.Config), shown ...*tls.Certificate) *member {
	n.Helper()
	if len(shown) == 0 {
		shown = []*tls.Certificate{n.office.Node(aplostest.NodeID(i), aplostest.NodeKey(i))}
	}
	config := transport.Config{
		Self: aplostest.NodeID(i), Chain: n.chain.ID, Certificates: func() []*tls.Certificate { return shown },
		Addresses: n.book, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler), MaxBackoff: 20 * time.Millisecond,
	}
	if change != nil {
		change(&config)
	}
	listener := transporttest.Listen(n)
	m := &member{Transport: transport.New(config), echo: &echo{held: make(chan struct{})}, address: listener.Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx, listener, n, m.echo) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			n.Error(err)
		}
	})
	n.Cleanup(m.stop)
	n.eventually("the node to run", func() error {
		if m.Others() == nil {
			return transport.ErrNotRunning
		}
		return nil
	})
	n.book.Set(config.Self, m.address)
	return m
}

// say has a node say something to another and checks the answer.
func (n *network) say(from *member, caller, to int) error {
	ctx, cancel := context.WithTimeout(n.Context(), 10*time.Second)
	defer cancel()
	var out message
	err := from.Conn(aplostest.NodeID(to)).Invoke(ctx, transport.FullMethod(service, "Say"), &message{Bytes: []byte("good day")}, &out)
	if id := aplostest.NodeID(caller); err == nil && !bytes.Equal(out.Bytes, append(id[:], "good day"...)) {
		n.Errorf("node %d answers %q", to, out.Bytes)
	}
	return err
}

// eventually tries until there is no error.
func (n *network) eventually(what string, try func() error) {
	n.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-timeout.C:
			n.Fatalf("waited in vain: %s: %v", what, err)
		}
	}
}

func certificates(c ...*x509.Certificate) []*x509.Certificate { return c }
