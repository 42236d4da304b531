package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/api"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// TestBackPressure offers three times what the node lets in, again and again:
// what is too much is refused with a time to come back, no more than the window
// is under way at any time, and all that clients repeat until it is taken
// executes once.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	const (
		window  = 24 // a quarter of it for each account
		batch   = window / 4
		clients = 3 * window / batch
		refuse  = 20 // how often, before clients stop offering more
	)
	f := start(t, options{
		net:    localnet.Options{Window: window},
		limits: api.Limits{MemberRequests: api.Rate{PerSecond: 1e9, Burst: 1e9}}, // the window refuses, not the rate
	})
	sink := ledger.ID{0xee}
	args := &token.Transfer{To: sink, Amount: ledger.NewAmount(1)}
	payers := make([]identity.Caller, 3)
	for i := range payers {
		payers[i] = identity.Caller{
			Chain: f.Chain, Sender: f.secrets.ID(localnet.KindAccount, i), Key: f.secrets.Key(localnet.KindAccount, i), Random: rand.Reader,
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var refused, accepted atomic.Int64
	offer := func(ctx context.Context, number int) error {
		for round := 0; round < 4 || refused.Load() < refuse; round++ {
			raw := make([][]byte, batch)
			for i := range raw {
				var err error
				raw[i], err = payers[number%3].Call(token.Name, "transfer", args, time.Now().Add(time.Minute).UnixMilli())
				if err != nil {
					return err
				}
			}
			first, err := f.insist(ctx, raw, &refused)
			if err != nil {
				return err
			}
			if n := f.Nodes[0].InFlight(); n > window {
				return fmt.Errorf("%d transactions are under way, the window is %d", n, window)
			}
			accepted.Add(int64(len(raw)))
			again, err := f.insist(ctx, raw, &refused)
			if err != nil {
				return err
			}
			for i := range first {
				if first[i].Code != ledger.CodeOK || again[i].Position != first[i].Position {
					return fmt.Errorf("outcome %+v, sent again %+v", first[i], again[i])
				}
			}
		}
		return nil
	}
	group, offering := errgroup.WithContext(ctx)
	for number := range clients {
		group.Go(func() error { return offer(offering, number) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	got, err := token.Balance(f.Nodes[0].State(t.Context()), sink)
	if want := ledger.NewAmount(uint64(accepted.Load())); err != nil || got != want {
		t.Errorf("%s units arrived of %s that were accepted, error %v", got, want, err)
	}
	text := string(f.metrics(t))
	for _, want := range []string{
		fmt.Sprintf("librum_queue_bound{queue=%q} %d", "door", window), `librum_queue_length{queue="door"} 0`, `librum_queue_length{queue="commits"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
}

// TestGivenUpRequest has a client give up while a transaction waits for its turn:
// that is counted by itself, and no error of the node's.
func TestGivenUpRequest(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	log := &recorded{}
	config, err := f.Door(0, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	f.url = f.serve(t, config)
	payer := identity.Caller{
		Chain: f.Chain, Sender: f.secrets.ID(localnet.KindAccount, 0), Key: f.secrets.Key(localnet.KindAccount, 0), Random: rand.Reader,
	}
	transfer := func() []byte {
		args := &token.Transfer{To: ledger.ID{0xee}, Amount: ledger.NewAmount(1)}
		raw, err := payer.Call(token.Name, "transfer", args, time.Now().Add(time.Minute).UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if status, _, body := f.ask(t, http.MethodPost, "/v1/transactions", "application/cose", transfer()); status != http.StatusOK { // brings log time near
		t.Fatalf("%d: %s", status, body)
	}
	held, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	viewed := make(chan error, 1)
	go func() {
		viewed <- f.Nodes[0].View(t.Context(), func(contract.Range, int64) error {
			close(held)
			<-released // nothing executes until then
			return nil
		})
	}()
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/v1/transactions", bytes.NewReader(transfer()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.token)
	r.Header.Set("Content-Type", "application/cose")
	given := make(chan error, 1)
	go func() {
		response, err := impatient().Do(r)
		if err == nil {
			err = response.Body.Close()
		}
		given <- err
	}()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for f.Nodes[0].InFlight() == 0 {
		<-ticker.C
	}
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Errorf("the client got %v", err)
	}
	const counted = `librum_http_requests_total{route="POST /v1/transactions",status="499"} 1`
	for text := ""; !strings.Contains(text, counted); text = string(f.metrics(t)) {
		if strings.Contains(text, `route="POST /v1/transactions",status="5`) {
			t.Fatalf("a client that gave up counts as an error of the node: %s", text)
		}
	}
	release()
	if err := <-viewed; err != nil {
		t.Error(err)
	}
	if text := log.text(); strings.Contains(text, "level=ERROR") || !strings.Contains(text, `level=DEBUG msg="request given up"`) {
		t.Errorf("the door logs:\n%s", text)
	}
}

// insist submits until the node takes it.
func (f *fixture) insist(ctx context.Context, raw [][]byte, refused *atomic.Int64) ([]v1.Outcome, error) {
	for {
		outcomes, err := f.client.SubmitBatch(ctx, raw, client.Executed)
		if err == nil {
			return outcomes, nil
		}
		var p *client.Problem
		if !errors.As(err, &p) || p.Status != http.StatusTooManyRequests || p.Code() != "busy" || p.RetryAfter <= 0 {
			return nil, fmt.Errorf("want 429 busy with Retry-After: %w", err)
		}
		refused.Add(1)
	}
}
