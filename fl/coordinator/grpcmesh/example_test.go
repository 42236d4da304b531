package grpcmesh_test

import (
	"context"
	"log/slog"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/coordinator/grpcmesh"
)

// The mesh is a service of the same transport as that of the node.
func Example() {
	_ = func(ctx context.Context, t *transport.Transport, listener net.Listener, config coordinator.Config, ledger transport.Ledger) error {
		mesh := grpcmesh.New(t, slog.Default())
		config.Mesh = mesh
		s := coordinator.New(config)
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return t.Run(ctx, listener, ledger, mesh) })
		group.Go(func() error { return mesh.Run(ctx) })
		group.Go(func() error { return s.Run(ctx) })
		return group.Wait()
	}
	// Output:
}
