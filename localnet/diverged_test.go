package localnet_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/localnet"
)

// TestEvidenceOutlivesRestarts starts a network in which evidence lies that a node
// diverged: that node executes and signs nothing, the others make blocks final.
// What lies there and is no file stops the start.
func TestEvidenceOutlivesRestarts(t *testing.T) {
	t.Parallel()
	const witness = 3
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir, secrets := localnet.Dir(t.TempDir()), localnet.SecretsFromSeed(5)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 4, Accounts: 2, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	evidence := dir.Diverged(witness)
	if err := os.Mkdir(evidence, 0o700); err != nil {
		t.Fatal(err)
	}
	if n, err := localnet.Open(ctx, dir, localnet.Options{}); !errors.Is(err, durable.ErrNotRegular) {
		t.Errorf("a directory in the place of the evidence: %v", err)
		if err == nil {
			_ = n.Close()
		}
	}
	if err := errors.Join(os.Remove(evidence), os.WriteFile(evidence, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for life := range byte(2) {
		network, stop := start(t, dir)
		raw := transfer(t, network, secrets, life, 1)
		if _, err := network.Nodes[witness].Submit(ctx, [][]byte{raw}); !errors.Is(err, node.ErrDiverged) {
			t.Errorf("life %d: submit at the node with evidence: %v, want %v", life, err, node.ErrDiverged)
		}
		outcomes, err := network.Nodes[0].SubmitFinal(ctx, [][]byte{raw})
		if err != nil || outcomes[0].Code != ledger.CodeOK {
			t.Fatalf("life %d: through another: %+v, %v", life, outcomes, err)
		}
		for i, n := range network.Nodes[:witness] {
			if err := n.AwaitFinal(ctx, outcomes[0].Position); err != nil {
				t.Fatalf("life %d: node %d: %v", life, i, err)
			}
			proof, err := n.Proof(ctx, outcomes[0].ID)
			if err != nil || len(proof.Signatures) != 3 {
				t.Errorf("life %d: node %d has %d signatures, %v", life, i, len(proof.Signatures), err)
			}
			for _, s := range proof.Signatures {
				if s.Node == network.Nodes[witness].ID() {
					t.Errorf("life %d: node %d has a signature by the node with evidence", life, i)
				}
			}
		}
		// Itself it has stored the block, and would have signed it in the same step.
		height := network.Nodes[0].Status().Final
		status, err := network.Nodes[witness].Await(ctx, func(s node.Status) bool { return s.Height >= height })
		if err != nil || !status.Diverged {
			t.Errorf("life %d: the node with evidence: %+v, %v", life, status, err)
		}
		stop()
	}
}
