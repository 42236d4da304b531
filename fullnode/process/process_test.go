package process_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/fullnode/process"
	"github.com/librum/librum/localnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// embedded makes the material of a network and returns the configuration of its
// first node.
func embedded(t testing.TB, nodes int) config.Config {
	t.Helper()
	dir := localnet.Dir(t.TempDir())
	if err := localnet.Create(dir, localnet.SecretsFromSeed(7), localnet.Spec{Nodes: nodes, Accounts: 1, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	_, chain, err := dir.LoadGenesis()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(string(dir), "node.yaml")
	text := "dir: node-0\ngenesis: genesis.cbor\nchain: " + chain.String() + "\ndoor: {listen: '127.0.0.1:0'}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, c config.Config) (*process.Process, error) {
	t.Helper()
	return process.Open(t.Context(), c, process.Options{Logger: slog.New(slog.DiscardHandler)})
}

// TestRun starts a node over embedded engines, asks its door, and starts it
// again.
func TestRun(t *testing.T) {
	t.Parallel()
	c, web := embedded(t, 1), &http.Client{Timeout: time.Minute}
	for range 2 {
		p, err := open(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, c); !errors.Is(err, process.ErrRunning) {
			t.Errorf("a second process: %v, want %v", err, process.ErrRunning)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := web.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("readyz: %s, %v", answer.Status, err)
		}
		web.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestRefused opens what does not fit; nothing of it stays open.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]struct {
		nodes  int
		change func(c *config.Config)
		want   string // of the text
	}{
		"another genesis":           {1, func(c *config.Config) { c.Chain = strings.Repeat("1", 64) }, "which was agreed on"},
		"no genesis":                {1, func(c *config.Config) { c.Genesis += "x" }, "genesis"},
		"no key":                    {1, func(c *config.Config) { c.Dir += "x" }, "dir"},
		"a local log of four":       {4, func(*config.Config) {}, "use kafka"},
		"plain HTTP for the world":  {1, func(c *config.Config) { c.Door.Listen = "0.0.0.0:0" }, "loopback"},
		"a certificate that is not": {1, func(c *config.Config) { c.Door.Certificate, c.Door.Key = c.Genesis, c.Genesis }, "door"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := embedded(t, of.nodes)
			good := c
			of.change(&c)
			if _, err := open(t, c); !errors.Is(err, process.ErrConfig) || !strings.Contains(err.Error(), of.want) {
				t.Errorf("%v, want %v with %q", err, process.ErrConfig, of.want)
			}
			if of.nodes > 1 {
				return
			}
			p, err := open(t, good)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDirectoryNotWritten has a lock that can't be opened: that is not another
// process.
func TestDirectoryNotWritten(t *testing.T) {
	t.Parallel()
	c := embedded(t, 1)
	if err := os.Mkdir(filepath.Join(c.Dir, "lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, running := open(t, c)
	_, stopped := process.OpenStopped(t.Context(), c, process.Options{Logger: slog.New(slog.DiscardHandler)})
	for _, err := range []error{running, stopped} {
		if err == nil || errors.Is(err, process.ErrRunning) || errors.Is(err, process.ErrConfig) || !strings.Contains(err.Error(), filepath.Join(c.Dir, "lock")) {
			t.Errorf("where the lock can't be opened: %v", err)
		}
	}
}

// TestOpenKey starts with a key that others may read: the node says so, and only
// then.
func TestOpenKey(t *testing.T) {
	t.Parallel()
	c := embedded(t, 1)
	for _, mode := range []os.FileMode{0o600, 0o644} {
		if err := os.Chmod(filepath.Join(c.Dir, "key"), mode); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		p, err := process.Open(t.Context(), c, process.Options{Logger: slog.New(slog.NewTextHandler(&said, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if strings.Contains(said.String(), "may be read by others") != (mode == 0o644) {
			t.Errorf("with a key of mode %s it says:\n%s", mode, &said)
		}
	}
}

// TestEnginesAway names the engine that does not answer, and no password.
func TestEnginesAway(t *testing.T) {
	t.Parallel()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const nobody = "127.0.0.1:1"
	for want, change := range map[string]func(c *config.Config){
		"registry": func(c *config.Config) {
			c.Registry.Driver, c.Registry.Etcd.Endpoints, c.Registry.Etcd.Timeout = config.DriverEtcd, []string{"http://" + nobody}, 100*time.Millisecond
		},
		"order": func(c *config.Config) {
			c.Order.Driver, c.Order.Kafka.Brokers = config.DriverKafka, []string{nobody}
			c.Order.Kafka.SASL = config.SASL{Mechanism: "SCRAM-SHA-512", User: "node", PasswordFile: password}
		},
		"store": func(c *config.Config) {
			c.Store.Driver, c.Store.Cassandra.Hosts, c.Store.Cassandra.Keyspace = config.DriverCassandra, []string{nobody}, "librum"
		},
		"blob": func(c *config.Config) {
			c.Blob.Driver, c.Blob.IPFS.API, c.Blob.IPFS.AuthorizationFile = config.DriverIPFS, "http://"+nobody, password
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			c := embedded(t, 1)
			change(&c)
			_, err := open(t, c)
			if err == nil || !strings.Contains(err.Error(), "open the engines: "+want) || !strings.Contains(err.Error(), nobody) ||
				strings.Contains(err.Error(), "sesame") {
				t.Errorf("%v, want one that names %s and %s", err, want, nobody)
			}
		})
	}
}

// TestSecrets refuses files that hold none.
func TestSecrets(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, empty + "x", "/dev/zero"} {
		c := embedded(t, 1)
		c.Blob.Driver, c.Blob.IPFS.API, c.Blob.IPFS.AuthorizationFile = config.DriverIPFS, "http://127.0.0.1:1", path
		if _, err := open(t, c); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
