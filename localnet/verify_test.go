package localnet_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
)

func TestVerifyChain(t *testing.T) {
	t.Parallel()
	dir := localnet.Dir(t.TempDir())
	secrets := localnet.SecretsFromSeed(2)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 4, Accounts: 2, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	network, stop := start(t, dir)
	var last ledger.Position
	for i := range byte(3) {
		outcomes, err := network.Nodes[i].SubmitFinal(t.Context(), [][]byte{transfer(t, network, secrets, i, 1)})
		if err != nil {
			t.Fatal(err)
		}
		last = outcomes[0].Position
	}
	for _, n := range network.Nodes {
		if err := n.AwaitFinal(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}
	head := network.Nodes[0].Status().FinalHash
	stop()

	verifyStores(t, network, verify.Anchors{Genesis: network.Chain, Head: head, MinHeight: 1})
	s, err := pebble.Open(dir.Store(0), pebble.Options{Chain: network.Chain, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	genesis, err := os.ReadFile(dir.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	report, _, err := verify.Chain(t.Context(), verify.Input{
		Store: s, Genesis: genesis, Contracts: fullnode.Contracts(), Verify: identity.Verify, Anchors: verify.Anchors{Head: ledger.Digest{1}},
	})
	if err != nil || report.Verdict != verify.Wrong || report.First.Kind != "anchor" {
		t.Errorf("with a foreign head: %+v, first %v, error %v", report, report.First, err)
	}
}

// verifyStores verifies the chain of every node of a network that was stopped,
// and each against the others.
func verifyStores(t *testing.T, network *localnet.Network, anchors verify.Anchors) {
	t.Helper()
	genesis, err := os.ReadFile(network.Dir.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := localnet.OpenOffline(t.Context(), network.Dir, network.Genesis, network.Chain)
	if err != nil {
		t.Fatal(err)
	}
	copies := make([]verify.Copy, len(nodes))
	var verifying sync.WaitGroup
	for i, n := range nodes {
		defer func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}()
		verifying.Go(func() {
			report, _, err := verify.Chain(t.Context(), verify.Input{
				Store: n.Store, Genesis: genesis, Contracts: fullnode.Contracts(), Verify: identity.NewVerifier(1 << 10).Verify, Anchors: anchors,
			})
			if err != nil || report.Verdict != verify.Right || report.Checked.Transactions == 0 {
				t.Errorf("%s: %+v, first %v, error %v", n.Name, report, report.First, err)
			}
			copies[i] = verify.Copy{Name: n.Name, Store: n.Store, Report: report}
		})
	}
	verifying.Wait()
	if found, err := verify.Fork(t.Context(), copies); err != nil || found != nil {
		t.Errorf("the nodes' chains differ: %v, %v", found, err)
	}
}
