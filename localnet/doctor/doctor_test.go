package doctor_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
	"github.com/librum/librum/localnet/doctor"
)

func create(t *testing.T) localnet.Dir {
	t.Helper()
	dir := localnet.Dir(t.TempDir())
	if err := localnet.Create(dir, localnet.SecretsFromSeed(6), localnet.Spec{Nodes: 4, Accounts: 1, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs the network with node 0 at an address, until a block is final.
func run(t *testing.T, dir localnet.Dir, then func(n *localnet.Network, base string)) {
	t.Helper()
	n, err := localnet.Open(t.Context(), dir, localnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- n.Run(ctx) }()
	go func() { ended <- n.Serve(ctx, listener, slog.New(slog.DiscardHandler)) }()
	secrets := localnet.SecretsFromSeed(6)
	key := secrets.Key(localnet.KindAccount, 0)
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: n.Chain, Sender: secrets.ID(localnet.KindAccount, 0), Contract: "token", Method: "transfer",
		Args: []byte{0xa0}, Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	e, err := tx.Sign(key.ID(), key.Sign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Nodes[0].SubmitFinal(ctx, [][]byte{e.Bytes()}); err != nil {
		t.Fatal(err)
	}
	for _, member := range n.Nodes {
		if _, err := member.Await(ctx, func(s node.Status) bool { return s.Height > 0 && s.Final == s.Height }); err != nil {
			t.Fatal(err)
		}
	}
	if then != nil {
		then(n, "http://"+listener.Addr().String())
	}
	stop()
	if err := errors.Join(<-ended, <-ended, n.Close()); err != nil {
		t.Error(err)
	}
}

func dirChecks(t *testing.T, dir localnet.Dir, now time.Time) doctor.Checks {
	t.Helper()
	c, err := doctor.Dir(t.Context(), dir, now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func state(c doctor.Checks, name string) doctor.State {
	if i := slices.IndexFunc(c, func(x doctor.Check) bool { return x.Name == name }); i >= 0 {
		return c[i].State
	}
	return ""
}

func TestDir(t *testing.T) {
	t.Parallel()
	dir := create(t)
	if c := dirChecks(t, dir, time.Now()); c.Worst() != doctor.OK {
		t.Errorf("a network that has not run: %+v", c)
	}
	run(t, dir, func(*localnet.Network, string) {
		if c := dirChecks(t, dir, time.Now()); c.Worst() != doctor.OK || state(c, "node-0 finality") != "" {
			t.Errorf("while it runs: %+v", c)
		}
	})
	c := dirChecks(t, dir, time.Now())
	if c.Worst() != doctor.OK || state(c, "last stop") != doctor.OK || state(c, "node-3 finality") != doctor.OK || state(c, "node-3 log") != doctor.OK {
		t.Fatalf("stopped: %+v", c)
	}
	for name, x := range map[string]struct {
		now   time.Time
		do    func() error
		check string
		want  doctor.State
	}{
		"a clock that is behind":  {now: time.Now().Add(-time.Hour), check: "node-1 clock", want: doctor.Bad},
		"the token's last month":  {now: time.Now().Add(350 * 24 * time.Hour), check: "token's key", want: doctor.Warn},
		"after the token's end":   {now: time.Now().Add(366 * 24 * time.Hour), check: "token's key", want: doctor.Bad},
		"a readable key":          {do: func() error { return os.Chmod(dir.Key(1), 0o644) }, check: "permissions", want: doctor.Bad},
		"a writable file":         {do: func() error { return os.Chmod(dir.Genesis(), 0o666) }, check: "permissions", want: doctor.Warn},
		"no manifest":             {do: func() error { return os.Remove(dir.Manifest()) }, check: "last stop", want: doctor.Warn},
		"a node that diverged":    {do: func() error { return os.WriteFile(dir.Diverged(2), nil, 0o600) }, check: "diverged", want: doctor.Bad},
		"a key that is none":      {do: func() error { return os.WriteFile(dir.Key(0), []byte("x"), 0o600) }, check: "keys", want: doctor.Bad},
		"an encrypted key":        {do: func() error { return encrypt(dir.Key(1)) }, check: "keys", want: doctor.OK},
		"a readable CA key":       {do: func() error { return authority(dir, "ca-key-1", 0o644) }, check: "permissions", want: doctor.Bad},
		"a readable register":     {do: func() error { return authority(dir, "register.jsonl", 0o640) }, check: "permissions", want: doctor.Bad},
		"a CA's lock":             {do: func() error { return authority(dir, "lock", 0o644) }, check: "permissions", want: doctor.OK},
		"no token":                {do: func() error { return os.Remove(dir.Token()) }, check: "token", want: doctor.Bad},
		"a log of somebody's own": {do: func() error { return newLog(t, dir) }, check: "node-0 log", want: doctor.Bad},
		"a damaged genesis":       {do: func() error { return os.WriteFile(dir.Genesis(), []byte("x"), 0o600) }, check: "genesis", want: doctor.Bad},
		"an old certificate":      {do: func() error { return certify(dir, -time.Hour) }, check: "certificate node.pem", want: doctor.Bad},
		"a certificate that ends": {do: func() error { return certify(dir, 24*time.Hour) }, check: "certificate node.pem", want: doctor.Warn},
		"a good certificate":      {do: func() error { return certify(dir, 900*24*time.Hour) }, check: "certificate node.pem", want: doctor.OK},
	} {
		if x.now.IsZero() {
			x.now = time.Now()
		}
		saved := t.TempDir()
		if err := os.CopyFS(saved, os.DirFS(string(dir))); err != nil {
			t.Fatal(err)
		}
		if x.do != nil {
			if err := x.do(); err != nil {
				t.Fatal(err)
			}
		}
		c := dirChecks(t, dir, x.now)
		if got := state(c, x.check); got != x.want {
			t.Errorf("%s: %s is %q, want %s: %+v", name, x.check, got, x.want, c)
		}
		for _, check := range c {
			if check.State != doctor.OK && check.Fix == "" {
				t.Errorf("%s: %+v says nothing to do", name, check)
			}
		}
		if err := restore(dir, saved); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := doctor.Dir(t.Context(), localnet.Dir(t.TempDir()), time.Now()); !errors.Is(err, localnet.ErrNoNetwork) {
		t.Errorf("an empty directory: %v", err)
	}
}

func restore(dir localnet.Dir, saved string) error {
	err := errors.Join(os.RemoveAll(string(dir)), os.CopyFS(string(dir), os.DirFS(saved)))
	return errors.Join(err, filepath.Walk(string(dir), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}))
}

// newLog puts the log of a network that has not executed anything in place.
func newLog(t *testing.T, dir localnet.Dir) error {
	t.Helper()
	other := create(t)
	n, err := localnet.Open(t.Context(), other, localnet.Options{})
	if err != nil {
		return err
	}
	if err := n.Close(); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(dir.Log()), os.CopyFS(dir.Log(), os.DirFS(other.Log())))
}

// certify puts a certificate into the directory that ends after a while.
func certify(dir localnet.Dir, after time.Duration) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "node"}, NotAfter: time.Now().Add(after)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, public, private)
	if err != nil {
		return err
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return os.WriteFile(filepath.Join(string(dir), "node.pem"), b, 0o600)
}

func TestServer(t *testing.T) {
	t.Parallel()
	dir := create(t)
	run(t, dir, func(n *localnet.Network, base string) {
		token, err := dir.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		ask := func(token string, genesis ledger.Digest, now func() time.Time) doctor.Checks {
			c, err := client.New(base, token, client.Options{Retries: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			checks, err := doctor.Server(t.Context(), doctor.Target{URL: base, Client: c, Genesis: genesis}, now)
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range checks {
				if strings.Contains(check.Message+check.Fix, token) {
					t.Errorf("%+v shows the token", check)
				}
			}
			return checks
		}
		if c := ask(token, n.Chain, time.Now); c.Worst() != doctor.OK || state(c, "finality") != doctor.OK || state(c, "token") != doctor.OK {
			t.Errorf("%+v", c)
		}
		if c := ask("lbr_another", n.Chain, time.Now); state(c, "token") != doctor.Bad {
			t.Errorf("another token: %+v", c)
		}
		if c := ask(token, ledger.Digest{1}, time.Now); state(c, "genesis") != doctor.Bad {
			t.Errorf("another chain: %+v", c)
		}
		slow := func() time.Time { return time.Now().Add(-time.Minute) }
		if c := ask(token, n.Chain, slow); state(c, "clock") != doctor.Bad || state(c, "log time") != doctor.Bad {
			t.Errorf("a clock that is behind: %+v", c)
		}
	})
}

// TestServerCertificate looks at the certificate that is seen, and at a date.
func TestServerCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-5*time.Second).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTeapot)
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c, err := client.New(s.URL, "", client.Options{Retries: -1, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	name := "certificate of " + s.Certificate().Subject.String()
	checks, err := doctor.Server(t.Context(), doctor.Target{URL: s.URL, Client: c, Roots: roots}, time.Now)
	if err != nil || state(checks, name) != doctor.OK || state(checks, "clock") != doctor.Warn ||
		state(checks, "ready") != doctor.Bad || state(checks, "status") != doctor.Unknown {
		t.Errorf("%+v, %v", checks, err)
	}
	if _, err := doctor.Server(t.Context(), doctor.Target{URL: s.URL, Client: c}, time.Now); err == nil {
		t.Error("a certificate that nobody vouches for was taken")
	}
}

func encrypt(path string) error {
	key, err := localnet.LoadKey(path)
	if err != nil {
		return err
	}
	return keyfile.Replace(path, key, "correct horse")
}

// authority puts a file into the directory of an authority.
func authority(dir localnet.Dir, name string, mode os.FileMode) error {
	folder := filepath.Join(string(dir), "ca")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(folder, name), nil, mode), os.Chmod(filepath.Join(folder, name), mode))
}
