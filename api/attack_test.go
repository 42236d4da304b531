package api_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/librum/librum/api"
	"github.com/librum/librum/api/auditlog"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// zeros is a body without end.
type zeros struct{ sent atomic.Int64 }

func (z *zeros) Read(b []byte) (int, error) {
	clear(b)
	z.sent.Add(int64(len(b)))
	return len(b), nil
}

// Ten gigabytes where ten megabytes are allowed are cut off early: what is not
// taken can't be held in memory.
func TestEndlessBodiesAreCutOff(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1, limits: api.Limits{BodyBytes: 10 << 20}})
	task := f.openRound(t, 1)
	p := f.as(t, localnet.KindPeer, 0)
	announced := client.NewUpload(task.Job, task.Round, f.secrets.ID(localnet.KindPeer, 0), make([]byte, 1_000))
	body := fmt.Appendf(nil, `{"job":"%s","round":%d,"peer":"%s","digest":"%s","size":%d}`,
		announced.Job, announced.Round, announced.Peer, announced.Digest, announced.Size)
	u := p.upload(t, http.StatusCreated, http.MethodPost, "/v1/uploads", "application/json", body)
	const most = 64 << 20
	for path, as := range map[string]*fixture{"/v1/uploads/" + u.ID.String(): p, "/v1/transactions": f, "/v1/jobs": f, "/v1/bearer-tokens": f} {
		method, contentType := http.MethodPost, "application/json"
		if as == p {
			method, contentType = http.MethodPatch, "application/offset+octet-stream"
		}
		if path == "/v1/bearer-tokens" {
			contentType = "application/cose"
		}
		source := &zeros{}
		r, err := http.NewRequestWithContext(t.Context(), method, f.url+path, io.LimitReader(source, 10<<30))
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 10 << 30
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Upload-Offset", "0")
		r.Header.Set("Authorization", "Bearer "+as.token)
		response, err := impatient().Do(r)
		if err == nil { // the connection may be cut before the answer is read
			if response.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: status %d", path, response.StatusCode)
			}
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
		}
		if sent := source.sent.Load(); sent > most {
			t.Errorf("%s: %d bytes were taken", path, sent)
		}
	}
}

// Bombs: compressed bodies, headers, nesting, aliases, lists.
func TestBombs(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(make([]byte, 10<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "gzip, gzip"} {
		status, header, b := f.ask(t, http.MethodPost, "/v1/jobs", "application/json", bomb.Bytes(), "Content-Encoding", encoding)
		if p := problem(t, status, header, b); p.Code() != "unsupported_media_type" || header.Get("Accept-Encoding") != "identity" {
			t.Errorf("Content-Encoding %s: %s", encoding, b)
		}
	}
	deep := strings.Repeat("[", 30_000)
	laughs := "a: &a [l,l,l,l,l,l,l,l,l]\n"
	for i := range 9 {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", 'b'+i, 'b'+i, strings.TrimSuffix(strings.Repeat("*"+string(rune('a'+i))+",", 9), ","))
	}
	begun := time.Now()
	for name, c := range map[string]struct{ path, contentType, body string }{
		"nested JSON":         {"/v1/jobs", "application/json", deep},
		"nested transactions": {"/v1/transactions", "application/json", `{"transactions":` + deep},
		"nested CBOR":         {"/v1/transactions", "application/cbor", strings.Repeat("\x81", 30_000)},
		"a CBOR list":         {"/v1/transactions", "application/cbor", "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff"},
		"a CBOR string":       {"/v1/transactions", "application/cbor", "\x81\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"},
		"aliases in YAML":     {"/v1/jobs", "application/yaml", laughs},
		"a number":            {"/v1/jobs", "application/json", `{"num_rounds":1e999999999}`},
		"many fields":         {"/v1/jobs", "application/json", "{" + strings.Repeat(`"seed":1,`, 7_000) + `"seed":1}`},
	} {
		status, header, b := f.ask(t, http.MethodPost, c.path, c.contentType, []byte(c.body))
		if problem(t, status, header, b); status >= http.StatusInternalServerError || len(b) > 100<<10 {
			t.Errorf("%s: status %d, an answer of %d bytes", name, status, len(b))
		}
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("refusing them took %v", took)
	}
	for name, header := range map[string]string{"a long header": "X: " + strings.Repeat("x", 64<<10), "many headers": strings.Repeat("X: y\r\n", 20_000) + "Z: z"} {
		if status := raw(t, f.url, "GET /healthz HTTP/1.1\r\nHost: h\r\n"+header+"\r\n\r\n"); status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: status %d", name, status)
		}
	}
}

// raw sends bytes as they are and returns the status of the answer.
func raw(t *testing.T, url, request string) int {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")) //nolint:noctx // local and immediate
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(c, request) }() // cut off in the middle, as is right
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// Ids are ids: no path leads out of the routes, none reaches a file.
func TestPathsStayInside(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1})
	p := f.as(t, localnet.KindPeer, 0)
	for _, path := range []string{
		"/v1/blobs/..%2f..%2fkey", "/v1/blobs/%2e%2e%2f%2e%2e%2fnode-0%2fkey", "/v1/uploads/..%2f..%2fgenesis.cbor", "/v1/blobs/" + strings.Repeat("0", 64) + "%00",
		"/v1/../../../etc/passwd", "/v1/jobs/..%5c..%5ckey/rounds", "/v1/models/%2e%2e/card", "//v1/blobs//etc/passwd", "/v1/accounts/..;/status",
		"/v1/bearer-tokens/..%2f..%2fkey",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
			request := method + " " + path + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + p.token + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
			if status := raw(t, f.url, request); status < 300 || status >= 500 {
				t.Errorf("%s %s: status %d", method, path, status)
			}
		}
	}
}

// Who reads an answer a few bytes at a time is cut off.
func TestSlowReadersAreCutOff(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1, limits: api.Limits{Idle: 200 * time.Millisecond, PartRate: 1 << 20}})
	spec := smallSpec(1, 1)
	spec.Model.Layers = []int64{64, 60_000, 10} // an initial model of 18 MB
	f.call(t, localnet.KindPeer, 0, "RegisterPeer", map[string]any{"available": true})
	j, err := f.client.CreateJob(t.Context(), spec, "")
	if err != nil {
		t.Fatal(err)
	}
	p := f.as(t, localnet.KindPeer, 0)
	task, err := p.client.Task(t.Context(), f.secrets.ID(localnet.KindPeer, 0), 50*time.Second)
	if err != nil || task == nil {
		t.Fatalf("task %+v, %v", task, err)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://")) //nolint:noctx // local and immediate
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil { //nolint:forcetypeassert // dialled so
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "GET /v1/models/%s/versions/0 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n\r\n", j.ID, f.token); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	begun, got, b := time.Now(), int64(0), make([]byte, 4<<10)
	// The server is done with the request once it counts it.
	for !bytes.Contains(f.metrics(t), []byte(`librum_http_requests_total{route="GET /v1/models/{id}/versions/{n}",`)) {
		n, err := c.Read(b)
		if got += int64(n); err != nil || time.Since(begun) > 40*time.Second {
			t.Fatalf("after %v and %d bytes: %v", time.Since(begun), got, err)
		}
		<-ticker.C // 200 KB/s at most, steadily
	}
	if got >= int64(task.Model.Size) {
		t.Errorf("all %d bytes were read", got)
	}
}

// Members have a rate each, strangers one for each address; who is refused
// keeps nobody else out.
func TestRates(t *testing.T) {
	t.Parallel()
	f := start(t, options{limits: api.Limits{
		MemberRequests: api.Rate{PerSecond: 1, Burst: 5}, MemberBytes: api.Rate{PerSecond: 1_000, Burst: 30_000}, Strangers: api.Rate{PerSecond: .1, Burst: 8},
	}})
	other := f.as(t, localnet.KindAccount, 0) // asks twice as a stranger
	again := func(who *fixture) (int, http.Header, []byte) {
		return who.ask(t, http.MethodGet, "/v1/status", "", nil)
	}
	refusedAt := func(who *fixture) int {
		t.Helper()
		for n := range 100 {
			status, header, b := again(who)
			if status == http.StatusOK || status == http.StatusUnauthorized {
				continue
			}
			if p := problem(t, status, header, b); status != http.StatusTooManyRequests || p.Code() != "too_many_requests" || header.Get("Retry-After") == "" {
				t.Errorf("status %d, %s", status, b)
			}
			return n
		}
		t.Error("a hundred requests were let in")
		return 100
	}
	if n := refusedAt(f); n < 5 || n > 7 {
		t.Errorf("a member was refused after %d requests", n)
	}
	if status, _, b := again(other); status != http.StatusOK {
		t.Errorf("another member: status %d, %s", status, b)
	}
	guesser := *f
	guesser.token = "lbr_" + strings.Repeat("0", 64)
	if n := refusedAt(&guesser); n > 8 {
		t.Errorf("%d guesses were let in", n)
	}
	if status, _, b := again(other); status != http.StatusOK {
		t.Errorf("a member from the address of a guesser: status %d, %s", status, b)
	}
	if status, header, _ := other.ask(t, http.MethodPost, "/v1/transactions", "application/cose", make([]byte, 40_000)); status != http.StatusBadRequest {
		t.Errorf("a large body: status %d, %v", status, header)
	}
	if status, header, b := again(other); status != http.StatusTooManyRequests || header.Get("Retry-After") == "" || header.Get("Retry-After") == "1" {
		t.Errorf("before its bytes are paid for: status %d, %s, %v", status, b, header)
	}
}

// Who asks what became of one transaction pays for the block that the node reads
// for it, by each way to ask.
func TestBlocksReadAreCharged(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	raw := make([][]byte, 60)
	for i := range raw {
		raw[i] = f.transfer(t, 1)
	}
	outcomes, err := f.client.SubmitBatch(t.Context(), raw, client.Final)
	if err != nil {
		t.Fatal(err)
	}
	_, height, err := f.Nodes[0].Transaction(t.Context(), outcomes[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	block, err := f.Nodes[0].BlockBytes(t.Context(), height)
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/transactions/" + outcomes[0].ID.String()
	for i, way := range []struct {
		method, path, contentType string
		body                      []byte
	}{
		{http.MethodGet, path, "", nil},
		{http.MethodGet, path + "/proof", "", nil},
		{http.MethodPost, "/v1/transactions", "application/cose", raw[0]},
	} {
		index := i + 1 // each node once: it remembers what it read
		if _, err := f.Nodes[index].Await(t.Context(), func(s node.Status) bool { return s.Final >= height }); err != nil {
			t.Fatal(err)
		}
		config, err := f.Door(index, nil)
		if err != nil {
			t.Fatal(err)
		}
		config.Limits.MemberBytes = api.Rate{PerSecond: 1, Burst: len(block)}
		door := f.at(t, f.serve(t, config), localnet.KindAccount, 0)
		if status, _, b := door.ask(t, way.method, way.path, way.contentType, way.body); status != http.StatusOK || len(b) > len(block)/2 {
			t.Errorf("%s %s: status %d, %d bytes of %d that a block has", way.method, way.path, status, len(b), len(block))
		}
		if status, _, b := door.ask(t, way.method, way.path, way.contentType, way.body); status != http.StatusTooManyRequests {
			t.Errorf("%s %s, before the block is paid for: status %d, %.200s", way.method, way.path, status, b)
		}
	}
}

// recorded is a log that can be read while it is written.
type recorded struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *recorded) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(b)
}

func (r *recorded) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// Secrets are never in logs, events, answers, errors or the audit log.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	log := &recorded{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f := start(t, options{peers: 1, net: localnet.Options{Logger: logger}})
	config, err := f.Door(0, logger)
	if err != nil {
		t.Fatal(err)
	}
	f.url = f.serve(t, config)
	f = f.withToken(t, f.token)
	made := f.delegate(t, localnet.KindAccount, 0, nil)
	holder := f.withToken(t, made.Secret)
	var answers bytes.Buffer
	note := func(_ int, header http.Header, b []byte) {
		answers.Write(b)
		for name, values := range header {
			answers.WriteString(name + strings.Join(values, " "))
		}
	}
	wrong := "lbr_" + strings.Repeat("ab", 32)
	guesser := *f
	guesser.token = wrong
	for _, who := range []*fixture{f, holder, &guesser} {
		for _, path := range []string{
			"/v1/status", "/metrics", "/v1/bearer-tokens", "/v1/jobs", "/v1/nothing", "/v1/jobs/" + who.token, "/v1/blocks", "/v1/accounts/" + f.secrets.ID(localnet.KindAccount, 0).String(),
			"/v1/status?after=" + who.token, "/v1/blocks?cursor=" + who.token,
		} {
			status, header, b := who.ask(t, http.MethodGet, path, "", nil)
			if strings.Contains(path, who.token) && strings.Contains(string(b), who.token) {
				t.Errorf("%s is quoted in the answer", strings.ReplaceAll(path, who.token, "TOKEN"))
			}
			note(status, header, b)
		}
		status, header, b := who.ask(t, http.MethodPost, "/v1/jobs", "application/json", []byte(`{"`+who.token+`":1}`))
		note(status, header, b)
	}
	answers.Reset() // what a client sent in its own body may come back to it; from here on nothing may
	j, err := holder.client.CreateJob(t.Context(), smallSpec(1, 1), "")
	if err != nil {
		t.Fatal(err)
	}
	f.orderBy(t, localnet.KindAccount, 0, members.MethodRevokeDelegate, &members.RevokeDelegate{Key: ledger.PublicKey(made.Key).ID()})
	if _, err := f.client.CancelJob(t.Context(), j.ID); !client.IsCode(err, "not_permitted") {
		t.Errorf("another's job: %v", err)
	}
	for _, path := range []string{"/v1/bearer-tokens", "/v1/jobs/" + j.ID.String(), "/v1/blocks/1", "/metrics", "/openapi.json"} {
		note(f.ask(t, http.MethodGet, path, "", nil))
	}
	audit, err := os.ReadFile(f.Dir.Audit(0))
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"the network's token": f.token, "a member's token": made.Secret, "a guessed token": wrong}
	for _, k := range []struct {
		kind  string
		count int
	}{{localnet.KindNode, 4}, {localnet.KindMember, 1}, {localnet.KindDelegate, 1}, {localnet.KindAccount, 3}, {localnet.KindPeer, 1}, {localnet.KindOfficer, 4}} {
		for i := range k.count {
			pem, err := f.secrets.Key(k.kind, i).MarshalPEM()
			if err != nil {
				t.Fatal(err)
			}
			secrets[fmt.Sprintf("key %d of a %s", i, k.kind)] = strings.Split(string(pem), "\n")[1]
		}
	}
	held, err := f.Nodes[0].Tokens.Get(made.ID)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := held.Key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	secrets["a token's delegate key"] = strings.Split(string(pem), "\n")[1]
	for name, secret := range secrets {
		forms := []string{secret, strings.TrimPrefix(secret, "lbr_"), hex.EncodeToString([]byte(secret))}
		for place, text := range map[string]string{"the log": log.text(), "the answers": answers.String(), "the audit log": string(audit)} {
			for _, form := range forms {
				if strings.Contains(text, form) {
					t.Errorf("%s stands in %s", name, place)
				}
			}
		}
	}
	if !strings.Contains(log.text(), "route=") || !strings.Contains(string(audit), "identity.addDelegate") {
		t.Error("log or audit log holds nothing")
	}
}

// Acts of administration are in the audit log, each with who, what and outcome,
// in a chain.
func TestAdministrationIsAudited(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	made := f.delegate(t, localnet.KindAccount, 0, nil)
	f.orderBy(t, localnet.KindOfficer, 1, members.MethodFreeze, &members.Change{Member: f.secrets.ID(localnet.KindAccount, 1)})
	_, err := f.client.Submit(t.Context(), f.signed(t, localnet.KindOfficer, 1, f.secrets.Key(localnet.KindOfficer, 1), members.Name, members.MethodFreeze,
		&members.Change{Member: f.secrets.ID(localnet.KindAccount, 2)}), client.Executed)
	refused(t, "another organisation's member", "not_permitted", err)
	if err := f.client.RevokeToken(t.Context(), made.ID); err != nil { // an operator may
		t.Fatal(err)
	}
	refused(t, "once more", "not_found", f.client.RevokeToken(t.Context(), made.ID))
	if _, err := f.client.Submit(t.Context(), f.transfer(t, 1), client.Executed); err != nil { // no administration
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Dir.Audit(0))
	if err != nil {
		t.Fatal(err)
	}
	head, err := auditlog.Check(bytes.NewReader(b), f.Chain)
	if err != nil || head != f.Nodes[0].Audit.Head() {
		t.Errorf("head %+v, %v", head, err)
	}
	var got []string
	for text := range strings.Lines(string(b)) {
		var a auditlog.Act
		decode(t, []byte(text), &a)
		got = append(got, fmt.Sprintf("%s by %s %t: %s", a.Act, a.Member.Short(), a.Token.IsZero(), a.Outcome))
	}
	account, officer, member := f.secrets.ID(localnet.KindAccount, 0).Short(), f.secrets.ID(localnet.KindOfficer, 1).Short(), f.secrets.ID(localnet.KindMember, 0).Short()
	want := []string{
		"token.create by " + account + " true: ok", "identity.addDelegate by " + account + " false: ok",
		"identity.freeze by " + officer + " false: ok", "identity.freeze by " + officer + " false: not_permitted",
		"token.revoke by " + member + " false: ok", "token.revoke by " + member + " false: not_found",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("audited:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// An act of administration that is sent again and again is recorded once.
func TestAuditLogDoesNotGrowByRepeats(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	key := identity.KeyFromSeed([32]byte{8})
	proof := f.possession(t, localnet.KindAccount, 0, key)
	raw := f.signed(t, localnet.KindAccount, 0, f.secrets.Key(localnet.KindAccount, 0), members.Name, members.MethodAddDelegate, &members.AddDelegate{
		Node: f.Nodes[0].Config().Self, Key: key.Public(), Proof: proof, Methods: []string{"fl.CreateJob"}, Expiry: time.Now().Add(time.Hour).UnixMilli(),
	})
	for range 2 {
		outcomes, err := f.client.SubmitBatch(t.Context(), slices.Repeat([][]byte{raw}, 50), client.Executed)
		if err != nil || len(outcomes) != 50 || outcomes[49].Code != ledger.CodeOK {
			t.Fatalf("%+v, %v", outcomes, err)
		}
	}
	b, err := os.ReadFile(f.Dir.Audit(0))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "identity.addDelegate"); n != 1 {
		t.Errorf("%d lines for one transaction, want 1", n)
	}
}
