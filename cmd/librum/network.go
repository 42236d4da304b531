package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/localnet"
)

// running is a local network that serves and trains.
type running struct {
	*localnet.Network
	base string // URL of node 0, for this process
	stop context.CancelFunc
	done *errgroup.Group
}

// listen takes the address before anything is made, so that a wrong one
// leaves nothing behind.
func listen(ctx context.Context, address string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, wrongUse(fmt.Errorf("--listen: want HOST:PORT: %w", err))
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, &exitError{code: exitUnknown, err: err}
	}
	return listener, nil
}

// runNetwork opens the network of dir, serves node 0 at the door and runs
// the peers. The context of the result ends when a part of it fails.
func runNetwork(
	ctx context.Context, dir localnet.Dir, at *door, seed uint64, options localnet.Options,
) (*running, context.Context, error) {
	network, err := localnet.Open(ctx, dir, options)
	if err != nil {
		return nil, nil, errors.Join(err, at.close())
	}
	var inside []net.Listener
	if at.inside != nil {
		inside = append(inside, at.inside)
	}
	ctx, stop := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	r := &running{Network: network, base: at.insideBase(), stop: stop, done: group}
	group.Go(func() error { return network.Run(ctx) })
	group.Go(func() error { return network.Serve(ctx, at.Listener, options.Logger, inside...) })
	group.Go(func() error { return network.RunPeers(ctx, r.base, seed, options.Logger) })
	return r, ctx, nil
}

// close stops everything and waits for it.
func (r *running) close() error {
	r.stop()
	return errors.Join(r.done.Wait(), r.Close())
}
