package doctor

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/fullnode/process"
	"github.com/librum/librum/internal/host"
)

// Config looks at a node that a configuration tells of: what it allows, the files
// that it names, and the engines that are servers.
func Config(ctx context.Context, path string, now time.Time, environ []string) (c Checks, err error) {
	settings, err := config.Load(path, environ)
	if wrong, ok := errors.AsType[*config.Error](err); ok {
		for _, p := range wrong.Problems {
			c.add("config", Bad, "librum config defaults says what may stand there", "%s", p)
		}
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	c.add("config", OK, "", "order %s, store %s, blobs %s, registry %s, search %s",
		settings.Order.Driver, settings.Store.Driver, settings.Blob.Driver, settings.Registry.Driver, settings.Search.Driver)
	c.machine(settings.Dir)
	c.writable(&settings)
	c.unsafe(&settings)
	c.secrets(&settings)
	c.expiries(&settings, now)
	c.evidence(fullnode.Dir(settings.Dir), "the node")
	engines, err := process.Look(ctx, settings, process.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.add("engines", Unknown, "mend what it says and look again", "%v", err)
		return c, nil
	}
	for _, e := range engines {
		switch {
		case e.Err != nil && e.Stage == process.StageSearch:
			c.add(e.Stage, Bad, "a node starts and goes on without it, and answers no searches", "%s: %v", e.Driver, e.Err)
		case errors.Is(e.Err, process.ErrNameTaken):
			c.add(e.Stage, Bad, "stop the other process that runs with this node's key; where there is none, delete the key", "%s: %v", e.Driver, e.Err)
		case e.Err != nil:
			c.add(e.Stage, Bad, "a node does not start on it", "%s: %v", e.Driver, e.Err)
		case e.New:
			c.add(e.Stage, OK, "", "%s answers; the first start makes what the node needs there", e.Driver)
		default:
			c.add(e.Stage, OK, "", "%s answers, and is safe as far as can be seen", e.Driver)
		}
	}
	return c, nil
}

// writable looks at the directories of the node that are there.
func (c *Checks) writable(s *config.Config) {
	dirs := []string{s.Dir}
	for dir, used := range map[string]bool{
		s.Order.Local.Dir: s.Order.Driver == config.DriverLocal, s.Store.Pebble.Dir: s.Store.Driver == config.DriverPebble,
		s.Blob.File.Dir: s.Blob.Driver == config.DriverFile,
	} {
		if used {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range dirs {
		if err := host.Writable(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.add("directories", Bad, "a node does not start: give it the directory, and see how its file system is mounted", "%v", err)
		}
	}
}

// unsafe tells what a configuration allows that may be regretted.
func (c *Checks) unsafe(s *config.Config) {
	const tls = "use TLS unless nobody sits between"
	if s.Order.Kafka.UnsafeSingleBroker && s.Order.Driver == config.DriverKafka {
		c.add("order.kafka.unsafe_single_broker", Warn, "run three brokers and take it out", "a broken disk loses acknowledged records")
	}
	if s.Door.InsecureHTTP && s.Door.Certificate == "" {
		c.add("door.insecure_http", Warn, "name certificate and key", "tokens cross the network in the clear")
	}
	if s.Mesh.Listen != "" && len(s.Mesh.Revoked) == 0 {
		c.add("mesh.revoked", Warn, "name the organisations' lists: crl.pem of each", "a certificate that was revoked is not known to be")
	}
	for name, of := range map[string]struct {
		used bool
		tls  bool
		at   []string
	}{
		"blob.ipfs.api":            {s.Blob.Driver == config.DriverIPFS, strings.HasPrefix(s.Blob.IPFS.API, "https://"), hosts([]string{s.Blob.IPFS.API})},
		"registry.etcd.tls":        {s.Registry.Driver == config.DriverEtcd, s.Registry.Etcd.TLS.Enabled, hosts(s.Registry.Etcd.Endpoints)},
		"order.kafka.tls":          {s.Order.Driver == config.DriverKafka, s.Order.Kafka.TLS.Enabled, s.Order.Kafka.Brokers},
		"search.elasticsearch.tls": {s.Search.Driver == config.DriverElastic, s.Search.Elastic.TLS.Enabled, hosts(s.Search.Elastic.Addresses)},
		"store.cassandra.tls":      {s.Store.Driver == config.DriverCassandra, s.Store.Cassandra.TLS.Enabled, s.Store.Cassandra.Hosts},
	} {
		if of.used && !of.tls && beyond(of.at) {
			c.add(name, Warn, tls, "what the node says to the engine crosses the network in the clear, and can be changed there")
		}
	}
}

// hosts are those of URLs.
func hosts(urls []string) []string {
	out := make([]string, 0, len(urls))
	for _, text := range urls {
		if u, err := url.Parse(text); err == nil {
			out = append(out, u.Hostname())
		}
	}
	return out
}

// beyond reports whether one of the addresses is not this machine's.
func beyond(addresses []string) bool {
	for _, a := range addresses {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			host = a
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return true
		}
	}
	return false
}

// secrets looks at who may read the files that hold them.
func (c *Checks) secrets(s *config.Config) {
	state, what := OK, "files with secrets are for their owner alone"
	dir := fullnode.Dir(s.Dir)
	others, _ := fs.Glob(os.DirFS(s.Dir), "key-*") // the pattern is well formed
	for i := range others {
		others[i] = filepath.Join(s.Dir, others[i])
	}
	for _, path := range append([]string{
		dir.Key(), s.PassphraseFile, s.Door.Key, s.Registry.Etcd.PasswordFile, s.Order.Kafka.SASL.PasswordFile,
		s.Store.Cassandra.PasswordFile, s.Blob.IPFS.AuthorizationFile, s.Search.Elastic.PasswordFile, s.Search.Elastic.APIKeyFile,
		s.Registry.Etcd.TLS.Key, s.Order.Kafka.TLS.Key, s.Store.Cassandra.TLS.Key, s.Search.Elastic.TLS.Key,
	}, others...) {
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			state, what = Bad, path+" is not there"
		case err != nil && state == OK:
			state, what = Unknown, err.Error()
		case err == nil && info.Mode().Perm()&secretForOwner != 0 && state != Bad:
			state, what = Bad, path+" may be read by others"
		}
	}
	c.add("secrets", state, "put it there, or chmod 600; then think of who may have read it", "%s", what)
}

// expiries looks at the certificates and lists that are named.
func (c *Checks) expiries(s *config.Config, now time.Time) {
	files := append(append(append([]string{}, s.Mesh.Certificates...), s.Mesh.Authorities...), s.Mesh.Revoked...)
	if s.Door.Certificate != "" {
		files = append(files, s.Door.Certificate)
	}
	for _, path := range files {
		all, err := cert.ExpiriesOf(path)
		if err != nil {
			c.add("certificate", Bad, "put it back from a copy, or get it from its authority", "%v", err)
		}
		for _, e := range all {
			name := "certificate " + path
			if e.List {
				name = "list of revoked certificates " + path
			}
			c.expiry(name, now, e.Until, "get a new one from its authority: after that nodes do not speak to each other")
		}
	}
}
