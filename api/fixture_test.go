package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/api"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// fixture is a whole network whose node 0 answers on a port.
type fixture struct {
	*localnet.Network

	secrets localnet.Secrets
	url     string
	token   string
	client  *client.Client
	halt    func() // stops the nodes, not the server
}

// options of a fixture.
type options struct {
	peers  int
	net    localnet.Options
	limits api.Limits
	// prepare changes the directory before the network opens; nil: nothing.
	prepare func(localnet.Dir) error
}

func start(t testing.TB, o options) *fixture {
	t.Helper()
	f := &fixture{secrets: localnet.SecretsFromSeed(7)}
	dir := localnet.Dir(t.TempDir())
	if err := localnet.Create(dir, f.secrets, localnet.Spec{Nodes: 4, Peers: o.peers, Accounts: 3, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if o.prepare != nil {
		if err := o.prepare(dir); err != nil {
			t.Fatal(err)
		}
	}
	secret, err := os.ReadFile(dir.Token())
	if err != nil {
		t.Fatal(err)
	}
	f.token = strings.TrimSpace(string(secret))
	if f.Network, err = localnet.Open(t.Context(), dir, o.net); err != nil {
		t.Fatal(err)
	}
	config, err := f.Door(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	config.Limits = o.limits
	running, stopRunning := context.WithCancel(context.Background())
	f.halt = stopRunning
	ran := make(chan error, 1)
	go func() { ran <- f.Run(running) }()
	t.Cleanup(func() {
		stopRunning()
		if err := errors.Join(<-ran, f.Close()); err != nil {
			t.Error(err)
		}
	})
	f.url = f.serve(t, config)
	if f.client, err = client.New(f.url, f.token, client.Options{Retries: -1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.client.Close)
	return f
}

// serve answers on a port of its own until the test ends, and returns its URL.
func (f *fixture) serve(t testing.TB, config api.Config) string {
	t.Helper()
	return f.serveOn(t, config, func(l net.Listener) net.Listener { return l })
}

// serveOn is serve behind a listener of the test's own.
func (f *fixture) serveOn(t testing.TB, config api.Config, wrap func(net.Listener) net.Listener) string {
	t.Helper()
	handler, err := api.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // local and immediate
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- api.Serve(ctx, wrap(listener), handler) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

// ask sends a request with the token and returns status, header and body.
func (f *fixture) ask(t *testing.T, method, path, contentType string, body []byte, header ...string) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.token)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return answer(t, r)
}

// as returns the fixture with a token of another member's, which only reads.
func (f *fixture) as(t testing.TB, kind string, index int) *fixture {
	t.Helper()
	return f.withToken(t, f.bearer(t, f.url, kind, index, false).Secret)
}

// bearer asks the node at the address for a token of a member's.
func (f *fixture) bearer(t testing.TB, url, kind string, index int, signs bool) v1.NewBearerToken {
	t.Helper()
	c, err := client.New(url, "", client.Options{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	made, err := c.CreateToken(t.Context(), f.identity(kind, index), "of a test", signs, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (f *fixture) identity(kind string, index int) *client.Identity {
	return &client.Identity{Key: f.secrets.Key(kind, index), Chain: f.Chain, Now: time.Now, Random: rand.Reader}
}

func (f *fixture) withToken(t testing.TB, secret string) *fixture {
	t.Helper()
	other := *f
	var err error
	if other.client, err = client.New(f.url, secret, client.Options{Retries: -1}); err != nil {
		t.Fatal(err)
	}
	other.token = secret
	t.Cleanup(other.client.Close)
	return &other
}

func nonce() (n [16]byte) {
	_, _ = rand.Read(n[:]) // never fails
	return n
}

func impatient() *http.Client { return &http.Client{Timeout: time.Minute} }

func answer(t *testing.T, r *http.Request) (int, http.Header, []byte) {
	t.Helper()
	response, err := impatient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, b
}

// problem reads a problem and checks what all of them have in common.
func problem(t *testing.T, status int, header http.Header, body []byte) *v1.Problem {
	t.Helper()
	var p v1.Problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("status %d, body %s: %v", status, body, err)
	}
	if got := header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	if p.Status != status || p.Title == "" || !strings.HasPrefix(p.Type, v1.ProblemBase) {
		t.Errorf("status %d with problem %+v", status, p)
	}
	if header.Get(v1.PositionHeader) == "" {
		t.Errorf("no header %s", v1.PositionHeader)
	}
	return &p
}

func decode(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
}

// transfer signs a transfer from account 0 to account 1.
func (f *fixture) transfer(t *testing.T, amount uint64) []byte {
	t.Helper()
	args, err := ledger.Encode(&token.Transfer{To: f.secrets.ID(localnet.KindAccount, 1), Amount: ledger.NewAmount(amount)})
	if err != nil {
		t.Fatal(err)
	}
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: f.Chain, Sender: f.secrets.ID(localnet.KindAccount, 0),
		Contract: token.Name, Method: "transfer", Args: args, Nonce: nonce(),
		Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	return f.sign(t, &tx, localnet.KindAccount, 0)
}

func (f *fixture) sign(t *testing.T, tx *ledger.Transaction, kind string, index int) []byte {
	t.Helper()
	key := f.secrets.Key(kind, index)
	e, err := tx.Sign(key.ID(), key.Sign)
	if err != nil {
		t.Fatal(err)
	}
	return e.Bytes()
}

// smallSpec is a job that peers finish within seconds.
func smallSpec(peers, rounds int64) job.Spec {
	spec := job.Defaults()
	spec.NumRounds, spec.MinTrainPeers, spec.MinAvailablePeers = rounds, peers, peers
	spec.Model.Layers = []int64{64, 8, 10}
	return spec
}
