package api_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/api"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// secure is a door over TLS and a client of it.
func (f *fixture) secure(t *testing.T, index int, certificate *tls.Certificate, roots *x509.CertPool) string {
	t.Helper()
	config, err := f.Door(index, nil)
	if err != nil {
		t.Fatal(err)
	}
	url := f.serveOn(t, config, func(l net.Listener) net.Listener {
		return api.TLSListener(l, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil })
	})
	roots.AddCert(certificate.Leaf)
	return strings.Replace(url, "http://", "https://", 1)
}

// relay is a node that tells its clients that it is another one, and passes what
// they sign on to that one.
type relay struct {
	chain  ledger.Digest
	node   ledger.ID
	to     string
	client *http.Client

	status int
	answer []byte
}

// ServeHTTP implements [http.Handler].
func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodGet {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="librum", chain="%s", node="%s"`, r.chain, r.node))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	on, err := http.NewRequestWithContext(request.Context(), request.Method, r.to+request.URL.Path, bytes.NewReader(body))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	on.Header = request.Header.Clone()
	response, err := r.client.Do(on)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	r.status = response.StatusCode
	r.answer, _ = io.ReadAll(response.Body)
	w.WriteHeader(http.StatusBadGateway)
}

// TestRelayedTokenRequests has a node pass on what a member signs for it to
// another node, over TLS and not. It gets no token there.
func TestRelayedTokenRequests(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	roots := x509.NewCertPool()
	secure, plain := f.secure(t, 1, selfSigned(t, 1), roots), f.serveNode(t, 1)
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	ask := func(url string) error {
		c, err := client.New(url, "", client.Options{Retries: -1, Roots: roots})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.CreateToken(t.Context(), f.identity(localnet.KindAccount, 0), "of a test", false, time.Hour)
		return err
	}
	for _, url := range []string{secure, plain, secure} {
		if err := ask(url); err != nil {
			t.Errorf("straight to %s: %v", url, err)
		}
	}
	for name, c := range map[string]struct {
		to  string
		tls bool // between member and relay
	}{
		"from TLS to TLS":        {secure, true},
		"from TLS to plain HTTP": {plain, true},
		"from plain HTTP to TLS": {secure, false},
	} {
		r := &relay{chain: f.Chain, node: f.Nodes[1].ID(), to: c.to, client: &http.Client{Transport: transport}}
		server := httptest.NewUnstartedServer(r)
		own := roots.Clone()
		if c.tls {
			server.StartTLS()
			own.AddCert(server.Certificate())
		} else {
			server.Start()
		}
		asked, err := client.New(server.URL, "", client.Options{Retries: -1, Roots: own})
		if err != nil {
			t.Fatal(err)
		}
		_, err = asked.CreateToken(t.Context(), f.identity(localnet.KindAccount, 0), "stolen", false, time.Hour)
		asked.Close()
		server.Close()
		if err == nil || r.status != http.StatusForbidden || !bytes.Contains(r.answer, []byte("wrong_channel")) {
			t.Errorf("%s: the relay got status %d, %s, %v", name, r.status, r.answer, err)
		}
	}
	if n := len(f.Nodes[1].Tokens.List(f.secrets.ID(localnet.KindAccount, 0))); n != 3 {
		t.Errorf("%d tokens of the member at node 1, want the 3 that it asked for itself", n)
	}
}
