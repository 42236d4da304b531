package elastic_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// proxy stands before a real server and breaks some of what goes through.
type proxy struct {
	*httptest.Server

	mu sync.Mutex
	// cut has every answer to so many requests get lost; 0: none.
	cut   int
	count int
	// refuse has every so many operation of a bulk answered 429 and not done; 0: none.
	refuse int
	// fail answers requests for what it holds with 500 and does not do them.
	fail func(*http.Request) bool
}

func newProxy(t testing.TB) *proxy {
	t.Helper()
	to, err := url.Parse(server(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	web := &http.Transport{}
	back := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: web,
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.count++
		cut, refuse := p.cut > 0 && p.count%p.cut == 0, p.refuse
		fail := p.fail != nil && p.fail(r)
		p.mu.Unlock()
		switch {
		case fail:
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"error":{"type":"broken","reason":"by the test"},"status":500}`)
		case cut:
			back.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case refuse > 0 && strings.HasSuffix(r.URL.Path, "/_bulk"):
			p.halve(w, r, refuse, back)
		default:
			back.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		p.Close()
		web.CloseIdleConnections()
	})
	return p
}

func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// halve passes a bulk on without every so many operation, which it answers for.
func (p *proxy) halve(w http.ResponseWriter, r *http.Request, every int, back http.Handler) {
	lines := bytes.SplitAfter(must(io.ReadAll(r.Body)), []byte("\n"))
	var passed bytes.Buffer
	var refused []bool
	for i := 0; i+1 < len(lines); i += 2 { // an operation and its document
		p.mu.Lock()
		p.count++
		no := p.count%every == 0
		p.mu.Unlock()
		if refused = append(refused, no); !no {
			passed.Write(lines[i])
			passed.Write(lines[i+1])
		}
	}
	items := make([]string, len(refused))
	some := false
	for i, no := range refused {
		items[i] = `{"index":{"status":200}}`
		if no {
			items[i], some = `{"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"by the test"}}}`, true
		}
	}
	if passed.Len() > 0 {
		r.Body, r.ContentLength = io.NopCloser(&passed), int64(passed.Len())
		answer := httptest.NewRecorder()
		back.ServeHTTP(answer, r)
		if answer.Code != http.StatusOK || strings.Contains(answer.Body.String(), `"errors":true`) {
			http.Error(w, answer.Body.String(), http.StatusTeapot)
			return
		}
	}
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"errors":%t,"items":[%s]}`, some, strings.Join(items, ","))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
