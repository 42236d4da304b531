package fsck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/localnet"
)

// check is one under way.
type check struct {
	Report

	dir     localnet.Dir
	genesis *ledger.Genesis // nil where it cannot be read
	chain   ledger.Digest
	log     *local.Log // nil where it cannot be read
	nodes   []*node
	foreign int // stores of another chain

	irregular map[string]bool // paths of what is no file
}

// Check looks at a directory. The error is nil unless ctx ended, there is no
// network, or a process uses it.
func Check(ctx context.Context, dir localnet.Dir) (_ Report, err error) {
	c := &check{dir: dir}
	if err := c.lookAround(); err != nil {
		return c.Report, err
	}
	if err := c.readGenesis(); err != nil {
		return c.Report, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.open(ctx); err != nil { // holds all locks until the end
		return c.Report, err
	}
	if err := c.compareManifest(ctx); err != nil {
		return c.Report, err
	}
	c.checkLayout()
	c.checkKeys(ctx)
	c.checkAudit()
	if err := c.readLog(ctx); err != nil {
		return c.Report, err
	}
	for _, n := range c.nodes {
		if err := c.checkNode(ctx, n); err != nil {
			return c.Report, err
		}
	}
	return c.Report, ctx.Err()
}

func (c *check) readGenesis() error {
	if c.strays("genesis.cbor") {
		return nil // it was named
	}
	g, chain, err := c.dir.LoadGenesis()
	switch {
	case err == nil:
		c.genesis, c.chain = g, chain
	case errors.Is(err, localnet.ErrNoNetwork):
		if _, statErr := os.Stat(c.dir.Log()); statErr != nil {
			return err
		}
		c.find("genesis", "genesis.cbor", "it is missing; put it back from a copy: its digest is the chain's id")
	default:
		c.find("genesis", "genesis.cbor", "%v; put it back from a copy: its digest is the chain's id", err)
	}
	return nil
}

// open opens log and nodes for reading. What is damaged is a finding; what is
// in use ends the check.
func (c *check) open(ctx context.Context) error {
	if c.strays("log") {
		c.note("log: not read, for what is in it that is no file")
		return c.openNodes(ctx)
	}
	log, err := local.Open(ctx, vfs.Default, c.dir.Log(), local.Options{ReadOnly: true})
	switch {
	case errors.Is(err, local.ErrLocked):
		return fmt.Errorf("%w: %w", localnet.ErrRunning, err)
	case errors.Is(err, fs.ErrNotExist):
		c.note("there is no log: the network has not run yet")
	case err != nil:
		c.find("log", "log", "%v", err)
	default:
		c.log = log
	}
	return c.openNodes(ctx)
}

func (c *check) close() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, n.close())
	}
	if c.log != nil {
		errs = append(errs, c.log.Close())
	}
	return errors.Join(errs...)
}

// readLog reads every record that the log keeps; each carries a sum.
func (c *check) readLog(ctx context.Context) error {
	if c.log == nil {
		return nil
	}
	err := c.records(ctx, 0, func(order.Entry) error { c.Checked.Records++; return nil })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		c.find("log", "log", "%v", err)
	}
	return nil
}

// records visits the records of the log from an offset on, or from the first
// that is kept.
func (c *check) records(ctx context.Context, from uint64, visit func(order.Entry) error) error {
	end, err := c.log.End(ctx)
	if err != nil {
		return err
	}
	for at := max(from, c.log.First()); at < end; {
		entries, err := c.log.Read(ctx, at, 4<<20)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := visit(e); err != nil {
				return err
			}
			at = e.Offset + 1
		}
	}
	return nil
}
