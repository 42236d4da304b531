package fullnode_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
)

// The one node of a network, over engines of its own, begins at its genesis.
func Example() {
	if err := openOnce(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: block 0, in the group: true
}

func openOnce(ctx context.Context) (err error) {
	path, err := os.MkdirTemp("", "librum-example-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(path)) }()
	net := localnet.Dir(path)
	if err := localnet.Create(net, localnet.SecretsFromSeed(1), localnet.Spec{Nodes: 1, Time: time.Now()}); err != nil {
		return err
	}
	genesis, chain, err := net.LoadGenesis()
	if err != nil {
		return err
	}
	dir := fullnode.Dir(net.Node(0))
	keys, err := dir.Keys(nil)
	if err != nil {
		return err
	}
	self, err := dir.NodeID(genesis, keys[0])
	if err != nil {
		return err
	}
	log, err := local.Open(ctx, vfs.Default, dir.Log(), local.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	rows, err := pebble.Open(dir.Store(), pebble.Options{Chain: chain, Node: self})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	blobs, err := file.Open(ctx, vfs.Default, dir.Blobs(), file.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	n, err := fullnode.Open(ctx, fullnode.Config{
		Dir: dir, Self: self, Keys: keys, Genesis: genesis, Chain: chain, Log: log, Store: rows, Blobs: blobs,
		Mesh: node.NewLocalMesh(), Meeting: coordinator.NewLocalMesh(), Verifier: identity.NewVerifier(16),
	})
	if err != nil {
		return err
	}
	status := n.Status()
	fmt.Printf("block %d, in the group: %t\n", status.Height, status.Signs)
	return n.Close()
}
