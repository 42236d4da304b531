package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// Bounds of lists and texts.
const (
	maxList = 100
	maxText = 4 << 10
)

// problems gathers all that is wrong.
type problems []string

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, field+": "+fmt.Sprintf(format, args...))
}

// err returns an [*Error], or nil where nothing is wrong.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &Error{Problems: p}
}

// Error lists all that is wrong with a configuration.
type Error struct{ Problems []string }

func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }

// check returns all that is wrong with the configuration.
func (c *Config) check() error {
	var p problems
	p.texts(c)
	if c.Dir == "" {
		p.add("dir", "name the node's directory")
	}
	if c.Genesis == "" {
		p.add("genesis", "name the genesis file")
	}
	if _, err := ledger.ParseDigest(c.Chain); err != nil {
		p.add("chain", "want the genesis digest that was agreed on, 64 hexadecimal digits: librum genesis show prints it")
	}
	p.door(&c.Door)
	p.mesh(&c.Mesh)
	p.registry(&c.Registry)
	p.order(&c.Order)
	p.store(&c.Store)
	p.blob(&c.Blob)
	p.search(&c.Search)
	between(&p, "door.connections", c.Door.Connections, 16, 1<<20)
	between(&p, "door.address_connections", c.Door.AddressConnections, 1, c.Door.Connections)
	between(&p, "mesh.address_connections", c.Mesh.AddressConnections, 4, 1_024)
	between(&p, "limits.window", c.Limits.Window, 4, 1<<20)
	between(&p, "limits.marker_delay", c.Limits.MarkerDelay, time.Millisecond, time.Minute)
	p.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	p.oneOf("log.format", c.Log.Format, "text", "json")
	return p.err()
}

// texts bounds what has no other bound.
func (p *problems) texts(c *Config) {
	for _, path := range c.paths() {
		if len(*path) > maxText || strings.ContainsRune(*path, 0) {
			p.add("paths", "%.40q… is no path: at most %d bytes, none of them zero", *path, maxText)
		}
	}
	for field, text := range map[string]string{
		"registry.etcd.prefix": c.Registry.Etcd.Prefix, "registry.etcd.user": c.Registry.Etcd.User, "order.kafka.sasl.user": c.Order.Kafka.SASL.User,
		"search.elasticsearch.user": c.Search.Elastic.User, "store.cassandra.user": c.Store.Cassandra.User, "store.cassandra.replication": c.Store.Cassandra.Replication, "blob.ipfs.root": c.Blob.IPFS.Root,
	} {
		if len(text) > maxText {
			p.add(field, "%d bytes, at most %d are allowed", len(text), maxText)
		}
	}
}

func (p *problems) door(d *Door) {
	p.address("door.listen", d.Listen)
	if (d.Certificate == "") != (d.Key == "") {
		p.add("door", "certificate and key belong together")
	}
}

func (p *problems) mesh(m *Mesh) {
	p.list("mesh.certificates", m.Certificates)
	p.list("mesh.authorities", m.Authorities)
	p.list("mesh.revoked", m.Revoked)
	if m.Listen == "" {
		if m.Advertise != "" || len(m.Certificates) > 0 {
			p.add("mesh.listen", "name an address, or leave out what else is said of the mesh")
		}
		return
	}
	p.address("mesh.listen", m.Listen)
	if m.Advertise != "" {
		p.address("mesh.advertise", m.Advertise)
	}
	if host, port, err := net.SplitHostPort(m.Listen); m.Advertise == "" && err == nil && (host == "" || net.ParseIP(host).IsUnspecified() || port == "0") {
		p.add("mesh.advertise", "nobody reaches %s: name the address that others reach", m.Listen)
	}
	if len(m.Certificates) == 0 {
		p.add("mesh.certificates", "name the file with the node's certificate: librum ca issues it")
	}
	if len(m.Authorities) == 0 {
		p.add("mesh.authorities", "name the files of the organisations' authorities")
	}
}

func (p *problems) registry(r *Registry) {
	p.oneOf("registry.driver", r.Driver, DriverFile, DriverEtcd)
	p.list("registry.etcd.endpoints", r.Etcd.Endpoints)
	between(p, "registry.etcd.timeout", r.Etcd.Timeout, 100*time.Millisecond, time.Minute)
	p.tls("registry.etcd.tls", &r.Etcd.TLS)
	p.login("registry.etcd", r.Etcd.User, r.Etcd.PasswordFile)
	if r.Driver != DriverEtcd {
		return
	}
	if len(r.Etcd.Endpoints) == 0 {
		p.add("registry.etcd.endpoints", "name at least one")
	}
	for _, e := range r.Etcd.Endpoints {
		p.url("registry.etcd.endpoints", e)
	}
	if r.Etcd.User != "" && !r.Etcd.TLS.Enabled {
		p.add("registry.etcd.user", "without tls whoever listens learns the password")
	}
}

// topicName is what Kafka takes.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{0,249}$`)

func (p *problems) order(o *Order) {
	p.oneOf("order.driver", o.Driver, DriverLocal, DriverKafka)
	k := &o.Kafka
	p.list("order.kafka.brokers", k.Brokers)
	p.tls("order.kafka.tls", &k.TLS)
	if !topicName.MatchString(k.Topic) {
		p.add("order.kafka.topic", "%.40q: want at most 249 letters, digits and . _ -", k.Topic)
	}
	p.oneOf("order.kafka.sasl.mechanism", k.SASL.Mechanism, "", "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
	p.login("order.kafka.sasl", k.SASL.User, k.SASL.PasswordFile)
	if (k.SASL.Mechanism == "") != (k.SASL.User == "") {
		p.add("order.kafka.sasl", "mechanism and user belong together")
	}
	if k.SASL.Mechanism == "PLAIN" && !k.TLS.Enabled {
		p.add("order.kafka.sasl.mechanism", "PLAIN shows the password to whoever listens; use tls or SCRAM-SHA-512")
	}
	if o.Driver != DriverKafka {
		return
	}
	if len(k.Brokers) == 0 {
		p.add("order.kafka.brokers", "name at least one")
	}
	for _, b := range k.Brokers {
		p.address("order.kafka.brokers", b)
	}
}

// keyspaceName is what Cassandra takes without quotes.
var keyspaceName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,47}$`)

func (p *problems) store(s *Store) {
	p.oneOf("store.driver", s.Driver, DriverPebble, DriverCassandra)
	between(p, "store.pebble.cache_bytes", s.Pebble.CacheBytes, 0, 64<<30)
	c := &s.Cassandra
	p.list("store.cassandra.hosts", c.Hosts)
	p.oneOf("store.cassandra.consistency", c.Consistency, "QUORUM", "LOCAL_QUORUM", "ALL")
	p.login("store.cassandra", c.User, c.PasswordFile)
	p.tls("store.cassandra.tls", &c.TLS)
	between(p, "store.cassandra.buckets", c.Buckets, 1, 1024)
	between(p, "store.cassandra.writers", c.Writers, 1, 1024)
	between(p, "store.cassandra.patience", c.Patience, time.Second, time.Hour)
	if c.User != "" && !c.TLS.Enabled {
		p.add("store.cassandra.user", "without tls whoever listens learns the password")
	}
	if s.Driver != DriverCassandra {
		return
	}
	if len(c.Hosts) == 0 {
		p.add("store.cassandra.hosts", "name at least one")
	}
	if !keyspaceName.MatchString(c.Keyspace) {
		p.add("store.cassandra.keyspace", "%.60q: want a lower-case letter, then letters, digits and _, at most 48", c.Keyspace)
	}
}

func (p *problems) blob(b *Blob) {
	p.oneOf("blob.driver", b.Driver, DriverFile, DriverIPFS)
	between(p, "blob.ipfs.timeout", b.IPFS.Timeout, time.Second, 10*time.Minute)
	if root := b.IPFS.Root; root != "" && (!strings.HasPrefix(root, "/") || strings.HasSuffix(root, "/")) {
		p.add("blob.ipfs.root", "%.40q: want / first and not last", root)
	}
	if b.Driver == DriverIPFS {
		p.url("blob.ipfs.api", b.IPFS.API)
		if b.IPFS.AuthorizationFile != "" && inClear(b.IPFS.API) {
			p.add("blob.ipfs.authorization_file", "without https whoever listens learns it")
		}
	}
}

// prefixName is what names of Elasticsearch may begin with.
var prefixName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,99}$`)

func (p *problems) search(s *Search) {
	p.oneOf("search.driver", s.Driver, DriverSQLite, DriverElastic, DriverNone)
	const field = "search.elasticsearch"
	e := &s.Elastic
	p.list(field+".addresses", e.Addresses)
	p.tls(field+".tls", &e.TLS)
	p.login(field, e.User, e.PasswordFile)
	between(p, field+".shards", e.Shards, 1, 64)
	between(p, field+".replicas", e.Replicas, 0, 8)
	between(p, field+".timeout", e.Timeout, time.Second, 10*time.Minute)
	if e.Prefix != "" && !prefixName.MatchString(e.Prefix) {
		p.add(field+".prefix", "%.40q: want a-z first, then a-z, 0-9 and -, at most 100", e.Prefix)
	}
	if e.User != "" && e.APIKeyFile != "" {
		p.add(field+".api_key_file", "it stands in place of user and password; give one of them")
	}
	if s.Driver != DriverElastic {
		return
	}
	if len(e.Addresses) == 0 {
		p.add(field+".addresses", "name at least one")
	}
	for _, a := range e.Addresses {
		p.url(field+".addresses", a)
		if strings.HasPrefix(a, "https://") != e.TLS.Enabled {
			p.add(field+".tls", "enabled goes with addresses that begin with https://, and with no others")
		}
		if (e.User != "" || e.APIKeyFile != "") && inClear(a) {
			p.add(field+".addresses", "without https whoever listens learns the password or key")
		}
	}
}

// inClear reports whether what goes to a URL leaves this machine as it is.
func inClear(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" {
		return false // another problem, or none
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

func (p *problems) oneOf(field, value string, of ...string) {
	if !slices.Contains(of, value) {
		p.add(field, "%.40q, want one of %s", value, strings.Join(slices.DeleteFunc(of, func(s string) bool { return s == "" }), ", "))
	}
}

func (p *problems) list(field string, list []string) {
	if len(list) > maxList {
		p.add(field, "%d, at most %d are allowed", len(list), maxList)
	}
	if slices.ContainsFunc(list, func(s string) bool { return s == "" || len(s) > maxText }) {
		p.add(field, "one is empty or longer than %d bytes", maxText)
	}
}

func (p *problems) address(field, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		p.add(field, "%.60q, want HOST:PORT", address)
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		p.add(field, "%.60q: port %d, want 0 to 65535", address, n)
	}
}

func (p *problems) url(field, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		p.add(field, "want a URL such as https://host:port")
	case u.User != nil:
		p.add(field, "no secrets belong into URLs; name a file")
	}
}

func (p *problems) tls(field string, t *TLS) {
	if (t.Certificate == "") != (t.Key == "") {
		p.add(field, "certificate and key belong together")
	}
	if !t.Enabled && (t.CA != "" || t.Certificate != "") {
		p.add(field, "enabled is false, so ca, certificate and key would not be used")
	}
}

func (p *problems) login(field, user, file string) {
	if (user == "") != (file == "") {
		p.add(field, "user and password_file belong together")
	}
}

func between[T int | int64 | time.Duration](p *problems, field string, value, least, most T) {
	if value < least || value > most {
		p.add(field, "%v, want %v to %v", value, least, most)
	}
}
