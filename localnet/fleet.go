package localnet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/peer"
)

// The split of the digits among the peers of a local network.
const (
	splitAlpha   = 0.5 // of the Dirichlet distribution: lower is more uneven
	splitMinRows = 8
)

// CountPeers returns how many peers a directory has keys for.
func (d Dir) CountPeers() (int, error) {
	for n := 0; ; n++ {
		_, err := os.Stat(d.PeerKey(n))
		if errors.Is(err, fs.ErrNotExist) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// RunPeers trains with all peers of the directory, the digits split among them
// by seed, against the node at base, until ctx ends.
func (n *Network) RunPeers(ctx context.Context, base string, seed uint64, logger *slog.Logger) error {
	peers, err := n.Dir.CountPeers()
	if err != nil {
		return err
	}
	pool, _, err := data.Digits()
	if err != nil {
		return err
	}
	splits, err := data.Dirichlet(pool, splitAlpha, peers, splitMinRows, seed)
	if err != nil {
		return fmt.Errorf("split the digits among %d peers: %w", peers, err)
	}
	token, err := n.Dir.ReadToken()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, rows := range splits {
		key, err := LoadKey(n.Dir.PeerKey(i))
		if err != nil {
			return err
		}
		id, err := memberOf(n.Genesis, key)
		if err != nil {
			return err
		}
		part, err := pool.Subset(rows)
		if err != nil {
			return err
		}
		c, err := client.New(base, token, client.Options{})
		if err != nil {
			return err
		}
		config := peer.Config{
			ID: id, Key: key, Chain: n.Chain, Shard: n.Genesis.Shard, Group: n.Genesis.Group,
			Data: part, Server: Remote{c}, Now: time.Now, Random: rand.Reader, Logger: logger,
		}
		config.Server = n.cheat.server(i, config)
		p := peer.New(config)
		group.Go(func() error {
			defer c.Close()
			return p.Run(ctx)
		})
	}
	return group.Wait()
}

// memberOf finds the member of the genesis that has the key.
func memberOf(g *ledger.Genesis, key *identity.Key) (ledger.ID, error) {
	public := key.Public()
	for _, m := range g.Members {
		if m.Key == public {
			return m.ID, nil
		}
	}
	return ledger.ID{}, fmt.Errorf("key %s belongs to no member of the genesis", key.ID().Short())
}
