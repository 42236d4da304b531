package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"go.uber.org/goleak"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers with a script: what a server, a proxy or a bad line may do.
func serve(t *testing.T, options client.Options, handler http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	options.Backoff = time.Millisecond
	c, err := client.New(server.URL, "secret", options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return c
}

// cut ends the connection in the middle of an answer.
func cut(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush() // what is lost is meant to be
	panic(http.ErrAbortHandler)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"type":"%s%s","title":"Refused","status":%d,"detail":"because"}`, v1.ProblemBase, code, status)
}

func TestNewRefusesURLs(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "127.0.0.1:8080", "ftp://host", "http://", "http://user:password@host", "http://host?query", "http://a b"} {
		if _, err := client.New(base, "", client.Options{PlainHTTP: true}); err == nil {
			t.Errorf("%q: no error", base)
		}
	}
}

func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	for base, here := range map[string]bool{
		"http://127.0.0.1:1": true, "http://127.9.9.9": true, "http://[::1]:1": true, "http://localhost:1": true, "http://LOCALHOST": true,
		"http://10.0.0.1:1": false, "http://0.0.0.0": false, "http://[::]": false, "http://localhost.example": false, "http://127.0.0.1.example": false,
		"https://10.0.0.1:1": true,
	} {
		if _, err := client.New(base, "", client.Options{}); (err == nil) != here || err != nil && !errors.Is(err, client.ErrPlainHTTP) {
			t.Errorf("%s: %v", base, err)
		}
		if _, err := client.New(base, "", client.Options{PlainHTTP: true}); err != nil {
			t.Errorf("%s, allowed: %v", base, err)
		}
	}
}

func TestReadsAreRepeatedUntilTheServerRecovers(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("Authorization %q", r.Header.Get("Authorization"))
		}
		switch asked.Add(1) {
		case 1:
			refuse(w, http.StatusServiceUnavailable, "stopped")
		case 2:
			cut(w)
		case 3:
			http.Error(w, "a proxy speaks", http.StatusBadGateway)
		default:
			_, _ = io.WriteString(w, `{"height":7,"a_field_of_later":1}`)
		}
	})
	status, err := c.Status(t.Context())
	if err != nil || status.Height != 7 || asked.Load() != 4 {
		t.Errorf("status %+v after %d requests, error %v", status, asked.Load(), err)
	}
}

func TestRepeatsAreBoundedAndRefusalsAreNot(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		status int
		asked  int32
	}{
		"busy":      {http.StatusTooManyRequests, 3},
		"not_found": {http.StatusNotFound, 1},
		"internal":  {http.StatusInternalServerError, 1},
	} {
		var asked atomic.Int32
		c := serve(t, client.Options{Retries: 2}, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			refuse(w, want.status, code)
		})
		_, err := c.Job(t.Context(), ledger.Digest{1})
		var p *client.Problem
		if !errors.As(err, &p) || p.Code() != code || p.Status != want.status || !strings.Contains(err.Error(), "because") || asked.Load() != want.asked {
			t.Errorf("%s: %v after %d requests, want %d", code, err, asked.Load(), want.asked)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	c := serve(t, client.Options{Retries: -1}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	_, err := c.Submit(t.Context(), []byte("signed"), client.Executed)
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != http.StatusTemporaryRedirect || elsewhere.Load() != 0 {
		t.Errorf("error %v, %d requests went elsewhere", err, elsewhere.Load())
	}
}

func TestEventsGoOnWhereTheStreamBroke(t *testing.T) {
	t.Parallel()
	id := ledger.Digest{7}
	event := func(position string, n int, kind string, last bool) string {
		text := fmt.Sprintf("event: %s\ndata: {\"type\":%q,\"position\":%q,\"n\":%d,\"data\":{}}\n\n", kind, kind, position, n)
		if last {
			text = "id: " + position + "\n" + text
		}
		return text
	}
	var connections atomic.Int32
	c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		after := r.Header.Get("Last-Event-ID")
		w.Header().Set("Content-Type", "text/event-stream")
		switch n := connections.Add(1); {
		case n == 1 && after == "":
			_, _ = io.WriteString(w, ": hello\n\n"+event("3.0", 0, "job.created", true)+event("9.1", 0, "round.attested", false))
			cut(w) // between two events of one transaction
		case n == 2 && after == "3.0":
			refuse(w, http.StatusServiceUnavailable, "stopped")
		case n == 3 && after == "3.0":
			_, _ = io.WriteString(w, event("9.1", 0, "round.attested", false)+event("9.1", 1, "round.final", true))
		case n == 4 && after == "9.1":
			_, _ = io.WriteString(w, event("10.0", 0, "job.finished", true)+event("11.0", 0, "round.attested", true))
		default:
			t.Errorf("connection %d with Last-Event-ID %q", n, after)
		}
	})
	var got []string
	for e, err := range c.Events(t.Context(), id, "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %d %s", e.Position, e.N, e.Type))
	}
	want := "[3.0 0 job.created 9.1 0 round.attested 9.1 1 round.final 10.0 0 job.finished]"
	if fmt.Sprint(got) != want {
		t.Errorf("events %v, want %s", got, want)
	}
}

func TestSilentStreamIsGivenUp(t *testing.T) {
	t.Parallel()
	c := serve(t, client.Options{Idle: 20 * time.Millisecond, Retries: 1}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	for _, err := range c.Events(t.Context(), ledger.Digest{1}, "") {
		if err == nil || !strings.Contains(err.Error(), "follow job") {
			t.Errorf("error %v", err)
		}
	}
	path := filepath.Join(t.TempDir(), "file")
	if _, err := c.DownloadBlob(t.Context(), ledger.Digest{1}, path); err == nil {
		t.Error("a server without ETag served a file")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the user left"))
	for _, err := range c.Events(ctx, ledger.Digest{1}, "") {
		if err == nil || !strings.Contains(err.Error(), "the user left") {
			t.Errorf("error %v", err)
		}
	}
}

func TestDownloadGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	digest := ledger.Hash(content)
	var cuts atomic.Int32
	c := serve(t, client.Options{Retries: 1}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+digest.String()+`"`)
		if r.Method == http.MethodGet && cuts.Add(1) <= 3 {
			w = &cutting{ResponseWriter: w, left: 10_000}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	path := filepath.Join(t.TempDir(), "file")
	file, err := c.DownloadBlob(t.Context(), digest, path)
	if err != nil || file != (v1.File{Digest: digest, Size: uint64(len(content))}) {
		t.Fatalf("file %+v, error %v", file, err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
	if _, err := c.DownloadBlob(t.Context(), ledger.Digest{1}, path); err == nil || !strings.Contains(err.Error(), "offers") {
		t.Errorf("another digest than asked for: %v", err)
	}
}

// cutting breaks off after so many bytes.
type cutting struct {
	http.ResponseWriter

	left int
}

func (c *cutting) Write(b []byte) (int, error) {
	if len(b) > c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left])
		cut(c.ResponseWriter)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

func TestUploadGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	u := client.NewUpload(ledger.Digest{1}, 2, ledger.ID{3}, content)
	var have bytes.Buffer
	var parts atomic.Int32
	c := serve(t, client.Options{Retries: 1}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			if r.Header.Get("Upload-Offset") != fmt.Sprint(have.Len()) {
				refuse(w, http.StatusConflict, "upload_offset")
				return
			}
			if parts.Add(1) <= 2 {
				_, _ = io.CopyN(&have, r.Body, 20_000)
				cut(w)
			}
			_, _ = io.Copy(&have, r.Body)
		}
		_, _ = fmt.Fprintf(w, `{"id":%q,"size":%d,"offset":%d,"complete":%v,"receipts":["AQ=="]}`,
			ledger.ID{9}, len(content), have.Len(), have.Len() == len(content))
	})
	done, err := c.Upload(t.Context(), u, bytes.NewReader(content))
	if err != nil || !done.Complete || len(done.Receipts) != 1 || !bytes.Equal(have.Bytes(), content) || parts.Load() != 3 {
		t.Errorf("upload %+v in %d parts, error %v", done, parts.Load(), err)
	}
}

// What a hostile server says of a refusal does not steer the user's terminal.
func TestProblemsArePrintable(t *testing.T) {
	t.Parallel()
	c := serve(t, client.Options{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"type":"x\u001b[1m","title":"a\u001b]0;b\u0007","detail":"c\r\nüd","errors":[{"field":"\u009b","message":"\u202e"}]}`)
	})
	_, err := c.Status(t.Context())
	if err == nil || strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) && r != unicode.ReplacementChar }) || !strings.Contains(err.Error(), "üd") {
		t.Errorf("%q", err)
	}
}
