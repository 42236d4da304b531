package localnet_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/librum/librum/api"
	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/internal/certfile"
	"github.com/librum/librum/localnet"
)

// rotating is a network behind TLS whose keys change.
type rotating struct {
	*testing.T
	*localnet.Network

	secrets localnet.Secrets
	office  *ca.Office
	base    string
	http    *http.Client
	server  ledger.ID // its record
	key     string    // path of its key
	door    atomic.Pointer[door]
	sent    [loadAccounts]atomic.Int64 // transfers that took effect
	governs atomic.Bool                // changes are under way: the load goes on
}

// TestRotationUnderLoad changes keys of every kind while members transact, each
// request over a connection of its own: the server's and its authority's, the
// members', officers', two nodes' (one is the load's gateway), and the bearer
// token with the delegate key behind it. Nothing fails: half of the programs go
// on with their old key, as the overlap allows, and clients trust the authority's
// first key alone. Every transfer counts once at each node, and the stores verify.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	r := &rotating{T: t, secrets: localnet.SecretsFromSeed(6)}
	dir := localnet.Dir(filepath.Join(t.TempDir(), "network"))
	if err := localnet.Create(dir, r.secrets, localnet.Spec{Nodes: 4, Accounts: loadAccounts, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	next := []*localnet.Enrolment{r.nextKey(dir, 0), r.nextKey(dir, 1)} // a node reads its keys when it starts
	var stop func()
	r.Network, stop = start(t, dir)
	stopServing := r.serve(filepath.Join(t.TempDir(), "ca"))

	r.governs.Store(true)
	begin := time.Now()
	var working sync.WaitGroup
	for i := range loadAccounts {
		for _, changes := range []bool{false, true} {
			working.Go(func() { r.transact(i, changes) })
		}
	}
	working.Go(r.rotateServer)
	working.Go(func() {
		defer r.governs.Store(false)
		r.rotateToken()
		r.rotateGoverned(next)
	})
	working.Wait()
	r.settled(time.Since(begin))
	stopServing()
	stop()
	verifyStores(t, r.Network, verify.Anchors{Genesis: r.Chain, MinHeight: 1})
	r.restart()
}

// serve has node 0 answer with a certificate of a new authority.
func (r *rotating) serve(dir string) (stop func()) {
	r.Helper()
	settings := ca.Settings{Chain: r.Chain, Organisation: r.secrets.ID(localnet.KindOrganisation, 0)}
	must := func(err error) {
		r.Helper()
		if err != nil {
			r.Fatal(err)
		}
	}
	must(ca.Init(dir, settings, ca.Secrets{}, time.Now(), rand.Reader))
	var err error
	r.office, err = ca.Open(dir)
	must(err)
	r.key = filepath.Join(dir, "server-key")
	records, err := r.office.Enrol(r.Context(), []ca.Applicant{{Kind: cert.KindServer, Request: r.request()}}, time.Now(), rand.Reader)
	must(err)
	r.server = records[0].ID
	_, err = r.office.Approve(r.authority(), []ca.Approval{{ID: r.server}}, time.Hour, time.Now())
	must(err)
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(r.office.CertificatePath(r.server), r.key)
		return &pair, err
	}
	source, err := certfile.Open([]string{r.office.CertificatePath(r.server), r.key}, load, time.Now, slog.New(slog.DiscardHandler))
	must(err)
	var config net.ListenConfig
	listener, err := config.Listen(r.Context(), "tcp", "127.0.0.1:0")
	must(err)
	token, err := r.Dir.ReadToken()
	must(err)
	roots := x509.NewCertPool()
	roots.AddCert(r.office.Roots[0])
	r.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	r.base = "https://" + listener.Addr().String()
	r.open(token)
	ctx, cancel := context.WithCancel(r.Context())
	served := make(chan error, 1)
	go func() { served <- r.Serve(ctx, api.TLSListener(listener, certfile.GetCertificate(source)), nil) }()
	return func() {
		cancel()
		if err := <-served; err != nil {
			r.Error(err)
		}
		if err := r.office.Close(); err != nil {
			r.Error(err)
		}
	}
}

func (r *rotating) authority() *cert.Authority {
	r.Helper()
	a, err := r.office.Authority(nil, rand.Reader)
	if err != nil {
		r.Fatal(err)
	}
	return a
}

// request writes a new key of the server and returns the request for it.
func (r *rotating) request() []byte {
	r.Helper()
	key, err := identity.NewKey(rand.Reader)
	if err != nil {
		r.Fatal(err)
	}
	if err := keyfile.Replace(r.key, key, ""); err != nil {
		r.Fatal(err)
	}
	request := cert.Request{
		Kind: cert.KindServer, Chain: r.Chain, Organisation: r.secrets.ID(localnet.KindOrganisation, 0), IPs: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	text, err := request.MarshalRequest(key)
	if err != nil {
		r.Fatal(err)
	}
	return text
}

// rotateServer renews the server's certificate under a new key, then the
// authority's own key, and the certificate again.
func (r *rotating) rotateServer() {
	ticker := time.NewTicker(loadTick)
	defer ticker.Stop()
	for tick := range loadTicks {
		<-ticker.C
		switch tick {
		case 4, 10, 16:
			if _, err := r.office.Renew(r.authority(), ca.Renewal{ID: r.server, Request: r.request(), Life: time.Hour}, time.Now()); err != nil {
				r.Error(err)
			}
		case 8:
			if err := r.office.Rotate(r.authority(), ca.Secrets{}, time.Now(), rand.Reader); err != nil {
				r.Error(err)
			}
		}
	}
}
