package node_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/verify"
)

// governed is a fleet whose one organisation has account 0 for its officer, so
// that a proposal passes at once. Node i holds the key of its number and, for a
// rotation, that of its number and ten.
func governed(t testing.TB, o options) *fleet {
	t.Helper()
	change := o.config
	o.genesis = func(g *ledger.Genesis) { g.Members[0].Roles = []string{identity.RoleOfficer} }
	o.config = func(i int, c *node.Config) {
		c.OtherKeys = []*identity.Key{aplostest.NodeKey(10 + i)}
		if change != nil {
			change(i, c)
		}
	}
	return newFleet(t, o)
}

// propose returns a proposal of the officer, active from a height on.
func (f *fleet) propose(action governance.Action, height uint64) []byte {
	f.Helper()
	now := f.clock.now()
	t := f.chain.Transaction(0, 0, 0, f.nonce.Add(1), now.Add(time.Minute).UnixMilli())
	t.Contract, t.Method = governance.Name, governance.MethodPropose
	t.Args = f.chain.Encode(&governance.Propose{Action: action, Height: height, Expiry: now.Add(time.Hour).UnixMilli()})
	return f.chain.Sign(t, aplostest.AccountKey(0))
}

// enact proposes at a node and works until all nodes are in the next epoch.
func (f *fleet) enact(i int, action governance.Action) {
	f.Helper()
	epoch := f.node(i).Status().Epoch
	for ahead := uint64(3); ; ahead *= 2 { // blocks may be fast
		o, err := f.insist(f.Context(), i, func() []byte { return f.propose(action, f.node(i).Status().Height+ahead) })
		if err != nil || o[0].Code != ledger.CodeOK && o[0].Code != governance.CodeTooLate {
			f.Fatalf("%s: %+v, %v", action.Name(), o, err)
		}
		if o[0].Code == ledger.CodeOK {
			break
		}
	}
	f.eventually("the change is in force", func() bool {
		if f.node(i).Status().Epoch > epoch {
			return true
		}
		o, err := f.insist(f.Context(), i, func() []byte { return f.transfer(1, 2, 1) })
		if err != nil || o[0].Code != ledger.CodeOK {
			f.Fatalf("%+v, %v", o, err)
		}
		return false
	})
	f.await(func(s node.Status) bool { return s.Epoch == epoch+1 })
}

// insist signs and submits again while the door is closed because blocks are
// faster than their signatures: small blocks on a busy machine.
func (f *fleet) insist(ctx context.Context, i int, sign func() []byte) ([]node.Outcome, error) {
	for {
		o, err := f.node(i).Submit(ctx, [][]byte{sign()})
		if !errors.Is(err, node.ErrNotFinal) {
			return o, err
		}
		if _, err := f.node(i).Await(ctx, func(s node.Status) bool { return s.NotFinal < node.MaxNotFinal/2 }); err != nil {
			return nil, err
		}
	}
}

func addNode(c *aplostest.Chain, i int) governance.Action {
	o := c.Genesis.Organisations[0].ID
	return governance.Action{AddNode: &governance.AddNode{
		Node: aplostest.NodeID(i), Organisation: o, Key: aplostest.NodeKey(i).Public(), Proof: c.Possession(o, aplostest.NodeID(i), aplostest.NodeKey(i)),
	}}
}

func removeNode(i int) governance.Action {
	return governance.Action{RemoveNode: &governance.RemoveNode{Node: aplostest.NodeID(i)}}
}

func rotateNode(c *aplostest.Chain, i int) governance.Action {
	o, key := c.Genesis.Organisations[0].ID, aplostest.NodeKey(10+i)
	return governance.Action{RotateNodeKey: &governance.RotateNodeKey{
		Node: aplostest.NodeID(i), Organisation: o, Key: key.Public(), Proof: c.Possession(o, aplostest.NodeID(i), key),
	}}
}

// groups follows a node's trail from the genesis on.
func (f *fleet) groups(i int) *ledger.Groups {
	f.Helper()
	groups := ledger.NewGroups(f.chain.ID, 0, f.chain.Genesis.Group)
	f.eventually("the trail reaches the newest epoch", func() bool {
		trail, err := f.node(i).GroupTrail(f.Context(), groups.Newest().Epoch)
		if err != nil {
			f.Fatal(err)
		}
		raw := f.chain.Encode(&trail)
		if trail, err = ledger.ParseGroupTrail(raw); err != nil {
			f.Fatal(err)
		}
		if err := groups.Follow(&trail, identity.Verify); err != nil {
			f.Fatal(err)
		}
		return groups.Newest().Epoch == f.node(i).Status().Epoch
	})
	return groups
}

// proven checks a transaction's proof with nothing but the genesis.
func (f *fleet) proven(i int, groups *ledger.Groups, id ledger.Digest) ledger.Header {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	proof, err := f.node(i).Proof(ctx, id)
	if err != nil {
		f.Fatalf("node %d: %v", i, err)
	}
	result, header, err := groups.Check(&proof, identity.Verify)
	if err != nil || result.ID != id {
		f.Fatalf("node %d: proof of %s: %+v, %v", i, id.Short(), result, err)
	}
	return header
}

// signs waits for a node's signature beside a new final block.
func (f *fleet) signs(at, signer int, want bool) {
	f.Helper()
	o := f.submit(at, f.transfer(1, 2, 1))[0]
	f.final(o.Position)
	_, height, err := f.node(at).Transaction(f.Context(), o.ID)
	if err != nil {
		f.Fatal(err)
	}
	signed := func() bool {
		_, signatures, err := f.node(at).Header(f.Context(), height)
		if err != nil {
			f.Fatal(err)
		}
		return slices.ContainsFunc(signatures, func(s ledger.HeaderSignature) bool { return s.Node == aplostest.NodeID(signer) })
	}
	if want {
		f.eventually("the node's signature", signed)
	} else if signed() {
		f.Errorf("node %d signed block %d", signer, height)
	}
}

// TestEpochs takes a fleet through four groups: a node comes from an empty disk,
// one leaves and goes on reading, a key rotates, all restart. Proofs of every
// epoch hold from the genesis alone, and the stores verify.
func TestEpochs(t *testing.T) {
	t.Parallel()
	f := governed(t, options{extra: 1})
	f.start(0, 1, 2, 3)
	closed := false
	defer func() {
		if !closed {
			f.close()
		}
	}()
	proofs := []node.Outcome{f.submit(0, f.transfer(0, 1, 1))[0]}
	f.final(proofs[0].Position)
	f.start(4)
	f.enact(0, addNode(f.chain, 4))
	proofs = append(proofs, f.submit(4, f.transfer(0, 1, 1))...) // its gateway works
	f.signs(0, 4, true)
	f.enact(4, removeNode(1))
	proofs = append(proofs, f.submit(4, f.transfer(0, 1, 1))...)
	f.signs(0, 1, false)
	if _, err := f.node(1).Submit(t.Context(), [][]byte{f.transfer(0, 1, 1)}); !errors.Is(err, node.ErrOutside) {
		t.Errorf("a node that has left takes a transaction: %v", err)
	}
	f.enact(2, rotateNode(f.chain, 2))
	proofs = append(proofs, f.submit(2, f.transfer(0, 1, 1))...)
	f.signs(0, 2, true)
	for i := range 5 {
		groups := f.groups(i)
		for epoch, o := range proofs {
			if header := f.proven(i, groups, o.ID); header.Epoch != uint64(epoch) {
				t.Errorf("transaction %d is in epoch %d", epoch, header.Epoch)
			}
		}
	}
	f.stop()
	f.start()
	f.await(func(s node.Status) bool { return s.Epoch == 3 && s.IsFinal(proofs[3].Position) })
	for i := range 5 {
		f.proven(i, f.groups(i), proofs[1].ID)
	}
	f.final(f.submit(4, f.transfer(0, 1, 1))[0].Position)
	lowest := f.sameHeaders()
	_, height, err := f.node(0).Transaction(t.Context(), proofs[3].ID)
	if err != nil || lowest < height {
		t.Errorf("all have blocks up to %d, the last transaction is in %d, %v", lowest, height, err)
	}
	for i, m := range f.members {
		report, _, err := verify.Chain(t.Context(), verify.Input{
			Store: m.store, Genesis: f.chain.File, Contracts: aplostest.Contracts(), Verify: identity.Verify,
		})
		if err != nil || report.Verdict != verify.Right || report.Height < height {
			t.Errorf("node %d: %+v, %v", i, report, err)
		}
	}
	closed = true
	f.close()
}

// TestChangeUnderLoad has clients at every node while the group changes: what
// was appended for the old epoch and lands behind the change is sent again, each
// client is answered, and each transaction takes effect once.
func TestChangeUnderLoad(t *testing.T) {
	t.Parallel()
	f := governed(t, options{extra: 1, blockTransactions: 3})
	f.start()
	defer f.close()
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	var mu sync.Mutex
	done, outside := map[ledger.Digest]bool{}, 0
	for i := range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				o, err := f.insist(context.WithoutCancel(ctx), i, func() []byte { return f.transfer(3, 2, 1) })
				mu.Lock()
				switch {
				case errors.Is(err, node.ErrOutside) && i == 1:
					outside++
				case err != nil || o[0].Code != ledger.CodeOK || done[o[0].ID]:
					t.Errorf("node %d: %+v, %v", i, o, err)
				default:
					done[o[0].ID] = true
				}
				left := outside > 0 && i == 1
				mu.Unlock()
				if left {
					return
				}
			}
		})
	}
	f.enact(0, addNode(f.chain, 4))
	f.enact(0, rotateNode(f.chain, 2))
	f.enact(2, rotateNode(f.chain, 0))
	f.enact(3, removeNode(1))
	f.enact(2, rotateNode(f.chain, 4))
	f.eventually("the client of the node that has left is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return outside > 0
	})
	cancel()
	clients.Wait()
	f.await(func(s node.Status) bool { return s.NotFinal == 0 })
	f.final(f.submit(4, f.transfer(3, 2, 1))[0].Position)
	f.sameHeaders()
	for id := range done {
		if o, ok, err := f.node(4).Outcome(t.Context(), id); err != nil || !ok || o.Code != ledger.CodeOK {
			t.Errorf("transaction %s, which was acknowledged: %+v, %t, %v", id, o, ok, err)
		}
	}
	skipped := uint64(0)
	for i := range 5 {
		skipped += f.node(i).Status().Skipped
	}
	t.Logf("%d transactions acknowledged, %d records skipped at all nodes, epoch %d", len(done), skipped, f.node(0).Status().Epoch)
}

// TestLimitsAndProtocolChange at a height: blocks get the new size, and a rule
// set that a binary lacks stops it where it would be needed, not before.
func TestLimitsAndProtocolChange(t *testing.T) {
	t.Parallel()
	second := func() *contract.Set {
		contracts := aplostest.Contracts()[0].Contracts()
		counter := contract.Contract{Name: "counter", Methods: []contract.Method{contract.Handle("count", "",
			func(contract.Call, *struct{}) (contract.Footprint, error) {
				return contract.Footprint{Writes: []contract.Key{"counter/n"}}, nil
			},
			func(env *contract.Env, _ contract.Call, _ *struct{}) error { return env.Set("counter/n", []byte{1}) },
		)}}
		return contract.NewSet(append(contracts, counter)...)
	}
	f := governed(t, options{contracts: func(i int) contract.Rules {
		if i == 3 {
			return aplostest.Contracts() // an old binary
		}
		return append(aplostest.Contracts(), second())
	}})
	f.start()
	defer f.log.Close()
	count := func() []byte {
		tx := f.chain.Transaction(1, 1, 0, f.nonce.Add(1), f.clock.now().Add(time.Minute).UnixMilli())
		tx.Contract, tx.Method, tx.Args = "counter", "count", []byte{0xa0}
		return f.chain.Sign(tx, aplostest.AccountKey(1))
	}
	counted := map[ledger.Digest]ledger.Code{}
	code := func() ledger.Code {
		o, err := f.node(0).Submit(t.Context(), [][]byte{count()})
		if err != nil {
			t.Fatal(err)
		}
		counted[o[0].ID] = o[0].Code
		return o[0].Code
	}
	height := f.node(0).Status().Height + 3
	f.submit(0, f.propose(governance.Action{SetProtocol: &governance.SetProtocol{Version: 2}}, height))
	f.submit(0, f.propose(governance.Action{SetLimits: &governance.SetLimits{BlockTransactions: 1, BlockBytes: 1 << 20, MaxTTL: 120_000}}, height))
	f.eventually("the new rules", func() bool { return code() == ledger.CodeOK })
	f.eventually("all blocks are stored", func() bool {
		for id, got := range counted {
			_, at, err := f.node(0).Transaction(t.Context(), id)
			if err != nil {
				return false
			}
			if want := map[bool]ledger.Code{true: ledger.CodeOK, false: contract.CodeUnknownContract}[at >= height]; got != want {
				t.Fatalf("in block %d, the rules change at %d: %s", at, height, got)
			}
		}
		return len(counted) > 1
	})
	f.eventually("the old binary stops", func() bool { return f.node(3).Status().Err != nil })
	if err := f.halt(3); err == nil || !errors.Is(err, aplos.ErrProtocol) {
		t.Errorf("the old binary ended with %v", err)
	}
	for range 3 {
		o := f.submit(1, f.transfer(1, 2, 1))[0]
		f.final(o.Position)
		_, at, err := f.node(1).Transaction(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		block, _, err := f.node(1).Block(t.Context(), at)
		if err != nil || len(block.Results) != 1 {
			t.Errorf("block %d has %d transactions, %v", at, len(block.Results), err)
		}
	}
	expiry := f.clock.now().Add(5 * time.Minute).UnixMilli()
	if o, err := f.node(0).Submit(t.Context(), [][]byte{f.chain.Transfer(1, 2, 1, f.nonce.Add(1), expiry)}); err != nil || o[0].Code != contract.CodeExpiryTooFar {
		t.Errorf("a life beyond the new limit: %+v, %v", o, err)
	}
	f.stop(0, 1, 2)
	// The right binary goes on where the old one stopped.
	f.options.contracts = func(int) contract.Rules { return append(aplostest.Contracts(), second()) }
	f.start()
	f.final(f.submit(3, f.transfer(1, 2, 1))[0].Position)
	f.sameHeaders()
	f.stop()
}
