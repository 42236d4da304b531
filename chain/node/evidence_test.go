package node_test

import (
	"testing"
	"time"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/governance"
	identitycontract "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
)

// equivocate has a node show the others a second signed header of a height.
func (f *fleet) equivocate(liar int, height uint64) {
	f.Helper()
	raw, _, err := f.node(0).Header(f.Context(), height)
	if err != nil {
		f.Fatal(err)
	}
	header, err := ledger.ParseHeader(raw)
	if err != nil {
		f.Fatal(err)
	}
	header.State[0]++
	second, err := header.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	key := aplostest.NodeKey(liar)
	s := ledger.SignHeader(height, second, aplostest.NodeID(liar), key.ID(), key.Sign)
	for i, m := range f.members {
		if i != liar && m.node != nil {
			m.node.ReceiveAnswer(second, []ledger.HeaderSignature{s})
		}
	}
}

func (f *fleet) suspended(i, liar int) bool {
	f.Helper()
	is, err := governance.IsSuspended(f.node(i).State(f.Context()), aplostest.NodeID(liar))
	if err != nil {
		f.Fatal(err)
	}
	return is
}

// TestEquivocationSuspends: the nodes that see two headers bring them as
// evidence by themselves. The liar may send nothing any more and its signatures
// count for nothing; it still counts in n, also after a restart of all.
func TestEquivocationSuspends(t *testing.T) {
	t.Parallel()
	const liar = 3
	f := newFleet(t, options{})
	f.start()
	defer f.close()
	first := f.submit(0, f.transfer(0, 1, 1))[0].Position
	f.final(first)
	f.equivocate(liar, 1)
	f.eventually("all nodes to see the suspension", func() bool {
		return f.suspended(0, liar) && f.suspended(1, liar) && f.suspended(2, liar) && f.suspended(liar, liar)
	})

	// Nothing that the liar signs as a sender takes effect, at its own gateway
	// as little as past it.
	own := f.chain.Transaction(0, 1, 0, 77, f.clock.now().Add(time.Minute).UnixMilli())
	own.Sender = aplostest.NodeID(liar)
	outcomes, err := f.node(0).Submit(t.Context(), [][]byte{f.chain.Sign(own, aplostest.NodeKey(liar))})
	if err != nil || outcomes[0].Code != identitycontract.CodeNotActive || outcomes[0].Executed {
		t.Errorf("a transaction of the suspended node: %+v, %v", outcomes, err)
	}
	// What others send through it is executed: they signed it, not the liar.
	through := f.submit(liar, f.transfer(1, 0, 1))[0].Position
	f.final(through)
	next := f.submit(0, f.transfer(0, 1, 1))[0].Position // surely in a block after the suspension
	f.final(next)
	height := f.node(0).Status().Final
	for i := range liar {
		_, signatures, err := f.node(i).Header(t.Context(), height)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range signatures {
			if s.Node == aplostest.NodeID(liar) {
				t.Errorf("node %d keeps the suspended node's signature of header %d", i, height)
			}
		}
	}
	f.sameHeaders()

	f.stop()
	f.start()
	after := f.submit(1, f.transfer(0, 1, 1))[0].Position
	f.final(after)
	for i := range f.members {
		if !f.suspended(i, liar) {
			t.Errorf("node %d forgot the suspension", i)
		}
	}
	if balance, err := token.Balance(f.node(2).State(f.Context()), f.chain.Account(1)); err != nil || balance != ledger.NewAmount(aplostest.Balance+2) {
		t.Errorf("balance %s, %v", balance, err)
	}

	// It counts in n: with one more down the quorum of three can't be met,
	// though three nodes run.
	f.stop(2)
	blocked := f.submit(0, f.transfer(0, 1, 1))[0].Position
	f.eventually("both others to have signed", func() bool {
		_, signatures, err := f.node(0).Header(t.Context(), f.node(0).Status().Height)
		return err == nil && f.node(0).Status().NotFinal > 0 && len(signatures) == 2
	})
	if s := f.node(0).Status(); s.IsFinal(blocked) {
		t.Errorf("final with the suspended node's signature: %+v", s)
	}
	f.start(2)
	f.final(blocked)
}

// TestEvidenceFitsTheLimits: governance may have transactions expire sooner than
// a node lets its evidence wait.
func TestEvidenceFitsTheLimits(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{genesis: func(g *ledger.Genesis) { g.Limits.MaxTTL = 120_000 }})
	f.start()
	defer f.close()
	f.final(f.submit(0, f.transfer(0, 1, 1))[0].Position)
	f.equivocate(3, 1)
	f.eventually("the suspension", func() bool { return f.suspended(0, 3) })
}

// TestForgedEvidence: a header that the liar made up in another's
// name is no evidence.
func TestForgedEvidence(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{})
	f.start()
	defer f.close()
	f.final(f.submit(0, f.transfer(0, 1, 1))[0].Position)
	raw, _, err := f.node(0).Header(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	header, err := ledger.ParseHeader(raw)
	if err != nil {
		t.Fatal(err)
	}
	header.State[0]++
	second, err := header.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	liar := aplostest.NodeKey(3)
	forged := ledger.SignHeader(1, second, aplostest.NodeID(1), liar.ID(), liar.Sign)
	args := governance.ReportEquivocation{Node: aplostest.NodeID(1), Height: 1, HeaderA: raw, HeaderB: second, SignatureB: forged.Signature}
	_, signatures, err := f.node(1).Header(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range signatures {
		if s.Node == args.Node {
			args.SignatureA = s.Signature
		}
	}
	report := f.chain.Transaction(0, 1, 0, 78, f.clock.now().Add(time.Minute).UnixMilli())
	report.Contract, report.Method, report.Args = governance.Name, governance.MethodReportEquivocation, f.chain.Encode(&args)
	outcomes, err := f.node(0).Submit(t.Context(), [][]byte{f.chain.Sign(report, aplostest.AccountKey(0))})
	if err != nil || outcomes[0].Code != "bad_signature" || f.suspended(0, 1) {
		t.Errorf("forged evidence: %+v, %v", outcomes, err)
	}
}
