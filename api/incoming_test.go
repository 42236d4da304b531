package api_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// sends begins a request and sends a part of its body, as it is.
func (f *fixture) sends(t *testing.T, method, path, contentType, header, part string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://")) //nolint:noctx // local and immediate
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // closed before, in most tests
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nUpload-Offset: 0\r\n%s\r\n\r\n%s",
		method, path, f.token, contentType, header, part)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn) //nolint:forcetypeassert // of tcp
}

// announced is an upload of so many zeros, of which nothing was sent.
func (f *fixture) announced(t *testing.T, task *v1.Task, size int) v1.Upload {
	t.Helper()
	u := client.NewUpload(task.Job, task.Round, f.secrets.ID(localnet.KindPeer, 0), make([]byte, size))
	body := fmt.Appendf(nil, `{"job":"%s","round":%d,"peer":"%s","digest":"%s","size":%d}`, u.Job, u.Round, u.Peer, u.Digest, u.Size)
	return f.upload(t, http.StatusCreated, http.MethodPost, "/v1/uploads", "application/json", body)
}

// TestHangUpInTheBody has clients go away in the middle of what they send: no error of
// the node's, in the log or counted.
func TestHangUpInTheBody(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1})
	log := &recorded{}
	config, err := f.Door(0, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	f.url = f.serve(t, config)
	task := f.openRound(t, 1)
	peer := f.as(t, localnet.KindPeer, 0)
	u := peer.announced(t, task, 1000)
	for _, c := range []struct {
		who                              *fixture
		method, path, route, contentType string
		length, part                     string
		reset                            bool
	}{
		{f, http.MethodPost, "/v1/transactions", "/v1/transactions", "application/json", "Content-Length: 1000", `{"transaction":"`, false},
		{f, http.MethodPost, "/v1/jobs", "/v1/jobs", "application/json", "Content-Length: 1000", `{"model":`, true},
		{f, http.MethodPost, "/v1/aggregations", "/v1/aggregations", "application/json", "Transfer-Encoding: chunked", "a\r\n{", false},
		{peer, http.MethodPost, "/v1/uploads", "/v1/uploads", "application/json", "Content-Length: 1000", "{", false},
		{peer, http.MethodPatch, "/v1/uploads/" + u.ID.String(), "/v1/uploads/{id}", "application/offset+octet-stream", "Content-Length: 1000", "\x00\x00", false},
	} {
		connection := c.who.sends(t, c.method, c.path, c.contentType, c.length, c.part)
		if c.reset {
			if err := connection.SetLinger(0); err != nil {
				t.Fatal(err)
			}
		}
		if err := connection.Close(); err != nil {
			t.Fatal(err)
		}
		counted := fmt.Sprintf("librum_http_requests_total{route=%q,status=\"499\"} ", c.method+" "+c.route)
		wrong := fmt.Sprintf("librum_http_requests_total{route=%q,status=\"5", c.method+" "+c.route)
		began := time.Now()
		for text := ""; !strings.Contains(text, counted); text = string(f.metrics(t)) {
			if strings.Contains(text, wrong) {
				t.Fatalf("%s %s: a client that hung up counts as an error of the node", c.method, c.path)
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("%s %s: a client that hung up is not counted as such:\n%s", c.method, c.path, log.text())
			}
		}
	}
	if text := log.text(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "status=5") {
		t.Errorf("the door logs:\n%s", text)
	}
}

// TestBrokenChunks are the client's mistake.
func TestBrokenChunks(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	c := f.sends(t, http.MethodPost, "/v1/transactions", "application/json", "Transfer-Encoding: chunked", "no length\r\n")
	status, header, body := f.reads(t, c)
	if p := problem(t, status, header, body); p.Code() != "bad_request" || !strings.Contains(p.Detail, "chunk") {
		t.Errorf("status %d, %s", status, body)
	}
}

// TestTooLongIsToldAtOnce announces bodies and sends nothing of them. What is but a
// little too long is waited for, by net/http, so that the connection can be kept.
func TestTooLongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1})
	task := f.openRound(t, 1)
	peer := f.as(t, localnet.KindPeer, 0)
	u := peer.announced(t, task, 1000)
	stranger := f.as(t, localnet.KindAccount, 0)
	stranger.token = "x" + stranger.token[1:]
	for _, c := range []struct {
		who                       *fixture
		method, path, contentType string
		length                    int64
		code                      string
	}{
		{f, http.MethodPost, "/v1/transactions", "application/json", 1 << 40, "body_too_large"},
		{f, http.MethodPost, "/v1/jobs", "application/json", 10 << 20, "body_too_large"},
		{f, http.MethodPost, "/v1/bearer-tokens", "application/cose", 1 << 40, "body_too_large"},
		{peer, http.MethodPost, "/v1/uploads", "application/json", 1 << 40, "body_too_large"},
		{peer, http.MethodPatch, "/v1/uploads/" + u.ID.String(), "application/offset+octet-stream", 10 << 20, "body_too_large"},
		{stranger, http.MethodPost, "/v1/transactions", "application/json", 1 << 40, "unauthorized"},
		{peer, http.MethodPost, "/v1/jobs", "application/json", 1 << 40, "not_permitted"},
	} {
		connection := c.who.sends(t, c.method, c.path, c.contentType, fmt.Sprintf("Content-Length: %d", c.length), "")
		status, header, body := f.reads(t, connection)
		if p := problem(t, status, header, body); p.Code() != c.code {
			t.Errorf("%s %s of %d bytes: status %d, %s; want %s", c.method, c.path, c.length, status, body, c.code)
		}
	}
}

// reads reads an answer.
func (f *fixture) reads(t *testing.T, c net.Conn) (int, http.Header, []byte) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
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
