package localnet_test

import (
	"os"
	"testing"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/verify"
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

	genesis, err := os.ReadFile(dir.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	for i := range network.Nodes {
		s, err := pebble.Open(dir.Store(i), pebble.Options{
			Chain: network.Chain, Node: network.Nodes[i].ID(), ReadOnly: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		input := verify.Input{
			Store: s, Genesis: genesis, Contracts: localnet.Contracts(), Verify: identity.Verify,
			Anchors: verify.Anchors{Genesis: network.Chain, Head: head, MinHeight: 1},
		}
		report, _, err := verify.Chain(t.Context(), input)
		if err != nil || report.Verdict != verify.Right || report.Checked.Transactions != 3 {
			t.Errorf("node %d: %+v, first %v, error %v", i, report, report.First, err)
		}
		input.Anchors.Head = ledger.Digest{1}
		report, _, err = verify.Chain(t.Context(), input)
		if err != nil || report.Verdict != verify.Wrong || report.First.Kind != "anchor" {
			t.Errorf("node %d with a foreign head: %+v, first %v, error %v", i, report, report.First, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
