package main

import (
	"context"
	"errors"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/localnet"
)

// running is a local network that serves and trains.
type running struct {
	*localnet.Network
	base string // URL of node 0
	stop context.CancelFunc
	done *errgroup.Group
}

// runNetwork opens the network of dir, serves node 0 at address and runs the
// peers. The context of the result ends when a part of it fails.
func runNetwork(ctx context.Context, dir localnet.Dir, address string, seed uint64, options localnet.Options) (*running, context.Context, error) {
	network, err := localnet.Open(ctx, dir, options)
	if err != nil {
		return nil, nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, nil, errors.Join(err, network.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	r := &running{Network: network, base: "http://" + listener.Addr().String(), stop: stop, done: group}
	group.Go(func() error { return network.Run(ctx) })
	group.Go(func() error { return network.Serve(ctx, listener, options.Logger) })
	group.Go(func() error { return network.RunPeers(ctx, r.base, seed, options.Logger) })
	return r, ctx, nil
}

// close stops everything and waits for it.
func (r *running) close() error {
	r.stop()
	return errors.Join(r.done.Wait(), r.Close())
}
