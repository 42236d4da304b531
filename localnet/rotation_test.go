package localnet_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
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
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/internal/certfile"
	"github.com/librum/librum/localnet"
)

// The load of TestRotationUnderLoad: 25 accounts, each a batch of 5 transfers a
// quarter of a second from two programs, are 1,000 in a second at the most; the
// machine of a test may be slower, which the rate in its log shows.
const (
	loadAccounts = 25
	loadBatch    = 5
	loadTicks    = 24
	loadTick     = 250 * time.Millisecond
)

// rotating is a network behind TLS whose keys change.
type rotating struct {
	*testing.T
	*localnet.Network

	secrets localnet.Secrets
	office  *ca.Office
	server  ledger.ID // its record
	key     string    // path of its key
	client  *client.Client
	sent    atomic.Int64
}

// TestRotationUnderLoad changes the server's certificate, the authority's key and
// the key of every member while they transact, each request over a connection of
// its own. Nothing fails: half of the programs go on with their old key, as the
// overlap allows, and clients trust the authority's first key alone.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	r := &rotating{T: t, secrets: localnet.SecretsFromSeed(6)}
	dir := localnet.Dir(filepath.Join(t.TempDir(), "network"))
	if err := localnet.Create(dir, r.secrets, localnet.Spec{Nodes: 4, Accounts: loadAccounts, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	var stop func()
	r.Network, stop = start(t, dir)
	defer stop()
	stopServing := r.serve(filepath.Join(t.TempDir(), "ca"))
	defer stopServing()
	blocksBefore := r.Nodes[0].Status().Final

	begin := time.Now()
	var working sync.WaitGroup
	for i := range loadAccounts {
		for _, changes := range []bool{false, true} {
			working.Go(func() { r.transact(i, changes) })
		}
	}
	working.Go(r.rotateServer)
	working.Wait()
	elapsed := time.Since(begin)
	t.Logf("%d transfers in %.1f s: %.0f/s", r.sent.Load(), elapsed.Seconds(), float64(r.sent.Load())/elapsed.Seconds())
	if want := int64(2 * loadAccounts * loadTicks * loadBatch); r.sent.Load() != want {
		t.Errorf("%d transfers took effect, want %d", r.sent.Load(), want)
	}
	for i, n := range r.Nodes {
		if s := n.Status(); s.Final <= blocksBefore || s.Diverged {
			t.Errorf("node %d: final up to %d, diverged %t", i, s.Final, s.Diverged)
		}
	}
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
	r.client, err = client.New("https://"+listener.Addr().String(), token, client.Options{HTTP: &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}})
	must(err)
	ctx, cancel := context.WithCancel(r.Context())
	served := make(chan error, 1)
	go func() { served <- r.Serve(ctx, api.TLSListener(listener, source.GetCertificate), nil) }()
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
			if _, err := r.office.Renew(r.authority(), r.server, r.request(), false, time.Hour, time.Now()); err != nil {
				r.Error(err)
			}
		case 8:
			if err := r.office.Rotate(r.authority(), ca.Secrets{}, time.Now(), rand.Reader); err != nil {
				r.Error(err)
			}
		}
	}
}

// transact sends an account's transfers; one that changes takes a new key in
// the middle, which the other programs of the account need not know.
func (r *rotating) transact(account int, changes bool) {
	caller := &identity.Caller{
		Chain: r.Chain, Sender: r.secrets.ID(localnet.KindAccount, account), Key: r.secrets.Key(localnet.KindAccount, account), Random: rand.Reader,
	}
	ticker := time.NewTicker(loadTick)
	defer ticker.Stop()
	for tick := range loadTicks {
		<-ticker.C
		if changes && tick == loadTicks/4 {
			r.rotateKey(caller, account)
		}
		batch := make([][]byte, loadBatch)
		for i := range batch {
			var err error
			batch[i], err = caller.Call(token.Name, "transfer", &token.Transfer{
				To: r.secrets.ID(localnet.KindAccount, (account+1)%loadAccounts), Amount: ledger.NewAmount(1),
			}, time.Now().Add(time.Minute).UnixMilli())
			if err != nil {
				r.Error(err)
				return
			}
		}
		outcomes, err := r.client.SubmitBatch(r.Context(), batch, client.Executed)
		if err != nil {
			r.Errorf("account %d, tick %d: %v", account, tick, err)
			return
		}
		for _, o := range outcomes {
			if o.Code != ledger.CodeOK {
				r.Errorf("account %d, tick %d, changed %t: %s %s", account, tick, changes, o.Code, o.Detail)
				return
			}
		}
		r.sent.Add(int64(len(outcomes)))
	}
}

// rotateKey puts a new key of the account on the ledger and signs with it from
// then on.
func (r *rotating) rotateKey(caller *identity.Caller, account int) {
	next := r.secrets.Key("account after", account)
	possession := ledger.Possession{
		Version: ledger.Version, Chain: r.Chain, Organisation: r.secrets.ID(localnet.KindOrganisation, account%len(r.Nodes)),
		Member: caller.Sender, Key: next.Public(),
	}
	proof, err := possession.Sign(next.Sign)
	if err != nil {
		r.Error(err)
		return
	}
	raw, err := caller.Call(members.Name, members.MethodRotateKey, &members.RotateKey{
		Old: caller.Key.ID(), Key: next.Public(), Proof: proof, Until: time.Now().Add(10 * time.Minute).UnixMilli(),
	}, time.Now().Add(time.Minute).UnixMilli())
	if err == nil {
		outcomes, submitErr := r.client.SubmitBatch(r.Context(), [][]byte{raw}, client.Executed)
		if submitErr != nil || outcomes[0].Code != ledger.CodeOK {
			err = fmt.Errorf("%+v, %w", outcomes, submitErr)
		}
	}
	if err != nil {
		r.Errorf("account %d rotates: %v", account, err)
		return
	}
	caller.Key = next
}
