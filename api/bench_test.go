package api_test

import (
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/librum/librum/api"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// BenchmarkSubmitBatch submits signed transfers over HTTP, four nodes in this
// process executing each of them.
func BenchmarkSubmitBatch(b *testing.B) {
	const length = 1_000
	f := start(b, options{})
	key, sender := f.secrets.Key(localnet.KindAccount, 0), f.secrets.ID(localnet.KindAccount, 0)
	args, err := ledger.Encode(&token.Transfer{To: f.secrets.ID(localnet.KindAccount, 1), Amount: ledger.NewAmount(1)})
	if err != nil {
		b.Fatal(err)
	}
	nonce := uint64(0)
	sign := func() []byte {
		nonce++
		tx := ledger.Transaction{
			Version: ledger.Version, Chain: f.Chain, Sender: sender, Contract: token.Name, Method: "transfer",
			Args: args, Expiry: time.Now().Add(5 * time.Minute).UnixMilli(),
		}
		binary.BigEndian.PutUint64(tx.Nonce[:], nonce)
		e, err := tx.Sign(key.ID(), key.Sign)
		if err != nil {
			b.Fatal(err)
		}
		return e.Bytes()
	}
	for b.Loop() {
		b.StopTimer()
		batch := make([][]byte, length)
		for i := range batch {
			batch[i] = sign()
		}
		b.StartTimer()
		outcomes, err := f.client.SubmitBatch(b.Context(), batch, client.Executed)
		if err != nil || outcomes[length-1].Code != ledger.CodeOK {
			b.Fatalf("outcomes %+v, error %v", outcomes, err)
		}
	}
	b.ReportMetric(length*float64(b.N)/b.Elapsed().Seconds(), "transactions/s")
}

// BenchmarkDoor answers a request of one that is known, while nothing is executed.
func BenchmarkDoor(b *testing.B) {
	f := start(b, options{limits: api.Limits{MemberRequests: api.Rate{PerSecond: 1e9, Burst: 1e9}}})
	config, err := f.Door(0, nil)
	if err != nil {
		b.Fatal(err)
	}
	config.Limits.MemberRequests = api.Rate{PerSecond: 1e9, Burst: 1e9}
	handler, err := api.New(config)
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/v1/status", nil)
	r.Header.Set("Authorization", "Bearer "+f.token)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
