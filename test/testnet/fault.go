package testnet

import (
	"context"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
)

// Stop takes a node down as a crash does: it acts and answers no more, and what
// it had only in memory is gone.
func (n *Net) Stop(i int) {
	node := n.nodes[i]
	node.down, node.stepper = true, nil
	n.meeting.Leave(node.config.Self)
	kept := n.post[:0]
	for _, l := range n.post {
		if l.to != i {
			kept = append(kept, l)
		}
	}
	n.post = kept
}

// Start brings a stopped node back over its store and blobs.
func (n *Net) Start(ctx context.Context, i int) error {
	node := n.nodes[i]
	if !node.down {
		return fmt.Errorf("start node %d: it is up", i)
	}
	if err := node.restore(ctx); err != nil {
		return fmt.Errorf("start node %d: %w", i, err)
	}
	node.down = false
	if !n.job.IsZero() {
		node.stepper = node.service.Stepper(n.job)
	}
	return nil
}

// TwistFunc changes what a node is about to submit, or nothing.
type TwistFunc func(ctx context.Context, method string, args any) error

// Twist has a node lie: twist sees every call before it is signed.
func (n *Net) Twist(i int, twist TwistFunc) { n.nodes[i].twist = twist }

// Damage flips a bit of a file on a node's disk.
func (n *Net) Damage(i int, digest ledger.Digest) error {
	fs, name := n.nodes[i].disk, digest.String()
	path := fs.PathJoin(blobsDir, name[:2], name)
	f, err := fs.Open(path)
	if err != nil {
		return fmt.Errorf("damage %s at node %d: %w", strings.ToLower(digest.Short()), i, err)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	content := make([]byte, info.Size())
	if _, err := f.ReadAt(content, 0); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	content[len(content)-1] ^= 1
	w, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Close()
}
