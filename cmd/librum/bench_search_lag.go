package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/localnet"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/indexer"
)

// follow has a node take transfers at a fixed rate and measures how long after a
// block is final it can be searched.
func (b *benchSearch) follow(ctx context.Context, of benchIndex, dir string, schema *document.Schema) (result benchResult, err error) {
	at, secrets := localnet.Dir(filepath.Join(dir, "network")), localnet.SecretsFromSeed(1)
	chain := &benchChain{accounts: 1_000, expiry: 9 * time.Minute}
	if err := localnet.Create(at, secrets, localnet.Spec{Nodes: 1, Accounts: chain.accounts, Time: time.Now()}); err != nil {
		return result, err
	}
	network, err := localnet.Open(ctx, at, localnet.Options{})
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	index, closeIndex, err := of.index(ctx, "follow", schema)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, closeIndex()) }()
	n := network.Nodes[0]
	config := n.Search.Config
	config.Index = index
	x := indexer.New(config)
	n.Search = x // in the place of the embedded one
	signed, err := chain.sign(network.Chain, secrets, b.rate*b.seconds, 3)
	if err != nil {
		return result, err
	}
	group, running := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(running)
	group.Go(func() error { return network.Run(running) })
	group.Go(func() error {
		defer stop()
		var err error
		result, err = b.measureLag(running, of, network, signed)
		return err
	})
	return result, group.Wait()
}

// measureLag submits the transfers and takes for each block the time between its
// being final and its being indexed.
func (b *benchSearch) measureLag(ctx context.Context, of benchIndex, network *localnet.Network, signed [][]byte) (benchResult, error) {
	n := network.Nodes[0]
	const batch = 50
	first := min(batch, len(signed))
	position, err := submitOK(ctx, n.Node, signed[:first]) // the index is being made meanwhile
	if err == nil {
		err = n.AwaitFinal(ctx, position)
	}
	if err == nil {
		err = n.Search.Await(ctx, n.Status().Final)
	}
	if err != nil {
		return benchResult{}, err
	}
	signed = signed[first:]
	var lags []time.Duration
	group, watching := errgroup.WithContext(ctx)
	watching, enough := context.WithCancel(watching)
	defer enough()
	type block struct {
		height uint64
		at     time.Time
	}
	finals := make(chan block, b.seconds*100+1_000) // more than there will be
	group.Go(func() error {
		defer close(finals)
		for height := n.Status().Final; ; {
			final, err := n.Search.Chain.Await(watching, height)
			if watching.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			now := time.Now()
			for height < final {
				height++
				select {
				case finals <- block{height, now}:
				case <-watching.Done():
					return nil
				}
			}
		}
	})
	group.Go(func() error {
		for f := range finals {
			if err := n.Search.Await(ctx, f.height); err != nil {
				return err
			}
			lags = append(lags, time.Since(f.at))
		}
		return nil
	})
	begin := time.Now()
	submitting, submitted := errgroup.WithContext(ctx)
	tick := time.NewTicker(time.Second * batch / time.Duration(b.rate))
	defer tick.Stop()
	for i := 0; i < len(signed); i += batch {
		select {
		case <-tick.C:
		case <-submitted.Done():
			return benchResult{}, errors.Join(context.Cause(submitted), submitting.Wait())
		}
		part := signed[i:min(i+batch, len(signed))]
		submitting.Go(func() error {
			_, err := submitOK(submitted, n.Node, part)
			return err
		})
	}
	if err := submitting.Wait(); err != nil {
		return benchResult{}, err
	}
	elapsed := time.Since(begin)
	if err := n.AwaitFinal(ctx, n.Status().Last); err != nil {
		return benchResult{}, err
	}
	if err := n.Search.Await(ctx, n.Status().Final); err != nil {
		return benchResult{}, err
	}
	enough()
	if err := group.Wait(); err != nil {
		return benchResult{}, err
	}
	rss, err := peakRSS()
	if err != nil {
		return benchResult{}, err
	}
	p99 := percentile(lags, .99)
	return benchResult{
		What: "search lag", RatePerS: float64(len(signed)) / elapsed.Seconds(), P50Ms: percentile(lags, .5), P99Ms: p99, PeakRSSBytes: rss,
		Bound: 1_000, BoundName: "ms, what is promised of the p99", RatioToBound: p99 / 1_000,
		Conditions: fmt.Sprintf("%s behind one node: %d blocks with %d transfers, from final to found; node and index share this machine", of.name(), len(lags), len(signed)),
		unit:       "transactions",
	}, nil
}
