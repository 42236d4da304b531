package localnet_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/localnet"
)

// start runs the network of dir until the returned function stops it.
func start(t *testing.T, dir localnet.Dir) (*localnet.Network, func()) {
	t.Helper()
	return startWith(t, dir, localnet.Options{})
}

func startWith(t *testing.T, dir localnet.Dir, options localnet.Options) (*localnet.Network, func()) {
	t.Helper()
	network, err := localnet.Open(t.Context(), dir, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- network.Run(ctx) }()
	stop := func() {
		cancel()
		if err := errors.Join(<-done, network.Close()); err != nil {
			t.Error(err)
		}
	}
	return network, stop
}

func transfer(t *testing.T, network *localnet.Network, secrets localnet.Secrets, nonce byte, amount uint64) []byte {
	t.Helper()
	args, err := ledger.Encode(&token.Transfer{To: secrets.ID(localnet.KindAccount, 1), Amount: ledger.NewAmount(amount)})
	if err != nil {
		t.Fatal(err)
	}
	key := secrets.Key(localnet.KindAccount, 0)
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: network.Chain, Sender: secrets.ID(localnet.KindAccount, 0),
		Contract: token.Name, Method: "transfer", Args: args, Nonce: [16]byte{nonce},
		Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	e, err := tx.Sign(key.ID(), key.Sign)
	if err != nil {
		t.Fatal(err)
	}
	return e.Bytes()
}

func TestTransferIsFinalOnAllNodesAndSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := localnet.Dir(t.TempDir())
	secrets := localnet.SecretsFromSeed(1)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 4, Accounts: 2, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	network, stop := start(t, dir)
	raw := transfer(t, network, secrets, 1, 7)
	outcomes, err := network.Nodes[0].SubmitFinal(t.Context(), [][]byte{raw, transfer(t, network, secrets, 2, 5)})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Code != ledger.CodeOK {
			t.Fatalf("outcome %+v", o)
		}
	}
	var hash ledger.Digest
	for i, n := range network.Nodes {
		s, err := n.Await(t.Context(), func(s node.Status) bool { return s.Final >= 1 && !s.FinalLast.Less(outcomes[1].Position) })
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && s.FinalHash != hash {
			t.Errorf("node %d has chain hash %s, want %s", i, s.FinalHash, hash)
		}
		hash = s.FinalHash
	}
	stop()

	network, stop = start(t, dir)
	defer stop()
	again, err := network.Nodes[1].Submit(t.Context(), [][]byte{raw})
	if err != nil {
		t.Fatal(err)
	}
	if again[0].Code != ledger.CodeOK || again[0].Position != outcomes[0].Position {
		t.Errorf("sent again after a restart: %+v, want the first outcome %+v", again[0], outcomes[0])
	}
	balance, err := token.Balance(network.Nodes[2].State(t.Context()), secrets.ID(localnet.KindAccount, 1))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := ledger.ParseAmount("1000000000000000000012")
	if balance.Cmp(want) != 0 {
		t.Errorf("balance %s, want %s", balance, want)
	}
	proof, err := network.Nodes[0].Proof(t.Context(), outcomes[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if r, _, err := proof.Verify(network.Chain, &network.Genesis.Group, network.Nodes[0].Config().Verify); err != nil || r.ID != outcomes[0].ID {
		t.Errorf("proof: result %+v, error %v", r, err)
	}
}

// TestResentAfterFreezeGivesTheFirstOutcome freezes a member whose transfer was
// executed: the same bytes again are answered with what became of them.
func TestResentAfterFreezeGivesTheFirstOutcome(t *testing.T) {
	t.Parallel()
	dir := localnet.Dir(t.TempDir())
	secrets := localnet.SecretsFromSeed(4)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 1, Accounts: 2, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	network, stop := start(t, dir)
	defer stop()
	raw := transfer(t, network, secrets, 1, 7)
	first, err := network.Nodes[0].Submit(t.Context(), [][]byte{raw})
	if err != nil || first[0].Code != ledger.CodeOK {
		t.Fatalf("transfer: %+v, %v", first, err)
	}
	args, err := ledger.Encode(&identity.Change{Member: secrets.ID(localnet.KindAccount, 0)})
	if err != nil {
		t.Fatal(err)
	}
	officer := secrets.Key(localnet.KindOfficer, 0)
	freeze := ledger.Transaction{
		Version: ledger.Version, Chain: network.Chain, Sender: secrets.ID(localnet.KindOfficer, 0),
		Contract: identity.Name, Method: identity.MethodFreeze, Args: args, Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	signed, err := freeze.Sign(officer.ID(), officer.Sign)
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := network.Nodes[0].Submit(t.Context(), [][]byte{signed.Bytes()})
	if err != nil || frozen[0].Code != ledger.CodeOK {
		t.Fatalf("freeze: %+v, %v", frozen, err)
	}
	again, err := network.Nodes[0].Submit(t.Context(), [][]byte{raw, transfer(t, network, secrets, 2, 7)})
	if err != nil || again[0].Code != ledger.CodeOK || again[0].Position != first[0].Position {
		t.Errorf("sent again: %+v, %v; want %+v", again, err, first[0])
	}
	if again[1].Code != identity.CodeNotActive || again[1].Executed {
		t.Errorf("a new transfer of the frozen member: %+v, want %s", again[1], identity.CodeNotActive)
	}
}
