package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/fullnode/config"
)

// Stopped is the store of a node that does not run.
type Stopped struct {
	Genesis *ledger.Genesis
	Chain   ledger.Digest
	Node    ledger.ID
	Dir     fullnode.Dir
	Store   store.Store
	// Where names the store to people, and Empty says how they get an empty one in
	// its place.
	Where, Empty string

	closers []func() error // in the order of opening
}

// OpenStopped opens the store that a configuration names, making it where there
// is none, and no other engine. Close must be called after.
func OpenStopped(ctx context.Context, c config.Config, o Options) (_ *Stopped, err error) {
	_, genesis, chain, err := loadGenesis(&c)
	if err != nil {
		return nil, err
	}
	s := &Stopped{Genesis: genesis, Chain: chain, Dir: fullnode.Dir(c.Dir)}
	keys, err := s.Dir.Keys(o.Ask)
	if err == nil {
		s.Node, err = s.Dir.NodeID(genesis, keys[0])
	}
	if err != nil {
		return nil, fmt.Errorf("%w: dir: %w", ErrConfig, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, lock.Close)
	e := &engines{}
	if err := e.openStore(ctx, &c.Store, place{chain: chain, shard: genesis.Shard, node: s.Node}, o.Logger); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s.Store, s.closers = e.store, append(s.closers, e.close)
	s.Where, s.Empty = storePlace(&c.Store)
	return s, nil
}

func storePlace(c *config.Store) (where, empty string) {
	if c.Driver == config.DriverPebble {
		return "the store in " + c.Pebble.Dir, "move it aside"
	}
	k := c.Cassandra.Keyspace
	return fmt.Sprintf("keyspace %s in Cassandra at %s", k, strings.Join(c.Cassandra.Hosts, ", ")),
		fmt.Sprintf("name a new keyspace in store.cassandra.keyspace, or, where nobody needs it, DROP KEYSPACE %s", k)
}

// Close closes the store.
func (s *Stopped) Close() error {
	errs := make([]error, 0, len(s.closers))
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c())
	}
	s.closers = nil
	return errors.Join(errs...)
}
