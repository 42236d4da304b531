package api_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/librum/librum/api"
)

// selfSigned returns a certificate for 127.0.0.1 that vouches for itself.
func selfSigned(t *testing.T, serial int64) *tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprint("test ", serial)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}
}

// serveTLS answers hello until the test ends and returns the address.
func serveTLS(t *testing.T, certificate api.GetCertificate) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // local and immediate
	if err != nil {
		t.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- api.Serve(ctx, api.TLSListener(listener, certificate), hello) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// fetch asks once over a connection of its own.
func fetch(ctx context.Context, address string, config *tls.Config) error {
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address, http.NoBody)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if err == nil && string(body) != "hello" {
		err = fmt.Errorf("got %q", body)
	}
	return errors.Join(err, response.Body.Close())
}

func TestTLSVersions(t *testing.T) {
	t.Parallel()
	certificate := selfSigned(t, 1)
	address := serveTLS(t, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil })
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	if err := fetch(t.Context(), address, &tls.Config{RootCAs: roots}); err != nil {
		t.Errorf("TLS 1.3: %v", err)
	}
	if err := fetch(t.Context(), address, &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
	if err := fetch(t.Context(), address, &tls.Config{RootCAs: x509.NewCertPool()}); err == nil {
		t.Error("a client believed a stranger")
	}
}

// TestTLSRotates has clients ask without pause while the certificate changes;
// each trusts both.
func TestTLSRotates(t *testing.T) {
	t.Parallel()
	const clients, rotations, between = 4, 10, 20
	var current atomic.Pointer[tls.Certificate]
	roots := x509.NewCertPool()
	certificates := make([]*tls.Certificate, rotations)
	for i := range certificates {
		certificates[i] = selfSigned(t, int64(i+1))
		roots.AddCert(certificates[i].Leaf)
	}
	current.Store(certificates[0])
	address := serveTLS(t, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil })
	var asked atomic.Int64
	step := make(chan struct{}, clients*between*rotations)
	var working sync.WaitGroup
	for range clients {
		working.Go(func() {
			for range rotations * between {
				if err := fetch(t.Context(), address, &tls.Config{RootCAs: roots}); err != nil {
					t.Errorf("after %d requests: %v", asked.Load(), err)
				}
				asked.Add(1)
				step <- struct{}{}
			}
		})
	}
	for i := 1; i < rotations; i++ {
		for range between {
			<-step
		}
		current.Store(certificates[i])
	}
	working.Wait()
}

// TestSlowLoris opens connections that say nothing or a byte at a time. Each is
// ended by the server in a finite time, and others are served meanwhile.
func TestSlowLoris(t *testing.T) {
	t.Parallel()
	const slow, patience = 64, 20 * time.Second
	certificate := selfSigned(t, 1)
	address := serveTLS(t, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil })
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	config := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
	ended := make(chan error, 2*slow)
	deadline := time.Now().Add(patience)
	begin := func(c net.Conn, dribble bool) {
		stop := make(chan struct{})
		var writing sync.WaitGroup
		if dribble {
			writing.Go(func() {
				ticker := time.NewTicker(200 * time.Millisecond)
				defer ticker.Stop()
				for text := "GET / HTTP/1.1\r\nHost: x\r\nX: "; ; text = "x" {
					if _, err := io.WriteString(c, text); err != nil {
						return // the server has ended it
					}
					select {
					case <-stop:
						return
					case <-ticker.C:
					}
				}
			})
		}
		go func() {
			_ = c.SetReadDeadline(deadline)
			_, err := io.Copy(io.Discard, bufio.NewReader(c))
			var late net.Error
			if !errors.As(err, &late) || !late.Timeout() {
				err = nil // closed or reset by the server
			}
			close(stop)
			_ = c.Close()
			writing.Wait()
			ended <- err
		}()
	}
	for range slow {
		silent, err := net.Dial("tcp", address) //nolint:noctx // local and immediate
		if err != nil {
			t.Fatal(err)
		}
		begin(silent, false)
		dribbling, err := tls.Dial("tcp", address, config) //nolint:noctx // local and immediate
		if err != nil {
			t.Fatal(err)
		}
		begin(dribbling, true)
	}
	if err := fetch(t.Context(), address, &tls.Config{RootCAs: roots}); err != nil {
		t.Errorf("while others dribble: %v", err)
	}
	for range 2 * slow {
		if err := <-ended; err != nil {
			t.Fatalf("a slow connection is there after %v: %v", patience, err)
		}
	}
}
