package fsck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/localnet"
)

// node is the data of one node; what could not be opened is nil.
type node struct {
	name  string
	index int
	store *pebble.Store
	blobs *file.Store
}

func nodeName(index int) string { return fmt.Sprintf("node-%d", index) }

func (n *node) close() error {
	var errs []error
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.blobs != nil {
		errs = append(errs, n.blobs.Close())
	}
	return errors.Join(errs...)
}

// openNodes opens every node that is found.
func (c *check) openNodes(ctx context.Context) error {
	names, err := fs.Glob(os.DirFS(string(c.dir)), "node-*")
	if err != nil {
		return err
	}
	for _, name := range names {
		n := &node{name: name}
		i, err := strconv.Atoi(strings.TrimPrefix(n.name, "node-"))
		n.index = i
		if err != nil || filepath.Base(c.dir.Node(i)) != n.name {
			continue
		}
		if c.irregular[n.name] {
			continue
		}
		if _, err := os.Lstat(c.dir.Store(i)); err != nil {
			continue // it has not run yet
		}
		c.nodes = append(c.nodes, n)
		if c.strays(n.name + "/store") {
			c.note("%s/store: not read, for what is in it that is no file", n.name)
		} else if err := c.openStore(ctx, i, n); err != nil {
			return err
		}
		if c.strays(n.name + "/blobs") {
			c.note("%s/blobs: not read, for what is in it that is no file", n.name)
			continue
		}
		n.blobs, err = file.Open(ctx, vfs.Default, c.dir.Blobs(i), file.Options{ReadOnly: true})
		switch {
		case errors.Is(err, blob.ErrLocked):
			return fmt.Errorf("%w: %w", localnet.ErrRunning, err)
		case err != nil:
			c.find("blob", n.name+"/blobs", "%v", err)
		}
	}
	if c.foreign > 0 && c.foreign == len(c.nodes) {
		c.find("genesis", "genesis.cbor", "its digest is %s, and every store here is of another chain; %s", c.chain, remedy(localnet.FileGenesis))
	}
	return nil
}

func (c *check) openStore(ctx context.Context, index int, n *node) error {
	if c.genesis == nil {
		return nil // whose store it is cannot be told
	}
	s, err := pebble.Open(c.dir.Store(index), pebble.Options{Chain: c.chain, Shard: c.genesis.Shard, ReadOnly: true})
	switch {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("%w: %w", localnet.ErrRunning, err)
	case err != nil:
		if owner, ok := errors.AsType[*store.OwnerError](err); ok && owner.Field == "chain" {
			c.foreign++
		}
		c.find("store", n.name+"/store", "%v; %s", err, remedy(localnet.FileStore))
		return nil
	}
	n.store = s
	if c.genesis.Group.Index(s.Owner()) < 0 && !c.named(index, s.Owner()) {
		c.find("store", n.name+"/store", "it belongs to node %s, which neither the genesis nor the file id beside it names", s.Owner())
		return nil
	}
	// Keys that can't be read are found with the keys, a state with the rows.
	if c.linkedKeys(n.name) {
		return nil
	}
	if seat, err := c.dir.Seat(ctx, index, s); err == nil && seat.Member && !seat.Key {
		c.find("key", n.name+"/key", "neither it nor another key here is the one in force for node %s, whose store lies beside it; %s",
			s.Owner().Short(), remedy(localnet.FileKey))
	}
	return nil
}

// named reports whether the file id of a node's directory names it.
func (c *check) named(index int, id ledger.ID) bool {
	if c.strays(nodeName(index) + "/id") {
		return false
	}
	b, err := durable.ReadFile(c.dir.NodeID(index), 1<<10)
	return err == nil && strings.TrimSpace(string(b)) == id.String()
}

// checkNode reads everything that a node keeps.
func (c *check) checkNode(ctx context.Context, n *node) error {
	c.Checked.Nodes++
	if _, err := os.Lstat(filepath.Join(string(c.dir), n.name, "diverged.cbor")); err == nil {
		c.find("evidence", n.name+"/diverged.cbor", "the node's header differed from the quorum's: it signs nothing while this is here")
	}
	if n.store != nil {
		if err := c.checkStore(ctx, n); err != nil {
			return err
		}
	}
	if n.blobs != nil {
		return c.checkBlobs(ctx, n)
	}
	return nil
}

// checkStore reads every row, whose tables carry sums, and every block.
func (c *check) checkStore(ctx context.Context, n *node) error {
	where := n.name + "/store"
	rows := &c.Checked.Rows
	err := n.store.Audit(ctx, store.Audit{
		Version:     func(uint64, ledger.Write) error { *rows++; return nil },
		Latest:      func(uint64, store.Row) error { *rows++; return nil },
		Transaction: func(ledger.Digest, uint64, uint32) error { *rows++; return nil },
		Block:       func(uint64) error { *rows++; return nil },
		Header:      func(uint64) error { *rows++; return nil },
		Signature:   func(ledger.HeaderSignature) error { *rows++; return nil },
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		c.find("store", where, "%v; %s", err, remedy(localnet.FileStore))
		return nil
	}
	applied, ok, err := n.store.Applied(ctx)
	if err != nil || !ok {
		c.find("store", where, "it has no state (%v); %s", err, remedy(localnet.FileStore))
		return nil
	}
	walk := blocks{check: c, node: n, applied: applied}
	err = walk.run(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && !errors.Is(err, errStop) {
		c.find("store", where, "%v; %s", err, remedy(localnet.FileStore))
	}
	return nil
}

// checkBlobs reads every blob against its digest.
func (c *check) checkBlobs(ctx context.Context, n *node) error {
	paths, err := fs.Glob(os.DirFS(filepath.Join(string(c.dir), n.name, "blobs")), "[0-9a-f][0-9a-f]/*")
	if err != nil {
		return err
	}
	for _, path := range paths {
		digest, err := ledger.ParseDigest(path[3:])
		if err != nil {
			continue // a stray, named elsewhere
		}
		c.Checked.Blobs++
		b, err := n.blobs.Get(ctx, digest)
		if err == nil {
			err = b.Close()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			c.find("blob", fmt.Sprintf("%s/blobs/%s/%s", n.name, digest.String()[:2], digest), "%v; %s", err, c.elsewhere(ctx, n, digest))
		}
	}
	return nil
}

// elsewhere says where a damaged blob can be had.
func (c *check) elsewhere(ctx context.Context, damaged *node, digest ledger.Digest) string {
	for _, n := range c.nodes {
		if n == damaged || n.blobs == nil {
			continue
		}
		if b, err := n.blobs.Get(ctx, digest); err == nil {
			_ = b.Close() // it was only read
			return "can be rebuilt: " + n.name + " has it whole; " + remedy(localnet.FileBlob)
		}
	}
	return "no other node here has it whole; put it back from a copy"
}

// blocks compares the blocks of a node with their roots and with the log.
type blocks struct {
	*check

	node    *node
	applied store.Applied
	offset  uint64 // of the record that comes next
	want    []ledger.Digest
}

func (b *blocks) run(ctx context.Context) error {
	height, previous, err := b.begin(ctx)
	if err != nil {
		return err
	}
	next := func() error { // the block whose records come next
		height++
		k, digest, err := b.block(ctx, height, previous)
		if err != nil {
			return err
		}
		previous, b.offset, b.want = digest, k.Header.First.Offset, b.want[:0]
		for i := range k.Records {
			if skipped := k.Records[i].Skipped; len(skipped) != 0 {
				b.want = append(b.want, ledger.Digest(skipped))
			} else {
				b.want = append(b.want, ledger.Hash(k.Records[i].Envelope))
			}
		}
		b.Checked.Blocks++
		return nil
	}
	if b.log == nil {
		for height < b.applied.Height {
			if err := errors.Join(ctx.Err(), next()); err != nil {
				return err
			}
		}
		return nil
	}
	if b.applied.Floor > 0 { // records below are in no block here
		if err := next(); err != nil {
			return err
		}
	}
	err = b.records(ctx, b.offset, func(e order.Entry) error {
		for b.offset+uint64(len(b.want)) <= e.Offset {
			if height == b.applied.Height {
				return io.EOF // what follows is in no block yet
			}
			if err := next(); err != nil {
				return err
			}
		}
		if got := ledger.Hash(e.Bytes); got != b.want[e.Offset-b.offset] {
			b.find("log", "log", "record %d is not the one that %s executed in block %d; %s", e.Offset, b.node.name, height, remedy(localnet.FileLog))
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if end, err := b.log.End(ctx); err != nil || end < b.applied.NextOffset {
		b.find("log", "log", "it ends at record %d, %s has executed up to %d (%v); %s", end, b.node.name, b.applied.NextOffset, err, remedy(localnet.FileLog))
		return errStop
	}
	for height < b.applied.Height { // trimmed, or records behind the end
		if err := errors.Join(ctx.Err(), next()); err != nil {
			return err
		}
	}
	return nil
}

// begin returns the height before the lowest block that is kept, and the digest
// of the header there, of which nothing but that block tells.
func (b *blocks) begin(ctx context.Context) (height uint64, previous ledger.Digest, err error) {
	if b.applied.Floor == 0 {
		return 0, b.chain, nil
	}
	b.note("%s: begins with block %d: what lies below is not kept", b.node.name, b.applied.Floor)
	raw, err := b.node.store.Header(ctx, b.applied.Floor)
	if err != nil {
		return 0, previous, err
	}
	header, err := ledger.ParseHeader(raw)
	return b.applied.Floor - 1, header.Previous, err
}

// block reads a block and checks its roots and links.
func (b *blocks) block(ctx context.Context, height uint64, previous ledger.Digest) (*ledger.Block, ledger.Digest, error) {
	raw, err := b.node.store.Block(ctx, height)
	if err != nil {
		return nil, previous, err
	}
	k, err := ledger.ParseBlock(raw)
	if err != nil {
		return nil, previous, fmt.Errorf("block %d: %w", height, err)
	}
	records, transactions, results, err := k.Roots()
	if err != nil {
		return nil, previous, fmt.Errorf("block %d: %w", height, err)
	}
	header, err := b.node.store.Header(ctx, height)
	if err != nil {
		return nil, previous, err
	}
	digest, err := k.Header.Digest()
	switch h := &k.Header; {
	case err != nil:
		return nil, previous, err
	case h.Height != height || h.Previous != previous:
		return nil, previous, fmt.Errorf("block %d does not follow the one before", height)
	case h.Records != records || h.Transactions != transactions || h.Results != results:
		return nil, previous, fmt.Errorf("block %d has other content than its header says", height)
	case ledger.Hash(header) != digest:
		return nil, previous, fmt.Errorf("header %d beside the block is not the block's", height)
	}
	return &k, digest, nil
}
