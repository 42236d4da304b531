package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	blobfile "github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/blob/ipfs"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/order/kafka"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/chain/registry/etcd"
	registryfile "github.com/librum/librum/chain/registry/file"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/internal/host"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/elastic"
	"github.com/librum/librum/search/indexer"
)

// place is whose the engines are.
type place struct {
	chain ledger.Digest
	shard uint32
	node  ledger.ID
}

// engines are what a node stands on.
type engines struct {
	registry registry.Registry
	log      order.Log
	store    store.Store
	blobs    blob.Store
	index    indexer.Index // nil: none

	readAhead int // rows of the store that are well read at once

	closers []func() error // in the order of opening
}

// openEngines opens what the configuration names, each by its driver.
func openEngines(ctx context.Context, c *config.Config, at place, logger *slog.Logger) (_ *engines, err error) {
	e := &engines{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	if err := e.openRegistry(ctx, &c.Registry, at); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	if err := e.openLog(ctx, &c.Order, at, logger); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	if err := e.openStore(ctx, &c.Store, at, logger); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := e.openBlobs(ctx, &c.Blob, at); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	if err := e.makeIndex(&c.Search, at); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return e, nil
}

// close closes the engines, the last opened first.
func (e *engines) close() error {
	errs := make([]error, 0, len(e.closers))
	for _, c := range slices.Backward(e.closers) {
		errs = append(errs, c())
	}
	e.closers = nil
	return errors.Join(errs...)
}

func (e *engines) openRegistry(ctx context.Context, c *config.Registry, at place) error {
	if c.Driver == config.DriverFile {
		r := registryfile.Open(c.File.Path, time.Now)
		e.registry, e.closers = r, append(e.closers, r.Close)
		return nil
	}
	options, err := etcdConfig(&c.Etcd, at)
	if err != nil {
		return err
	}
	r, err := etcd.Open(ctx, options)
	if err != nil {
		return err
	}
	e.registry, e.closers = r, append(e.closers, r.Close)
	return nil
}

func etcdConfig(c *config.Etcd, at place) (options etcd.Config, err error) {
	options = etcd.Config{Endpoints: c.Endpoints, Prefix: c.Prefix, User: c.User, Timeout: c.Timeout}
	if options.Prefix == "" {
		options.Prefix = fmt.Sprintf("/librum/%.16s/", at.chain)
	}
	if options.Password, err = secret(c.PasswordFile); err != nil {
		return options, err
	}
	options.TLS, err = clientTLS(&c.TLS)
	return options, err
}

func (e *engines) openLog(ctx context.Context, c *config.Order, at place, logger *slog.Logger) error {
	if c.Driver == config.DriverLocal {
		// It opens without a change, and would find out at the next segment.
		if err := host.Writable(c.Local.Dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		l, err := local.Open(ctx, vfs.Default, c.Local.Dir, local.Options{Logger: logger})
		if err != nil {
			return err
		}
		e.log, e.closers = l, append(e.closers, l.Close)
		return nil
	}
	options, err := kafkaConfig(&c.Kafka, at, logger)
	if err != nil {
		return err
	}
	l, err := kafka.Open(ctx, options)
	if err != nil {
		return err
	}
	e.log, e.closers = l, append(e.closers, l.Close)
	return nil
}

func kafkaConfig(c *config.Kafka, at place, logger *slog.Logger) (options kafka.Config, err error) {
	options = kafka.Config{Brokers: c.Brokers, Topic: c.Topic, UnsafeSingleBroker: c.UnsafeSingleBroker, Logger: logger}
	if options.Topic == "" {
		options.Topic = fmt.Sprintf("librum-%.16s-%d", at.chain, at.shard)
	}
	if options.TLS, err = clientTLS(&c.TLS); err != nil {
		return options, err
	}
	if c.SASL.Mechanism != "" {
		password, err := secret(c.SASL.PasswordFile)
		if err != nil {
			return options, err
		}
		options.SASL = &kafka.SASL{Mechanism: c.SASL.Mechanism, User: c.SASL.User, Password: password}
	}
	return options, nil
}

func (e *engines) openStore(ctx context.Context, c *config.Store, at place, logger *slog.Logger) error {
	if c.Driver == config.DriverPebble {
		s, err := pebble.Open(c.Pebble.Dir, pebble.Options{
			Chain: at.chain, Shard: at.shard, Node: at.node, CacheBytes: c.Pebble.CacheBytes, Logger: logger,
		})
		if err != nil {
			return err
		}
		e.store, e.closers = s, append(e.closers, s.Close)
		return nil
	}
	options, err := cassandraOptions(&c.Cassandra, at, logger)
	if err != nil {
		return err
	}
	if e.log != nil { // else the log is not opened, and nothing is executed
		options.Topic = e.log.Topic()
	}
	s, err := cassandra.Open(ctx, options)
	if err != nil {
		return err
	}
	e.store, e.readAhead, e.closers = s, cassandra.ReadAhead, append(e.closers, s.Close)
	return nil
}

func cassandraOptions(c *config.Cassandra, at place, logger *slog.Logger) (options cassandra.Options, err error) {
	options = cassandra.Options{
		Hosts: c.Hosts, Keyspace: c.Keyspace, Replication: c.Replication, User: c.User,
		Chain: at.chain, Shard: at.shard, Node: at.node,
		Buckets: c.Buckets, Writers: c.Writers, Patience: c.Patience, Logger: logger,
	}
	if err := options.Consistency.UnmarshalText([]byte(c.Consistency)); err != nil {
		return options, err
	}
	if options.Password, err = secret(c.PasswordFile); err != nil {
		return options, err
	}
	options.TLS, err = clientTLS(&c.TLS)
	return options, err
}

func (e *engines) openBlobs(ctx context.Context, c *config.Blob, at place) error {
	if c.Driver == config.DriverFile {
		s, err := blobfile.Open(ctx, vfs.Default, c.File.Dir, blobfile.Options{})
		if err != nil {
			return err
		}
		e.blobs, e.closers = s, append(e.closers, s.Close)
		return nil
	}
	options, err := ipfsConfig(&c.IPFS, at)
	if err != nil {
		return err
	}
	s, err := ipfs.Open(ctx, options)
	if err != nil {
		return err
	}
	e.blobs = s
	e.closers = append(e.closers, func() error {
		s.Close()
		return nil
	})
	return nil
}

func ipfsConfig(c *config.IPFS, at place) (options ipfs.Config, err error) {
	options = ipfs.Config{API: c.API, Root: c.Root, Timeout: c.Timeout}
	if options.Root == "" {
		options.Root = "/librum/" + at.node.String()
	}
	options.Authorization, err = secret(c.AuthorizationFile)
	return options, err
}

// makeIndex leaves the index to be opened by who keeps it: nothing waits for it.
func (e *engines) makeIndex(c *config.Search, at place) error {
	switch c.Driver {
	case config.DriverSQLite:
		x := fullnode.NewIndex(c.SQLite.Path)
		e.index, e.closers = x, append(e.closers, x.Close)
	case config.DriverElastic:
		options, err := elasticConfig(&c.Elastic, at)
		if err != nil {
			return err
		}
		schema, err := document.NewSchema(document.Contracts())
		if err != nil {
			return err
		}
		x, err := elastic.New(options, schema)
		if err != nil {
			return err
		}
		e.index, e.closers = x, append(e.closers, x.Close)
	}
	return nil
}

func elasticConfig(c *config.SearchElastic, at place) (options elastic.Config, err error) {
	options = elastic.Config{
		Addresses: c.Addresses, Prefix: c.Prefix, Node: at.node, User: c.User, Shards: c.Shards, Replicas: c.Replicas, Timeout: c.Timeout,
	}
	if options.Prefix == "" {
		options.Prefix = fmt.Sprintf("librum-%.16s-%.8s", at.chain, at.node)
	}
	if options.Password, err = secret(c.PasswordFile); err != nil {
		return options, err
	}
	if options.APIKey, err = secret(c.APIKeyFile); err != nil {
		return options, err
	}
	options.TLS, err = clientTLS(&c.TLS)
	return options, err
}
