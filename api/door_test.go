package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/librum/librum/api"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/localnet"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *rewrite {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at the change, then run go test ./api -run %s -rewrite", path, t.Name())
	}
}

func TestProblemsAreStable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	seen := map[string]bool{}
	for _, kind := range api.Problems() {
		fmt.Fprintf(&b, "%s %d %s\n", v1.ProblemBase+kind.Code, kind.Status, kind.Title)
		if seen[kind.Code] || kind.Title == "" || kind.Doc == "" {
			t.Errorf("problem %q stands twice or lacks its documentation", kind.Code)
		}
		seen[kind.Code] = true
	}
	golden(t, "problems.txt", []byte(b.String()))
}

func TestOpenAPIIsStable(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	status, _, document := answer(t, r) // without a token
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	golden(t, "openapi.json", append(document, '\n'))
}

func TestOnlyTheTokenOpensTheDoor(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	for path, public := range map[string]bool{
		"/healthz": true, "/readyz": true, "/openapi.json": true,
		"/metrics": false, "/v1/status": false, "/v1/genesis": false, "/v1/nothing": false, "/": false,
	} {
		for _, authorization := range []string{"", "Bearer " + strings.Repeat("x", len(f.token)), "Bearer " + f.token + "x", "Basic " + f.token, "Bearer"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
			status, header, body := answer(t, r)
			if public {
				if status != http.StatusOK {
					t.Errorf("%s: status %d", path, status)
				}
				continue
			}
			if p := problem(t, status, header, body); p.Code() != "unauthorized" || header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %q: %s", path, authorization, body)
			}
		}
	}
	for _, path := range []string{"/v1/status", "/v1/genesis", "/metrics"} {
		if status, _, b := f.ask(t, http.MethodGet, path, "", nil); status != http.StatusOK {
			t.Errorf("%s: status %d, %s", path, status, b)
		}
	}
	_, _, metrics := f.ask(t, http.MethodGet, "/metrics", "", nil)
	for _, name := range []string{
		"librum_records_executed_total", `librum_queue_bound{queue="commits"} 4`, `librum_queue_length{queue="door"} 0`, "librum_stage_validating_seconds_total",
		`librum_http_requests_total{route="GET /v1/status",status="200"} 1`,
	} {
		if !bytes.Contains(metrics, []byte(name)) {
			t.Errorf("no %s in the metrics", name)
		}
	}
}

func TestBadInputIsNamed(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1, limits: api.Limits{BodyBytes: 100_000, BatchLength: 3}})
	peer := f.as(t, localnet.KindPeer, 0)
	transfer := base64.StdEncoding.EncodeToString(f.transfer(t, 1))
	digest, id := strings.Repeat("a", 64), strings.Repeat("a", 32)
	const (
		get, post, json = http.MethodGet, http.MethodPost, "application/json"
	)
	for _, c := range []struct {
		name, method, path, contentType, body string
		code, where                           string
	}{
		{"unknown route", get, "/v2/status", "", "", "no_route", ""},
		{"wrong method", http.MethodDelete, "/v1/status", "", "", "method_not_allowed", "GET"},
		{"unknown query", get, "/v1/blocks?limitt=3", "", "", "invalid", "query.limitt"},
		{"limit too large", get, "/v1/blocks?limit=1001", "", "", "invalid", "query.limit"},
		{"limit no number", get, "/v1/jobs?limit=x", "", "", "invalid", "query.limit"},
		{"bad cursor", get, "/v1/jobs?cursor=xyz", "", "", "invalid", "query.cursor"},
		{"bad cursor of rounds", get, "/v1/blocks?cursor=-1", "", "", "invalid", "query.cursor"},
		{"bad order", get, "/v1/blocks?order=up", "", "", "invalid", "query.order"},
		{"id too short", get, "/v1/transactions/abc", "", "", "invalid", "path.id"},
		{"id in upper case", get, "/v1/accounts/" + strings.ToUpper(id), "", "", "invalid", "path.id"},
		{"height zero", get, "/v1/blocks/0", "", "", "invalid", "path.height"},
		{"height no number", get, "/v1/blocks/top", "", "", "invalid", "path.height"},
		{"no such job", get, "/v1/jobs/" + digest, "", "", "not_found", digest},
		{"no such job's rounds", get, "/v1/jobs/" + digest + "/rounds", "", "", "not_found", digest},
		{"no such job's events", get, "/v1/jobs/" + digest + "/events", "", "", "not_found", digest},
		{"cancel no such job", post, "/v1/jobs/" + digest + "/cancel", "", "", "not_found", ""},
		{"no such model", get, "/v1/models/" + digest + "/versions/1", "", "", "not_found", digest},
		{"no such blob", get, "/v1/blobs/" + digest, "", "", "not_found", digest},
		{"no such transaction", get, "/v1/transactions/" + digest, "", "", "not_found", digest},
		{"no such proof", get, "/v1/transactions/" + digest + "/proof", "", "", "not_found", digest},
		{"no such peer", get, "/v1/peers/" + id, "", "", "not_found", id},
		{"wait too long", get, "/v1/peers/" + id + "/tasks?wait_s=301", "", "", "invalid", "query.wait_s"},
		{"another's task", get, "/v1/peers/" + id + "/tasks", "", "", "not_permitted", "peer (own)"},
		{"empty body", post, "/v1/transactions", json, "", "bad_request", ""},
		{"cut JSON", post, "/v1/transactions", json, `{"transaction":`, "bad_request", "ends early"},
		{"two objects", post, "/v1/transactions", json, `{"transaction":"` + transfer + `"}{}`, "bad_request", "more follows"},
		{"no JSON", post, "/v1/transactions", json, `transaction`, "bad_request", "byte"},
		{"unknown field", post, "/v1/transactions", json, `{"tx":"AA=="}`, "invalid", "body.tx"},
		{"wrong type", post, "/v1/transactions", json, `{"transactions":"AA=="}`, "invalid", "body.transactions"},
		{"no base64", post, "/v1/transactions", json, `{"transactions":["AA==","!"]}`, "invalid", "body.transactions[1]"},
		{"base64 without padding", post, "/v1/transactions", json, `{"transaction":"AA"}`, "invalid", "body.transaction"},
		{"both fields", post, "/v1/transactions", json, `{"transaction":"AA==","transactions":["AA=="]}`, "invalid", "body.transactions"},
		{"no transactions", post, "/v1/transactions", json, `{}`, "invalid", "body.transactions"},
		{"too many", post, "/v1/transactions", json, `{"transactions":["","","",""]}`, "invalid", "1 to 3"},
		{"bad CBOR", post, "/v1/transactions", "application/cbor", "\x81", "bad_request", "batch"},
		{"CBOR of another shape", post, "/v1/transactions", "application/cbor", "\xa0", "bad_request", "batch"},
		{"too large", post, "/v1/transactions", json, strings.Repeat(" ", 100_002), "body_too_large", "at most 100000 bytes"},
		{"wrong type of body", post, "/v1/transactions", "text/plain", "x", "unsupported_media_type", "application/json"},
		{"bad wait", post, "/v1/transactions?wait=long", json, `{"transaction":"` + transfer + `"}`, "invalid", "query.wait"},
		{"unknown job field", post, "/v1/jobs", json, `{"num_round":3,"model":{"layers":[64,10]}}`, "bad_spec", "body.num_round"},
		{"job field of wrong type", post, "/v1/jobs", json, `{"num_rounds":"many","model":{"layers":[64,10]}}`, "bad_spec", "body.num_rounds"},
		{"bad YAML", post, "/v1/jobs", "application/yaml", "num_rounds: [", "bad_spec", "not YAML"},
		{"job of wrong type", post, "/v1/jobs", "application/cbor", "x", "unsupported_media_type", "application/yaml"},
		{"job too large", post, "/v1/jobs", json, strings.Repeat(" ", 70_000), "body_too_large", "at most 65536 bytes"},
		{"unknown upload field", post, "/v1/uploads", json, `{"file":"x"}`, "invalid", "body.file"},
		{"upload field of wrong type", post, "/v1/uploads", json, `{"job":1,"round":1,"peer":"` + id + `","size":1,"digest":"` + digest + `"}`, "invalid", "body.job"},
		{"upload without offset", http.MethodPatch, "/v1/uploads/" + id, "application/offset+octet-stream", "x", "invalid", "header.Upload-Offset"},
	} {
		who := f
		if c.code == "invalid" && (strings.Contains(c.path, "/tasks") || strings.HasPrefix(c.path, "/v1/uploads")) {
			who = peer // others are told that they may not ask
		}
		status, header, body := who.ask(t, c.method, c.path, c.contentType, []byte(c.body))
		if p := problem(t, status, header, body); p.Code() != c.code || !bytes.Contains(body, []byte(c.where)) {
			t.Errorf("%s: status %d, %s; want %s with %q", c.name, status, body, c.code, c.where)
		}
	}
	if status, header, body := f.ask(t, post, "/v1/jobs", json, []byte(`{"model":{"layers":[64,10]}}`), "Idempotency-Key", strings.Repeat("k", 129)); problem(t, status, header, body).Code() != "invalid" {
		t.Errorf("long key: %s", body)
	}
}

func TestFullWindowAnswersBusy(t *testing.T) {
	t.Parallel()
	f := start(t, options{net: localnet.Options{Window: 1}, limits: api.Limits{BatchLength: 3}})
	var raw [][]byte
	for range 3 {
		raw = append(raw, f.transfer(t, 1))
	}
	body, err := ledger.Encode(raw)
	if err != nil {
		t.Fatal(err)
	}
	status, header, answered := f.ask(t, http.MethodPost, "/v1/transactions", "application/cbor", body)
	if p := problem(t, status, header, answered); status != http.StatusTooManyRequests || p.Code() != "busy" || header.Get("Retry-After") != "1" {
		t.Errorf("status %d, %s", status, answered)
	}
	// A client that repeats gets all of them through, each once.
	c, err := client.New(f.url, f.token, client.Options{Retries: 10, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, b := range raw {
		if tx, err := c.Submit(t.Context(), b, client.Executed); err != nil || tx.Code != ledger.CodeOK {
			t.Errorf("outcome %+v, error %v", tx, err)
		}
	}
	account, err := c.Account(t.Context(), f.secrets.ID(localnet.KindAccount, 1))
	if err != nil || account.Balance.String() != "1000000000000000000003" {
		t.Errorf("account %+v, error %v", account, err)
	}
}

// A batch that the node would never let in is refused for good, with what is
// allowed: trying again would not help.
func TestBatchFitsTheMembersShare(t *testing.T) {
	t.Parallel()
	f := start(t, options{net: localnet.Options{Window: 8}})
	var raw [][]byte
	for range 3 {
		raw = append(raw, f.transfer(t, 1))
	}
	_, err := f.client.SubmitBatch(t.Context(), raw, client.Executed)
	var p *client.Problem
	if !errors.As(err, &p) || p.Code() != "invalid" || !strings.Contains(fmt.Sprint(p.Errors), "1 to 2 are allowed") {
		t.Errorf("a batch larger than a quarter of the window: %v", err)
	}
	outcomes, err := f.client.SubmitBatch(t.Context(), raw[:2], client.Executed)
	if err != nil || outcomes[0].Code != ledger.CodeOK || outcomes[1].Code != ledger.CodeOK {
		t.Errorf("a batch of the share: %+v, error %v", outcomes, err)
	}
}

// Streams and waits for tasks have places of their own: neither keeps the
// other out.
func TestWaitsAreBounded(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1, limits: api.Limits{Streams: 1, Tasks: 1}})
	self, p := f.secrets.ID(localnet.KindPeer, 0), f.as(t, localnet.KindPeer, 0)
	f.call(t, localnet.KindPeer, 0, fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true})
	j, err := f.client.CreateJob(t.Context(), smallSpec(2, 1), "") // one peer too few
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		var problem *client.Problem
		if !errors.As(err, &problem) || problem.Code() != "too_many_waits" || problem.RetryAfter == 0 {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, err := range f.client.Events(t.Context(), j.ID, "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range f.client.Events(t.Context(), j.ID, "") {
			refused("a second stream", err)
		}
		polling, stop := context.WithCancel(t.Context())
		polled := make(chan error, 1)
		go func() {
			_, err := p.client.Task(polling, self, 50*time.Second)
			polled <- err
		}()
		for !bytes.Contains(f.metrics(t), []byte("\nlibrum_http_waits 2\n")) {
			if len(polled) > 0 {
				t.Fatalf("a wait for a task beside a stream: %v", <-polled)
			}
		}
		_, err := p.client.Task(t.Context(), self, time.Second)
		refused("a second wait for a task", err)
		stop()
		if err := <-polled; !errors.Is(err, context.Canceled) {
			t.Errorf("the first wait for a task: %v", err)
		}
		break
	}
}

// A member that takes all the waits it can get leaves places for the others.
func TestWaitsAreShared(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 2, limits: api.Limits{Tasks: 32}}) // two for each member
	greedy, other := f.as(t, localnet.KindPeer, 0), f.as(t, localnet.KindPeer, 1)
	for i := range 2 {
		f.call(t, localnet.KindPeer, i, fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true})
	}
	polling, stop := context.WithCancel(t.Context())
	polled := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := greedy.client.Task(polling, f.secrets.ID(localnet.KindPeer, 0), 50*time.Second)
			polled <- err
		}()
	}
	for !bytes.Contains(f.metrics(t), []byte("\nlibrum_http_waits 2\n")) {
		if len(polled) > 0 {
			t.Fatalf("a wait within the share: %v", <-polled)
		}
	}
	_, err := greedy.client.Task(t.Context(), f.secrets.ID(localnet.KindPeer, 0), 0)
	var p *client.Problem
	if !errors.As(err, &p) || p.Code() != "too_many_waits" {
		t.Errorf("a wait beyond the share: %v", err)
	}
	if _, err := other.client.Task(t.Context(), f.secrets.ID(localnet.KindPeer, 1), 0); err != nil {
		t.Errorf("another member's wait: %v", err)
	}
	stop()
	for range 2 {
		if err := <-polled; !errors.Is(err, context.Canceled) {
			t.Errorf("a wait within the share: %v", err)
		}
	}
}

func TestEndsOfJobsAreTheContracts(t *testing.T) {
	t.Parallel()
	for theirs, ours := range map[string]string{
		fl.EventJobFinished: v1.EventJobFinished, fl.EventJobFailed: v1.EventJobFailed, fl.EventJobCancelled: v1.EventJobCancelled,
	} {
		if theirs != ours {
			t.Errorf("event %q is called %q in api/v1", theirs, ours)
		}
	}
}

func FuzzBodies(f *testing.F) {
	seed, err := cbor.Marshal([][]byte{{1}, {2}})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{`{"transaction":"AA=="}`, `{"transactions":["AA==",""]}`, `{"model":{"layers":[64,10]}}`, "model: {layers: [64, 10]}", `{"job":"a","round":1}`, string(seed)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, contentType := range []string{"application/json", "application/cbor", "application/yaml"} {
			if err := api.ReadBodies(contentType, []byte(body)); err != nil {
				var status interface{ GetStatus() int }
				if !errors.As(err, &status) || status.GetStatus() >= http.StatusInternalServerError {
					t.Errorf("%s: %v is no problem of the client's", contentType, err)
				}
			}
		}
	})
}
