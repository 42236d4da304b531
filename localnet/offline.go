package localnet

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/fullnode"
)

// ErrRunning refuses a directory that a process uses.
var ErrRunning = errors.New("the network is running; stop it first")

// Offline is a node's data while no process uses it, open for reading.
type Offline struct {
	Name  string    // of its directory
	Node  ledger.ID // that its store belongs to
	Store store.Store
	Blobs blob.Store

	close []func() error
}

// OpenOffline opens the data of all nodes found in a directory. Each must be
// closed.
func OpenOffline(ctx context.Context, dir Dir, g *ledger.Genesis, chain ledger.Digest) (nodes []*Offline, err error) {
	defer func() {
		if err != nil {
			for _, n := range nodes {
				err = errors.Join(err, n.Close())
			}
			nodes = nil
		}
	}()
	count, err := dir.CountNodes()
	if err != nil {
		return nil, err
	}
	for i := range max(count, len(g.Group.Nodes)) { // a key may be out of an auditor's reach
		if _, err := os.Stat(dir.Store(i)); errors.Is(err, os.ErrNotExist) {
			continue
		}
		n, err := openOffline(ctx, dir, i, g, chain)
		if err != nil {
			return nodes, fmt.Errorf("open node %d: %w", i, err)
		}
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("%w: no node directory in %s", ErrNoNetwork, dir)
	}
	return nodes, nil
}

func openOffline(ctx context.Context, dir Dir, index int, g *ledger.Genesis, chain ledger.Digest) (*Offline, error) {
	s, err := pebble.Open(dir.Store(index), pebble.Options{Chain: chain, Shard: g.Shard, ReadOnly: true})
	if errors.Is(err, store.ErrLocked) {
		err = fmt.Errorf("%w: %w", ErrRunning, err)
	}
	if err != nil {
		return nil, err
	}
	n := &Offline{Name: fmt.Sprintf("node-%d", index), Node: s.Owner(), Store: s, close: []func() error{s.Close}}
	if err := checkOwner(dir, index, g, n.Node); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	blobs, err := file.Open(ctx, vfs.Default, dir.Blobs(index), file.Options{ReadOnly: true})
	if errors.Is(err, blob.ErrLocked) {
		err = fmt.Errorf("%w: %w", ErrRunning, err)
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.Blobs = blobs
	n.close = append(n.close, blobs.Close)
	return n, nil
}

// checkOwner wants the store of the node whose key lies beside it. Where the key
// cannot be read, as by an auditor who is not the operator, nothing is missed:
// what a store holds is checked against the group.
func checkOwner(dir Dir, index int, g *ledger.Genesis, owner ledger.ID) error {
	key, err := LoadKey(dir.Key(index))
	if err != nil {
		return nil //nolint:nilerr // fsck looks at keys
	}
	if self, err := fullnode.Dir(dir.Node(index)).NodeID(g, key); err == nil && self != owner {
		return &store.OwnerError{Field: "node", Have: owner.String(), Want: self.String()}
	}
	return nil
}

// Newest returns the newest state of a store, to be read under ctx.
func Newest(ctx context.Context, s store.Store) contract.State { return newest{ctx, s} }

type newest struct {
	ctx   context.Context //nolint:containedctx // contracts read without one; this value belongs to one call
	store store.Store
}

// Get implements [contract.State].
func (n newest) Get(key contract.Key) ([]byte, bool, error) {
	return n.store.Latest(n.ctx, []byte(key))
}

// Seat is a node's place as of the newest state of its store: nodes come, leave
// and change keys after the genesis.
type Seat struct {
	Member bool // of the group that signs the next block
	Key    bool // the directory has the key in force for it
}

// Seat looks up the owner of the index-th node's store, and whether one of the
// keys beside it is the one in force.
func (d Dir) Seat(ctx context.Context, index int, s *pebble.Store) (seat Seat, err error) {
	keys, err := fullnode.Dir(d.Node(index)).Keys(nil)
	if err != nil {
		return seat, err
	}
	group, err := governance.Group(Newest(ctx, s))
	if err != nil {
		return seat, err
	}
	_, seat.Member = group.Find(s.Owner())
	seat.Key = identity.KeyIn(group, s.Owner(), keys...) != nil
	return seat, nil
}

// Close closes the node's data.
func (n *Offline) Close() error {
	errs := make([]error, 0, len(n.close))
	for _, c := range n.close {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}
