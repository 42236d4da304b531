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

	"github.com/librum/librum/chain/contract"
	memberrows "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/peer"
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

// RunPeers trains with all peers of the directory that run in this process, the digits split among them
// by seed, against the node at base, until ctx ends.
func (n *Network) RunPeers(ctx context.Context, base string, seed uint64, logger *slog.Logger) error {
	peers, err := n.Dir.CountPeers()
	if err != nil {
		return err
	}
	if peers == 0 {
		return nil
	}
	parts, err := data.DigitsParts(peers, seed)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, part := range parts {
		var held data.Dataset
		if n.holdOut > 0 {
			if part, held, err = part.HoldOut(n.holdOut, seed); err != nil {
				return fmt.Errorf("peer %d: %w", i, err)
			}
		}
		key, err := keyfile.Load(n.Dir.PeerKey(i), n.ask)
		if err != nil {
			return err
		}
		id, err := n.memberOf(ctx, key)
		if err != nil {
			return err
		}
		c, err := client.New(base, "", client.Options{Identity: &client.Identity{
			Key: key, Chain: n.Chain, Name: "peer", Now: time.Now, Random: rand.Reader,
		}})
		if err != nil {
			return err
		}
		config := peer.Config{
			ID: id, Key: key, Chain: n.Chain, Shard: n.Genesis.Shard, Group: n.Genesis.Group,
			Data: part, HeldOut: held, Server: Remote{c}, Now: time.Now, Random: rand.Reader, Logger: logger, Watch: WatchInterval,
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

// memberOf finds the member that has the key: in the genesis, or in what node 0
// has executed once it is at the end that the log has now. It must run.
func (n *Network) memberOf(ctx context.Context, key *identity.Key) (ledger.ID, error) {
	id, missing := MemberOf(n.Genesis, key)
	if missing == nil {
		return id, nil
	}
	at := n.Nodes[0]
	end, err := at.LogEnd(ctx)
	if err != nil {
		return id, err
	}
	if _, err := at.Await(ctx, func(s node.Status) bool { return s.Next >= end }); err != nil {
		return id, err
	}
	owner, ok, err := contract.LoadFrom[memberrows.KeyOwner](at.State(ctx), memberrows.KeyRow(key.ID()))
	if err != nil {
		return id, err
	}
	if !ok || owner.Delegate {
		return id, fmt.Errorf("%w, and of the ledger neither", missing)
	}
	return owner.Member, nil
}

// MemberOf finds the member of a genesis that has the key.
func MemberOf(g *ledger.Genesis, key *identity.Key) (ledger.ID, error) {
	public := key.Public()
	for _, m := range g.Members {
		if m.Key == public {
			return m.ID, nil
		}
	}
	return ledger.ID{}, fmt.Errorf("key %s belongs to no member of the genesis", key.ID().Short())
}
