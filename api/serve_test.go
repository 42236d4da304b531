package api_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/api"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/client"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/localnet"
)

// Streams and waits end when the server shuts down, at once and without an
// error for the server.
func TestShutdownEndsWaits(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1})
	f.call(t, localnet.KindPeer, 0, fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true})
	handler, err := f.Handler(nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // local and immediate
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- api.Serve(ctx, listener, handler) }()
	c, err := client.New("http://"+listener.Addr().String(), f.token, client.Options{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	peer := *f
	peer.url = "http://" + listener.Addr().String()
	p := peer.as(t, localnet.KindPeer, 0)
	j, err := c.CreateJob(t.Context(), smallSpec(2, 1), "")
	if err != nil {
		t.Fatal(err)
	}
	polled := make(chan error, 1)
	go func() {
		task, err := p.client.Task(context.WithoutCancel(ctx), f.secrets.ID(localnet.KindPeer, 0), 50*time.Second)
		if err == nil && task != nil {
			err = errors.New("a task came from nowhere")
		}
		polled <- err
	}()
	begun := time.Now()
	for e, err := range c.Events(context.WithoutCancel(ctx), j.ID, "") {
		if err == nil && e.Type == fl.EventJobCreated {
			inner := *f
			inner.url = "http://" + listener.Addr().String()
			for !bytes.Contains(inner.metrics(t), []byte("\nlibrum_http_waits 2\n")) {
			}
			cancel()
		}
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if err := <-polled; err != nil {
		t.Errorf("poll: %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the shutdown took %v", took)
	}
}

func (f *fixture) metrics(t *testing.T) []byte {
	t.Helper()
	_, _, b := f.ask(t, http.MethodGet, "/metrics", "", nil)
	return b
}

// broken is a blob store and a coordinator on which things go wrong.
type broken struct {
	blob.Store
	*coordinator.Service
}

func (broken) Task(context.Context, ledger.ID) (*coordinator.Task, error) {
	panic("a secret of the node")
}

func (broken) Ensure(context.Context, ledger.Digest, uint64) error {
	return errors.New("another secret of the node")
}

func TestInsideStaysInside(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1})
	f.openRound(t, 1)
	config, err := f.Door(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	config.Coordinator = broken{f.Nodes[0].Blobs, f.Nodes[0].Coordinator}
	handler, err := api.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // local and immediate
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- api.Serve(ctx, listener, handler) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	jobs, err := f.client.Jobs(t.Context(), client.Page{})
	if err != nil || jobs.Jobs[0].Model == nil {
		t.Fatalf("jobs %+v, error %v", jobs, err)
	}
	inner := f.as(t, localnet.KindPeer, 0)
	inner.url = "http://" + listener.Addr().String()
	for _, path := range []string{
		"/v1/peers/" + f.secrets.ID(localnet.KindPeer, 0).String() + "/tasks",
		"/v1/blobs/" + jobs.Jobs[0].Model.Digest.String(),
	} {
		status, header, body := inner.ask(t, http.MethodGet, path, "", nil)
		if p := problem(t, status, header, body); p.Code() != "internal" || strings.Contains(string(body), "secret") {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestNewRefusesHalfAConfiguration(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	whole, err := f.Door(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*api.Config){
		"node":           func(c *api.Config) { c.Node = nil },
		"genesis":        func(c *api.Config) { c.Genesis = []byte("of another chain") },
		"tokens":         func(c *api.Config) { c.Tokens = nil },
		"no coordinator": func(c *api.Config) { c.Coordinator = nil },
	} {
		c := whole
		change(&c)
		if _, err := api.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLastEventIDIsRead(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	j, err := f.client.CreateJob(t.Context(), smallSpec(2, 1), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"x", "1", "1.", ".1", "1.x", "-1.0", "1.4294967295", "1.99999999999"} {
		status, header, body := f.ask(t, http.MethodGet, "/v1/jobs/"+j.ID.String()+"/events", "", nil, "Last-Event-ID", id)
		if p := problem(t, status, header, body); p.Code() != "invalid" || header.Get(v1.PositionHeader) == "" {
			t.Errorf("Last-Event-ID %q: %s", id, body)
		}
	}
}

func TestStoppedNodeIsNotReady(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	raw := f.transfer(t, 1)
	if err := f.client.Ready(t.Context()); err != nil {
		t.Errorf("a running node: %v", err)
	}
	f.halt()
	if _, err := f.Nodes[0].Await(t.Context(), func(s node.Status) bool { return s.Err != nil }); err != nil {
		t.Fatal(err)
	}
	status, header, body := f.ask(t, http.MethodGet, "/readyz", "", nil)
	if p := problem(t, status, header, body); p.Code() != "not_ready" {
		t.Errorf("ready: %s", body)
	}
	status, header, body = f.ask(t, http.MethodPost, "/v1/transactions", "application/cose", raw)
	if p := problem(t, status, header, body); p.Code() != "stopped" || header.Get("Retry-After") == "" {
		t.Errorf("submit: %s", body)
	}
	for _, path := range []string{"/healthz", "/v1/status", "/v1/blocks"} {
		if status, _, body := f.ask(t, http.MethodGet, path, "", nil); status != http.StatusOK {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
	}
}
