package cassandra

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/gocql/gocql"

	"github.com/librum/librum/chain/ledger"
)

// Options say where the keyspace is and whose it is.
type Options struct {
	// Hosts are addresses (host or host:port) of which one must answer; the
	// others are learnt from it.
	Hosts []string
	// Keyspace is its name: a lower-case letter, then letters, digits and _, 48
	// at most. It is made where it is not there.
	Keyspace string
	// Replication is the CQL map that a new keyspace is made with, for instance
	// {'class': 'NetworkTopologyStrategy', 'dc1': 3}. Empty stands for three
	// copies by SimpleStrategy.
	Replication string
	// Consistency of reads and writes: QUORUM, for which 0 stands, LOCAL_QUORUM
	// or ALL. With less than a majority a store may read less than it wrote.
	Consistency gocql.Consistency
	// User and Password, if not empty, and TLS, if not nil, protect connections.
	User, Password string
	TLS            *tls.Config
	// Chain, Shard and Node are the owner; a keyspace of another is refused.
	Chain ledger.Digest
	Shard uint32
	Node  ledger.ID
	// Topic, if not zero, is the log that the keyspace must belong to.
	Topic ledger.ID
	// Buckets is the number that a new keyspace is made with, 1 to 1,024. 0
	// stands for 64: with ten million rows about 150,000 a bucket.
	Buckets int
	// Writers bounds the statements of a commit under way at once. 0 stands
	// for 64.
	Writers int
	// Patience is how long reads are tried again while Cassandra does not
	// answer, then they fail with [store.ErrAway]; commits and signatures are
	// tried as long as their context lets them. 0 stands for 2 min: a node of
	// Cassandra that was killed may need more than half a minute.
	Patience time.Duration
	// Logger takes warnings; nil for none.
	Logger *slog.Logger
}

// ReadAhead is how many rows are well read at once.
const ReadAhead = 64

var keyspaceName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,47}$`)

func (o *Options) fill() error {
	if o.Replication == "" {
		o.Replication = "{'class': 'SimpleStrategy', 'replication_factor': 3}"
	}
	if o.Consistency == 0 {
		o.Consistency = gocql.Quorum
	}
	if o.Buckets == 0 {
		o.Buckets = 64
	}
	if o.Writers == 0 {
		o.Writers = 64
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	var problems []error
	if len(o.Hosts) == 0 {
		problems = append(problems, errors.New("hosts: none is named"))
	}
	if !keyspaceName.MatchString(o.Keyspace) {
		problems = append(problems, fmt.Errorf("keyspace: %q is no name: a lower-case letter, then letters, digits and _, at most 48", o.Keyspace))
	}
	if c := o.Consistency; c != gocql.Quorum && c != gocql.LocalQuorum && c != gocql.All {
		problems = append(problems, fmt.Errorf("consistency: %s, want QUORUM, LOCAL_QUORUM or ALL", c))
	}
	if o.User != "" && o.TLS == nil {
		problems = append(problems, errors.New("user: without TLS whoever listens learns the password"))
	}
	if o.Buckets < 1 || o.Buckets > 1024 {
		problems = append(problems, fmt.Errorf("buckets: %d, want 1 to 1024", o.Buckets))
	}
	if o.Writers < 1 || o.Writers > 1024 {
		problems = append(problems, fmt.Errorf("writers: %d, want 1 to 1024", o.Writers))
	}
	return errors.Join(problems...)
}

// cluster returns how to open one session; its host policy is that session's.
func (o *Options) cluster(keyspace string) *gocql.ClusterConfig {
	c := gocql.NewCluster(o.Hosts...)
	c.Keyspace = keyspace
	c.Consistency = o.Consistency
	c.ProtoVersion = 4
	c.Timeout, c.ConnectTimeout = attemptTime, attemptTime
	c.ReconnectInterval = time.Second // gocql waits a minute before it tries a lost node again
	c.DefaultTimestamp = false        // each statement carries its own (invariant 2)
	c.PoolConfig.HostSelectionPolicy = gocql.TokenAwareHostPolicy(gocql.RoundRobinHostPolicy())
	c.Logger = quiet{o.Logger}
	if o.User != "" {
		c.Authenticator = gocql.PasswordAuthenticator{Username: o.User, Password: o.Password}
	}
	if o.TLS != nil {
		c.SslOpts = &gocql.SslOptions{Config: o.TLS, EnableHostVerification: true}
	}
	return c
}

// quiet hands what gocql says to the log: it is about connections, and what
// matters of that comes back as an error as well.
type quiet struct{ logger *slog.Logger }

func (q quiet) Print(v ...any) { q.logger.Debug("gocql", "text", fmt.Sprint(v...)) }
func (q quiet) Printf(format string, v ...any) {
	q.logger.Debug("gocql", "text", fmt.Sprintf(format, v...))
}
func (q quiet) Println(v ...any) { q.logger.Debug("gocql", "text", fmt.Sprint(v...)) }
