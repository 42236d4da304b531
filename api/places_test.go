package api_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/api"
)

// TestConnectionsOfAnAddress has one address open connection after connection,
// over TLS: beyond its share they are closed, another is served meanwhile, and the
// first is again once it has closed some.
func TestConnectionsOfAnAddress(t *testing.T) {
	t.Parallel()
	const share = 3
	f := start(t, options{limits: api.Limits{Connections: 2 * share, AddressConnections: share}})
	config, err := f.Door(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	config.Limits = api.Limits{Connections: 2 * share, AddressConnections: share}
	certificate := selfSigned(t, 1)
	f.url = f.serveOn(t, config, func(l net.Listener) net.Listener {
		return api.TLSListener(l, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil })
	})
	address := strings.TrimPrefix(f.url, "http://")
	trusted := x509.NewCertPool()
	trusted.AddCert(certificate.Leaf)
	from := func(ip string) *tls.Dialer {
		return &tls.Dialer{
			NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: time.Minute},
			Config:    &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS13},
		}
	}
	dial := func(ip string) (net.Conn, error) { return from(ip).DialContext(t.Context(), "tcp", address) }
	var open []net.Conn
	for range share {
		c, err := dial("127.0.0.2")
		if err != nil {
			t.Fatal(err)
		}
		// One that has answered may be idle for long; one that says nothing is closed soon.
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%d, %v", response.StatusCode, err)
		}
		open = append(open, c)
	}
	for range 50 {
		if c, err := dial("127.0.0.2"); err == nil {
			t.Fatal(errors.New("a connection too many was let in"), c.Close())
		}
	}
	transport := &http.Transport{DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return from("127.0.0.1").DialContext(ctx, "tcp", address)
	}}
	defer transport.CloseIdleConnections()
	metrics := func() string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+f.token)
		response, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(r)
		if err != nil {
			t.Fatalf("another address: %v", err)
		}
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("another address: %d %s, %v", response.StatusCode, b, err)
		}
		return string(b)
	}
	text := metrics()
	for _, want := range []string{"librum_http_connections 4\n", "librum_http_connections_bound 6\n", "librum_http_connections_refused_total 50\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
	for _, c := range open {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for !strings.Contains(metrics(), "librum_http_connections 1\n") { // until the server has seen that they are closed
	}
	c, err := dial("127.0.0.2")
	if err != nil {
		t.Fatalf("after the others were closed: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
