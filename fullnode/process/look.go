package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/librum/librum/chain/blob/ipfs"
	"github.com/librum/librum/chain/order/kafka"
	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/chain/registry/etcd"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/elastic"
)

// Engine is what was found where the configuration says that an engine is.
type Engine struct {
	Stage, Driver string
	Err           error // why a node would not start on it
	New           bool  // it holds nothing of the node yet, which the first start makes
}

// StageSearch is the stage that a node starts and goes on without.
const StageSearch = "search"

// lookTime bounds the look at one engine.
const lookTime = 20 * time.Second

// Look asks the engines that are servers whether they answer and are safe. It
// changes nothing. The error says why it is not known whose they are.
func Look(ctx context.Context, c config.Config, o Options) ([]Engine, error) {
	_, genesis, chain, err := loadGenesis(&c)
	if err != nil {
		return nil, err
	}
	_, self, err := loadKeys(fullnode.Dir(c.Dir), genesis, o.Ask)
	if err != nil {
		return nil, err
	}
	at := place{chain: chain, shard: genesis.Shard, node: self}
	var found []Engine
	for _, e := range []struct {
		stage, driver, server string
		look                  func(context.Context) (bool, error)
	}{
		{"registry", c.Registry.Driver, config.DriverEtcd, func(ctx context.Context) (bool, error) { return lookEtcd(ctx, &c, at) }},
		{"order", c.Order.Driver, config.DriverKafka, func(ctx context.Context) (bool, error) { return lookKafka(ctx, &c, at, o.Logger) }},
		{"store", c.Store.Driver, config.DriverCassandra, func(ctx context.Context) (bool, error) { return lookCassandra(ctx, &c, at, o.Logger) }},
		{"blob", c.Blob.Driver, config.DriverIPFS, func(ctx context.Context) (bool, error) { return lookIPFS(ctx, &c, at) }},
		{StageSearch, c.Search.Driver, config.DriverElastic, func(ctx context.Context) (bool, error) { return lookElastic(ctx, &c, at) }},
	} {
		if e.driver != e.server {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		fresh, err := e.look(ctx)
		cancel()
		found = append(found, Engine{Stage: e.stage, Driver: e.driver, Err: err, New: fresh})
	}
	return found, nil
}

func lookEtcd(ctx context.Context, c *config.Config, at place) (bool, error) {
	options, err := etcdConfig(&c.Registry.Etcd, at)
	if err != nil {
		return false, err
	}
	r, err := etcd.Open(ctx, options)
	if err != nil {
		return false, err
	}
	return false, errors.Join(lookName(ctx, r, &c.Mesh, at), r.Close())
}

// ErrNameTaken: another address than the node's stands under its name in the
// registry, and the other nodes do not find it.
var ErrNameTaken = errors.New("another holds this node's name in the registry")

func lookName(ctx context.Context, r registry.Registry, c *config.Mesh, at place) error {
	key, own := transport.AddressKey(at.chain, at.node), cmp.Or(c.Advertise, c.Listen)
	entries, err := r.List(ctx, key)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Key == key && string(e.Value) != own && own != "" {
			return fmt.Errorf("%w: %s is %.80q, the configuration says %s", ErrNameTaken, key, e.Value, own)
		}
	}
	return nil
}

func lookKafka(ctx context.Context, c *config.Config, at place, logger *slog.Logger) (bool, error) {
	options, err := kafkaConfig(&c.Order.Kafka, at, logger)
	if err != nil {
		return false, err
	}
	err = kafka.Look(ctx, options)
	if errors.Is(err, kafka.ErrNoTopic) {
		return true, nil
	}
	return false, err
}

func lookCassandra(ctx context.Context, c *config.Config, at place, logger *slog.Logger) (bool, error) {
	options, err := cassandraOptions(&c.Store.Cassandra, at, logger)
	if err != nil {
		return false, err
	}
	err = cassandra.Look(ctx, options)
	if errors.Is(err, cassandra.ErrNoKeyspace) {
		return true, nil
	}
	return false, err
}

func lookIPFS(ctx context.Context, c *config.Config, at place) (bool, error) {
	options, err := ipfsConfig(&c.Blob.IPFS, at)
	if err != nil {
		return false, err
	}
	return false, ipfs.Look(ctx, options)
}

func lookElastic(ctx context.Context, c *config.Config, at place) (bool, error) {
	options, err := elasticConfig(&c.Search.Elastic, at)
	if err != nil {
		return false, err
	}
	schema, err := document.NewSchema(document.Contracts())
	if err != nil {
		return false, err
	}
	err = elastic.Look(ctx, options, schema)
	if errors.Is(err, elastic.ErrNew) {
		return true, nil
	}
	return false, err
}
