package snapshot_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/snapshot"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	start  = 1_700_000_000_000
	expiry = start + 60_000
)

var topic = ledger.ID{7}

// chain is a chain of seven blocks, the same in each run: node 3 leaves the
// group with block 5.
type chain struct {
	*aplostest.Chain
	log []order.Entry
}

// replica is a store and what executes on it.
type replica struct {
	testing.TB
	store  store.Store
	config node.Config
	core   *node.Core
}

func newChain(t testing.TB) *chain {
	t.Helper()
	c := &chain{Chain: aplostest.New(t, 4, 3, start, func(g *ledger.Genesis) {
		g.Limits.BlockTransactions = 3
		g.Members[0].Roles = []string{identity.RoleMember, identity.RoleOfficer}
	})}
	propose := c.Transaction(0, 0, 0, 1, expiry)
	propose.Contract, propose.Method = governance.Name, governance.MethodPropose
	propose.Args = c.Encode(&governance.Propose{
		Action: governance.Action{RemoveNode: &governance.RemoveNode{Node: aplostest.NodeID(3)}}, Height: 6, Expiry: expiry,
	})
	for block := range uint64(7) {
		epoch := uint64(0)
		if block >= 5 {
			epoch = 1
		}
		transactions := make([][]byte, 0, 3)
		for i := range uint64(3) {
			transactions = append(transactions, c.Transfer(int(block)%3, int(i), 1+block, 10*block+i+2, expiry))
		}
		if block == 1 {
			transactions[0] = c.Sign(propose, aplostest.AccountKey(0))
		}
		c.log = append(c.log, order.Entry{Offset: block, Bytes: c.SignRecord(ledger.Record{
			Version: ledger.Version, Chain: c.ID, Epoch: epoch, Kind: ledger.RecordTransactions, Node: aplostest.NodeID(0),
			Time: start + 1 + int64(block), Transactions: transactions,
		}, aplostest.NodeKey(0))})
	}
	return c
}

func (c *chain) trust() snapshot.Trust {
	return snapshot.Trust{Genesis: c.Genesis, Chain: c.ID, Verify: identity.Verify}
}

// empty returns a store of that node with nothing in it.
func (c *chain) empty(t testing.TB, index int) *replica {
	t.Helper()
	id := aplostest.NodeID(index)
	s, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem(), Chain: c.ID, Node: id, CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &replica{TB: t, store: s, config: node.Config{
		Self: id, Key: aplostest.NodeKey(index), Genesis: c.Genesis, Chain: c.ID,
		Contracts: aplostest.Contracts(), Verify: identity.Verify,
	}.WithDefaults()}
}

// open goes on where the store stands.
func (r *replica) open() {
	r.Helper()
	core, err := node.NewCore(r.Context(), r.config, topic, r.store)
	if err != nil {
		r.Fatal(err)
	}
	r.core = core
}

// replay executes entries of the log; all nodes of the group sign the blocks.
func (r *replica) replay(log []order.Entry) {
	r.Helper()
	for _, e := range log {
		group := r.core.Group()
		step, err := r.core.Step(r.Context(), e)
		if err != nil {
			r.Fatal(err)
		}
		if step.Commit == nil {
			continue
		}
		if err := r.store.Apply(context.Background(), step.Commit); err != nil {
			r.Fatal(err)
		}
		r.core.Applied(step.Commit.Height)
		if err := r.core.Machine.Applied(step.Commit.Height); err != nil {
			r.Fatal(err)
		}
		for i := range group.Nodes {
			key := aplostest.NodeKey(i)
			sig := ledger.SignHeader(step.Commit.Height, step.Commit.Header, aplostest.NodeID(i), key.ID(), key.Sign)
			if err := r.store.PutSignature(r.Context(), sig); err != nil {
				r.Fatal(err)
			}
		}
	}
}

// whole returns node 0 with all blocks.
func (c *chain) whole(t testing.TB) *replica {
	t.Helper()
	r := c.empty(t, 0)
	if err := node.InitStore(t.Context(), r.config, topic, r.store); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.replay(c.log)
	return r
}

// create returns a snapshot.
func (c *chain) create(t testing.TB, r *replica, height uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := snapshot.Create(t.Context(), c.trust(), r.store, height, &b, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// header returns the digest of a stored header.
func (r *replica) header(height uint64) ledger.Digest {
	r.Helper()
	b, err := r.store.Header(r.Context(), height)
	if err != nil {
		r.Fatal(err)
	}
	return ledger.Hash(b)
}
