package elastic_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/search/elastic"
	"github.com/librum/librum/search/query"
	"github.com/librum/librum/search/searchtest"
)

// stand returns a configuration for a server that answers as it is told.
func stand(t testing.TB, answer http.HandlerFunc) elastic.Config {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return elastic.Config{Addresses: []string{s.URL}, Prefix: "librum", Password: "open-sesame", User: "u", Timeout: 5 * time.Second}
}

// What can't be reached says where and why, and never the password.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	schema := searchtest.Schema(t)
	nobody := elastic.Config{Addresses: []string{"http://127.0.0.1:1"}, Prefix: "librum", User: "u", Password: "open-sesame", Timeout: 20 * time.Second}
	slow := stand(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	slow.Timeout = 50 * time.Millisecond
	for _, c := range []struct {
		name   string
		config elastic.Config
		want   string
	}{
		{"nobody there", nobody, "127.0.0.1:1"},
		{"slow", slow, "no answer within 50ms"},
		{"another server", stand(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }), "not Elasticsearch"},
		{"wrong password", stand(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"type":"security_exception","reason":"unable to authenticate"},"status":401}`)
		}), "are right"},
		{"rubbish", stand(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			_, _ = io.WriteString(w, "<html>")
		}), "read the answer"},
	} {
		x := connect(t, c.config, schema)
		_, _, err := x.Checkpoint(t.Context())
		if !errors.Is(err, query.ErrAway) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "open-sesame") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err := elastic.Look(t.Context(), c.config, schema); err == nil || strings.Contains(err.Error(), "open-sesame") {
			t.Errorf("look at %s: %v", c.name, err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	const address = "https://es.example:9200"
	for name, c := range map[string]elastic.Config{
		"no address":       {Prefix: "librum"},
		"a secret in it":   {Prefix: "librum", Addresses: []string{"https://u:open-sesame@es.example"}},
		"no URL":           {Prefix: "librum", Addresses: []string{"es.example"}},
		"no prefix":        {Addresses: []string{address}},
		"a hostile prefix": {Addresses: []string{address}, Prefix: "a*,-b"},
		"two passwords":    {Addresses: []string{address}, Prefix: "librum", User: "u", APIKey: "open-sesame"},
	} {
		if _, err := elastic.New(c, searchtest.Schema(t)); err == nil || strings.Contains(err.Error(), "open-sesame") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What opens the server is sent to it, over TLS that it is checked by.
func TestTLSAndKeys(t *testing.T) {
	t.Parallel()
	var got string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"found":false}`)
	}))
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	known, strange := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}, &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: x509.NewCertPool()}
	for _, c := range []struct {
		config elastic.Config
		want   string
	}{
		{elastic.Config{User: "u", Password: "p", TLS: known}, "Basic dTpw"},
		{elastic.Config{APIKey: "c2VjcmV0", TLS: known}, "APIKey c2VjcmV0"},
		{elastic.Config{User: "u", Password: "p", TLS: strange}, ""},
	} {
		c.config.Addresses, c.config.Prefix, got = []string{s.URL}, "librum", ""
		err := elastic.Look(t.Context(), c.config, searchtest.Schema(t))
		if got != c.want || err == nil {
			t.Errorf("the server was told %q, want %q; %v", got, c.want, err)
		}
	}
}
