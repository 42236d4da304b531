package app_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// certificates is a directory with a root and the pair of a server.
type certificates struct {
	root, cert, key string

	ca     *x509.Certificate
	caKey  ed25519.PrivateKey
	serial int64
}

func newCertificates(t *testing.T) *certificates {
	t.Helper()
	dir := t.TempDir()
	c := &certificates{root: filepath.Join(dir, "root.pem"), cert: filepath.Join(dir, "server.pem"), key: filepath.Join(dir, "server.key"), serial: 1}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := c.template()
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	if c.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	c.caKey = private
	writePEM(t, c.root, "CERTIFICATE", der)
	c.renew(t)
	return c
}

func (c *certificates) template() *x509.Certificate {
	c.serial++
	return &x509.Certificate{
		SerialNumber: big.NewInt(c.serial), Subject: pkix.Name{CommonName: fmt.Sprint("test ", c.serial)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

// renew writes a new pair in the place of the old one.
func (c *certificates) renew(t *testing.T) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := c.template()
	template.DNSNames, template.IPAddresses = []string{"librum.test"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	der, err := x509.CreateCertificate(nil, template, c.ca, public, c.caKey)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, c.cert, "CERTIFICATE", der)
	writePEM(t, c.key, "PRIVATE KEY", pkcs8)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestServerSpeaksTLS asks a server with the flags of a user: with its CA,
// without it, through a proxy, and while its certificate changes.
func TestServerSpeaksTLS(t *testing.T) {
	t.Parallel()
	c := newCertificates(t)
	dir := filepath.Join(t.TempDir(), "dev")
	d := startDevWith(t, dir, "--listen", anyPort, "--peers", "1", "--tls-cert", c.cert, "--tls-key", c.key)
	if !strings.HasPrefix(d.base, "https://127.0.0.1:") {
		t.Fatalf("dev listens at %s", d.base)
	}
	if out, code := output(t, d.env, "job", "list", "--json", "--ca", c.root); code != 0 {
		t.Errorf("with the CA: exit %d\n%s", code, out)
	}
	if _, code := output(t, d.env, "job", "list"); code != 3 {
		t.Errorf("without the CA: exit %d, want 3", code)
	}
	old := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}}
	if conn, err := old.DialContext(t.Context(), "tcp", strings.TrimPrefix(d.base, "https://")); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.2 was spoken")
	}

	// A name that only the proxy knows, so that nothing goes past it.
	proxied := proxy(t, strings.TrimPrefix(d.base, "https://"))
	env := append(d.env, "HTTPS_PROXY="+proxied.url, "NO_PROXY=")
	if _, code := output(t, env, "job", "list", "--server", "https://librum.test:1", "--ca", c.root); code != 0 || proxied.tunnels.Load() == 0 {
		t.Errorf("through the proxy: exit %d, %d tunnels", code, proxied.tunnels.Load())
	}

	c.rotateUnderLoad(t, d.base, filepath.Join(dir, "token"))
}

// rotateUnderLoad replaces the pair again and again while clients ask, each
// time over a new connection.
func (c *certificates) rotateUnderLoad(t *testing.T, base, tokenFile string) {
	t.Helper()
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c.ca)
	seen := make(chan int64, 1<<16) // serials as they are served
	done := make(chan struct{})
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
			for {
				select {
				case <-done:
					return
				default:
				}
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v1/status", http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
				response, err := transport.RoundTrip(request)
				if err != nil {
					t.Errorf("a request failed while the certificate changed: %v", err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Errorf("status %d while the certificate changed", response.StatusCode)
				}
				seen <- response.TLS.PeerCertificates[0].SerialNumber.Int64()
			}
		})
	}
	for range 3 {
		c.renew(t)
		deadline := time.After(patience)
		for served := int64(0); served != c.serial; {
			select {
			case served = <-seen:
			case <-deadline:
				t.Fatalf("certificate %d is not served %s after the change", c.serial, patience)
			}
		}
	}
	close(done)
	asking.Wait()
}

// tunnel is a proxy that leads every CONNECT to one address.
type tunnel struct {
	url     string
	tunnels atomic.Int64
}

func proxy(t *testing.T, to string) *tunnel {
	t.Helper()
	p := &tunnel{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT alone", http.StatusMethodNotAllowed)
			return
		}
		there, err := net.Dial("tcp", to) //nolint:noctx // local and immediate
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer there.Close()
		w.WriteHeader(http.StatusOK)
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer here.Close()
		p.tunnels.Add(1)
		back := make(chan struct{})
		go func() {
			defer close(back)
			_, _ = io.Copy(here, there)
			_ = here.Close()
		}()
		_, _ = io.Copy(there, here)
		_ = there.Close()
		<-back
	}))
	t.Cleanup(server.Close)
	if _, err := url.Parse(server.URL); err != nil {
		t.Fatal(err)
	}
	p.url = server.URL
	return p
}

// TestPlainHTTPBeyondLoopback wants a server and a client that would speak it
// refused with what to do, and allowed by the flag.
func TestPlainHTTPBeyondLoopback(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	if _, code := output(t, nil, "dev", "--dir", dir, "--listen", "0.0.0.0:0"); code != 2 {
		t.Errorf("dev: exit %d, want 2", code)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a network was made all the same")
	}
	if _, code := output(t, nil, "dev", "--dir", dir, "--tls-cert", "x.pem"); code != 2 {
		t.Errorf("a certificate without a key: exit %d, want 2", code)
	}
	if _, code := output(t, nil, "dev", "--dir", dir, "--listen", "127.0.0.1:0", "--tls-cert", "x.pem", "--tls-key", "x.key"); code != 2 {
		t.Errorf("a certificate that is not there: exit %d, want 2", code)
	}
	d := startDevWith(t, dir, "--listen", "0.0.0.0:0", "--peers", "1", "--insecure-http")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(d.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, code := output(t, d.env, "job", "list", "--server", "http://0.0.0.0:"+port); code != 2 {
		t.Errorf("a client: exit %d, want 2", code)
	}
	if _, code := output(t, d.env, "job", "list", "--server", "http://0.0.0.0:"+port, "--insecure-http"); code != 0 {
		t.Errorf("a client that may: exit %d, want 0", code)
	}
}
