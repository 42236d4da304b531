package integration_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gocql/gocql"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/store/storetest"
)

// What a block of the benchmark holds: transfers, each of which changes two rows.
const (
	benchTransfers = 500
	benchAccounts  = 5_000
	benchWriters   = 64
)

// BenchmarkCassandra applies blocks of transfers and, in turn, has a bare gocql
// session write the rows that such a block consists of, under the same keys, with as
// many statements under way: without a staged commit, without an order, without a
// position. ratio is the store's rate over the bare writer's.
func BenchmarkCassandra(b *testing.B) {
	opts := cassandra.Options{
		Hosts: addresses(b, "LIBRUM_TEST_CASSANDRA"), Keyspace: "bench_" + strings.ToLower(rand.Text()), Writers: benchWriters,
		Replication: "{'class': 'SimpleStrategy', 'replication_factor': 1}", Chain: ledger.Digest{1}, Node: ledger.ID{2},
	}
	ctx := b.Context()
	s, err := cassandra.Open(ctx, opts)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	bare := openBare(b, opts)
	if err := s.Apply(ctx, storetest.NewCommit(0, nil)); err != nil {
		b.Fatal(err)
	}
	var ours, theirs time.Duration
	height := uint64(0)
	for b.Loop() {
		height++
		c := transfers(height)
		began := time.Now()
		if err := s.Apply(ctx, c); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)
		began = time.Now()
		if err := bare.write(ctx, c); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(began)
	}
	b.ReportMetric(float64(height)*benchTransfers/ours.Seconds(), "tx/s")
	b.ReportMetric(float64(height)*benchTransfers/theirs.Seconds(), "bare-tx/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
}

// transfers makes a block that changes two of the accounts for each transaction.
func transfers(height uint64) *store.Commit {
	writes := map[string]string{}
	for i := range uint64(2 * benchTransfers) {
		account := (height*7919 + i*13) % benchAccounts
		writes[fmt.Sprintf("token/balance/%032x", account)] = fmt.Sprint("balance ", height, i)
	}
	c := storetest.NewCommit(height, writes)
	for i := range uint64(benchTransfers) {
		at := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, height), i)
		c.Transactions = append(c.Transactions, ledger.Hash(at))
	}
	c.Block = make([]byte, benchTransfers*300) // about what a transfer and its result take
	_, _ = rand.Read(c.Block)                  // never fails
	return c
}

// bareWriter writes rows and nothing else.
type bareWriter struct{ session *gocql.Session }

func openBare(b *testing.B, opts cassandra.Options) *bareWriter {
	b.Helper()
	c := gocql.NewCluster(opts.Hosts...)
	c.Keyspace, c.Consistency, c.ProtoVersion, c.Timeout = opts.Keyspace, gocql.Quorum, 4, time.Minute
	c.PoolConfig.HostSelectionPolicy = gocql.TokenAwareHostPolicy(gocql.RoundRobinHostPolicy())
	session, err := c.CreateSession()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := session.Query("DROP KEYSPACE " + opts.Keyspace).Exec(); err != nil {
			b.Error(err)
		}
		session.Close()
	})
	for _, table := range []string{
		`CREATE TABLE bare_latest (key blob PRIMARY KEY, row blob)`,
		`CREATE TABLE bare_versions (key blob, height bigint, row blob, PRIMARY KEY (key, height)) WITH CLUSTERING ORDER BY (height DESC)`,
		`CREATE TABLE bare_places (id blob PRIMARY KEY, height bigint, place int)`,
		`CREATE TABLE bare_blocks (height bigint PRIMARY KEY, header blob, block blob)`,
	} {
		if err := session.Query(table).WithContext(b.Context()).Exec(); err != nil {
			b.Fatal(err)
		}
	}
	return &bareWriter{session}
}

// write writes a block's rows: of each changed row its newest form and its version,
// of each transaction its place, and the block.
func (w *bareWriter) write(ctx context.Context, c *store.Commit) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(benchWriters)
	put := func(statement string, values ...any) {
		group.Go(func() error { return w.session.Query(statement, values...).WithContext(ctx).Exec() })
	}
	height := int64(c.Height)
	for _, write := range c.Writes {
		put(`INSERT INTO bare_latest (key, row) VALUES (?, ?)`, write.Key, write.Value)
		put(`INSERT INTO bare_versions (key, height, row) VALUES (?, ?, ?)`, write.Key, height, write.Value)
	}
	for i, id := range c.Transactions {
		put(`INSERT INTO bare_places (id, height, place) VALUES (?, ?, ?)`, id[:], height, i)
	}
	put(`INSERT INTO bare_blocks (height, header, block) VALUES (?, ?, ?)`, height, c.Header, c.Block)
	return group.Wait()
}
