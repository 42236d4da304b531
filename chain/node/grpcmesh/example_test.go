package grpcmesh_test

import (
	"context"
	"log/slog"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/node/grpcmesh"
	"github.com/librum/librum/chain/transport"
)

// A process makes the mesh first, hands it to its node, and runs both with the
// transport, which serves other nodes and asks this one who they are.
func Example() {
	_ = func(ctx context.Context, config transport.Config, listener net.Listener, open func(node.Mesh) (*node.Node, error)) error {
		t := transport.New(config)
		mesh := grpcmesh.New(t, slog.Default())
		n, err := open(mesh) // node.New
		if err != nil {
			return err
		}
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return t.Run(ctx, listener, n, mesh) })
		group.Go(func() error { return mesh.Run(ctx) })
		group.Go(func() error { return n.Run(ctx) })
		return group.Wait()
	}
	// Output:
}
