package api_test

import (
	"bytes"
	"context"
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
	nonce   byte
	halt    func() // stops the nodes, not the server
}

// options of a fixture.
type options struct {
	peers  int
	net    localnet.Options
	limits api.Limits
}

func start(t testing.TB, o options) *fixture {
	t.Helper()
	f := &fixture{secrets: localnet.SecretsFromSeed(7)}
	dir := localnet.Dir(t.TempDir())
	if err := localnet.Create(dir, f.secrets, localnet.Spec{Nodes: 4, Peers: o.peers, Accounts: 3, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(dir.Token())
	if err != nil {
		t.Fatal(err)
	}
	f.token = strings.TrimSpace(string(secret))
	if f.Network, err = localnet.Open(t.Context(), dir, o.net); err != nil {
		t.Fatal(err)
	}
	genesis, err := os.ReadFile(dir.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	handler, err := api.New(api.Config{
		Node: f.Nodes[0], Coordinator: f.Coordinators[0], Blobs: f.Blobs[0], Genesis: genesis, Token: f.token, Limits: o.limits,
		Delegate: api.Delegate{Key: f.secrets.Key(localnet.KindDelegate, 0), Member: f.secrets.ID(localnet.KindMember, 0)},
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // local and immediate
	if err != nil {
		t.Fatal(err)
	}
	f.url = "http://" + listener.Addr().String()
	if f.client, err = client.New(f.url, f.token, client.Options{Retries: -1}); err != nil {
		t.Fatal(err)
	}
	serving, stopServing := context.WithCancel(context.Background())
	running, stopRunning := context.WithCancel(context.Background())
	f.halt = stopRunning
	served, ran := make(chan error, 1), make(chan error, 1)
	go func() { ran <- f.Run(running) }()
	go func() { served <- api.Serve(serving, listener, handler) }()
	t.Cleanup(func() {
		f.client.Close()
		stopServing()
		err := <-served
		stopRunning()
		if err := errors.Join(err, <-ran, f.Close()); err != nil {
			t.Error(err)
		}
	})
	return f
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

// transfer signs a transfer from account 0 to account 1.
func (f *fixture) transfer(t *testing.T, amount uint64) []byte {
	t.Helper()
	args, err := ledger.Encode(&token.Transfer{To: f.secrets.ID(localnet.KindAccount, 1), Amount: ledger.NewAmount(amount)})
	if err != nil {
		t.Fatal(err)
	}
	f.nonce++
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: f.Chain, Sender: f.secrets.ID(localnet.KindAccount, 0),
		Contract: token.Name, Method: "transfer", Args: args, Nonce: [16]byte{f.nonce},
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
