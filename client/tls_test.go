package client_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/librum/librum/client"
)

// TestTLS wants a server that others vouch for refused, also by a client of its
// own roots, and TLS below 1.3 not spoken.
func TestTLS(t *testing.T) {
	t.Parallel()
	start := func(config *tls.Config) *httptest.Server {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
		}))
		server.TLS = config
		server.Config.ErrorLog = nil
		server.StartTLS()
		t.Cleanup(server.Close)
		return server
	}
	ask := func(server *httptest.Server, roots *x509.CertPool) error {
		c, err := client.New(server.URL, "", client.Options{Roots: roots})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.Ready(t.Context())
	}
	current, old := start(nil), start(&tls.Config{MaxVersion: tls.VersionTLS12})
	roots := x509.NewCertPool()
	roots.AddCert(current.Certificate())
	if err := ask(current, roots); err != nil {
		t.Error(err)
	}
	if err := ask(current, nil); err == nil {
		t.Error("a certificate that the system does not know was believed")
	}
	if err := ask(current, x509.NewCertPool()); err == nil {
		t.Error("a certificate that nobody vouches for was believed")
	}
	if err := ask(old, roots); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
}
