package config

import (
	"time"
)

// Config is the configuration of a node.
type Config struct {
	// Dir is the node's directory: key, tokens, audit log, evidence, and what
	// embedded engines keep.
	Dir string `yaml:"dir"`
	// Genesis is the genesis file, Chain its digest as it was agreed on: a file
	// with another digest is refused.
	Genesis string `yaml:"genesis"`
	Chain   string `yaml:"chain"`
	// PassphraseFile opens an encrypted key; empty where it is not, or is asked
	// for otherwise.
	PassphraseFile string `yaml:"passphrase_file"`

	Door     Door     `yaml:"door"`
	Mesh     Mesh     `yaml:"mesh"`
	Registry Registry `yaml:"registry"`
	Order    Order    `yaml:"order"`
	Store    Store    `yaml:"store"`
	Blob     Blob     `yaml:"blob"`
	Search   Search   `yaml:"search"`
	Limits   Limits   `yaml:"limits"`
	Log      Log      `yaml:"log"`
}

// Door is the HTTP interface.
type Door struct {
	// Listen is the address (host:port).
	Listen string `yaml:"listen"`
	// Certificate and Key are PEM files; empty for plain HTTP, which is for
	// loopback unless InsecureHTTP allows it elsewhere.
	Certificate  string `yaml:"certificate"`
	Key          string `yaml:"key"`
	InsecureHTTP bool   `yaml:"insecure_http"`
	// Connections may be open at once, AddressConnections of these from one address.
	Connections        int `yaml:"connections"`
	AddressConnections int `yaml:"address_connections"`
}

// Mesh is how the node meets the others of its group: gRPC with mutual TLS.
type Mesh struct {
	// Listen is the address (host:port); empty for a node that meets nobody.
	Listen string `yaml:"listen"`
	// Advertise is the address that others reach; empty for Listen.
	Advertise string `yaml:"advertise"`
	// Certificates are PEM files, each with a certificate of one of the node's own
	// keys and those that came with it: two while a key is replaced.
	Certificates []string `yaml:"certificates"`
	// Authorities are PEM files with the organisations' authorities, Revoked
	// their lists of revoked certificates.
	Authorities []string `yaml:"authorities"`
	Revoked     []string `yaml:"revoked"`
	// AddressConnections may be open at once from one address.
	AddressConnections int `yaml:"address_connections"`
}

// The names of the engines.
const (
	DriverLocal     = "local"
	DriverKafka     = "kafka"
	DriverPebble    = "pebble"
	DriverCassandra = "cassandra"
	DriverFile      = "file"
	DriverEtcd      = "etcd"
	DriverIPFS      = "ipfs"
	DriverSQLite    = "sqlite"
	DriverElastic   = "elasticsearch"
	DriverNone      = "none"
)

// Registry is where nodes leave hints for each other.
type Registry struct {
	Driver string       `yaml:"driver"` // file or etcd
	File   RegistryFile `yaml:"file"`
	Etcd   Etcd         `yaml:"etcd"`
}

// RegistryFile keeps hints in a file, for the nodes of one machine.
type RegistryFile struct {
	Path string `yaml:"path"` // empty: DIR/registry.json
}

// Etcd is where etcd is.
type Etcd struct {
	Endpoints    []string      `yaml:"endpoints"` // URLs
	Prefix       string        `yaml:"prefix"`    // empty: /librum/ and the chain
	User         string        `yaml:"user"`
	PasswordFile string        `yaml:"password_file"`
	TLS          TLS           `yaml:"tls"`
	Timeout      time.Duration `yaml:"timeout"` // of a request
}

// Order is the log.
type Order struct {
	Driver string     `yaml:"driver"` // local or kafka
	Local  OrderLocal `yaml:"local"`
	Kafka  Kafka      `yaml:"kafka"`
}

// OrderLocal is an embedded log, for the one node of a chain.
type OrderLocal struct {
	Dir string `yaml:"dir"` // empty: DIR/log
}

// Kafka is where the topic is.
type Kafka struct {
	Brokers            []string `yaml:"brokers"` // host:port
	Topic              string   `yaml:"topic"`   // empty: of the chain and its shard
	UnsafeSingleBroker bool     `yaml:"unsafe_single_broker"`
	TLS                TLS      `yaml:"tls"`
	SASL               SASL     `yaml:"sasl"`
}

// SASL is how a client of Kafka proves who it is.
type SASL struct {
	Mechanism    string `yaml:"mechanism"` // SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN; empty: none
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
}

// TLS protects connections to an engine.
type TLS struct {
	Enabled     bool   `yaml:"enabled"`
	CA          string `yaml:"ca"`          // PEM file of those who may vouch; empty: the system's
	Certificate string `yaml:"certificate"` // PEM files, where the engine asks for one
	Key         string `yaml:"key"`
}

// Store is what the node executed.
type Store struct {
	Driver    string    `yaml:"driver"` // pebble or cassandra
	Pebble    Pebble    `yaml:"pebble"`
	Cassandra Cassandra `yaml:"cassandra"`
}

// Pebble is the embedded store.
type Pebble struct {
	Dir        string `yaml:"dir"`         // empty: DIR/store
	CacheBytes int64  `yaml:"cache_bytes"` // of the block cache; 0: the driver's default
}

// Cassandra is where the keyspace is.
type Cassandra struct {
	Hosts        []string      `yaml:"hosts"`       // host or host:port
	Keyspace     string        `yaml:"keyspace"`    // of this node alone
	Replication  string        `yaml:"replication"` // CQL map for a new keyspace; empty: three copies
	Consistency  string        `yaml:"consistency"` // QUORUM, LOCAL_QUORUM or ALL
	User         string        `yaml:"user"`
	PasswordFile string        `yaml:"password_file"`
	TLS          TLS           `yaml:"tls"`
	Buckets      int           `yaml:"buckets"`  // of a new keyspace
	Writers      int           `yaml:"writers"`  // statements of a block at once
	Patience     time.Duration `yaml:"patience"` // how long reads are tried again
}

// Blob is where models and updates are.
type Blob struct {
	Driver string   `yaml:"driver"` // file or ipfs
	File   BlobFile `yaml:"file"`
	IPFS   IPFS     `yaml:"ipfs"`
}

// BlobFile keeps blobs as files.
type BlobFile struct {
	Dir string `yaml:"dir"` // empty: DIR/blobs
}

// IPFS is where kubo is.
type IPFS struct {
	API               string        `yaml:"api"`                // URL of its RPC
	AuthorizationFile string        `yaml:"authorization_file"` // holds what is sent as that header
	Root              string        `yaml:"root"`               // folder in kubo's file tree; empty: /librum and the node
	Timeout           time.Duration `yaml:"timeout"`            // of a short request, and of a stream that stands still
}

// Search is where final blocks are indexed. It is built again where it is lost.
type Search struct {
	Driver  string        `yaml:"driver"` // sqlite, elasticsearch or none
	SQLite  SearchSQLite  `yaml:"sqlite"`
	Elastic SearchElastic `yaml:"elasticsearch"`
	Retain  uint64        `yaml:"retain"` // blocks whose transactions and events are kept; 0: all
}

// SearchSQLite keeps the index in a file.
type SearchSQLite struct {
	Path string `yaml:"path"` // empty: DIR/search/index.sqlite
}

// SearchElastic is where Elasticsearch is.
type SearchElastic struct {
	Addresses    []string      `yaml:"addresses"` // URLs
	Prefix       string        `yaml:"prefix"`    // of all names; empty: of the chain and the node
	User         string        `yaml:"user"`
	PasswordFile string        `yaml:"password_file"`
	APIKeyFile   string        `yaml:"api_key_file"` // in place of user and password
	TLS          TLS           `yaml:"tls"`
	Shards       int           `yaml:"shards"`
	Replicas     int           `yaml:"replicas"` // copies beside the first
	Timeout      time.Duration `yaml:"timeout"`  // of a request
}

// Limits bound what is under way.
type Limits struct {
	Window      int           `yaml:"window"`       // transactions let in and not yet executed
	MarkerDelay time.Duration `yaml:"marker_delay"` // how long an open block with a transaction may stand
}

// Log is what the process says of itself, on standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Default returns the configuration that a file changes: one node with embedded
// engines.
func Default() Config {
	return Config{
		Dir:      "librum-node",
		Genesis:  "genesis.cbor",
		Door:     Door{Listen: "127.0.0.1:8080", Connections: 8_192, AddressConnections: 2_048},
		Mesh:     Mesh{AddressConnections: 64},
		Registry: Registry{Driver: DriverFile, Etcd: Etcd{Timeout: 5 * time.Second}},
		Order:    Order{Driver: DriverLocal},
		Search:   Search{Driver: DriverSQLite, Elastic: SearchElastic{Shards: 1, Replicas: 1, Timeout: 30 * time.Second}},
		Store: Store{Driver: DriverPebble, Cassandra: Cassandra{
			Consistency: "QUORUM", Buckets: 64, Writers: 64, Patience: 2 * time.Minute,
		}},
		Blob:   Blob{Driver: DriverFile, IPFS: IPFS{Timeout: 30 * time.Second}},
		Limits: Limits{Window: 16_384, MarkerDelay: 200 * time.Millisecond},
		Log:    Log{Level: "info", Format: "text"},
	}
}
