package localnet_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/localnet"
)

// TestPeersHaveOtherKeys starts a network again one of whose peers has changed
// its key: the genesis does not know it, the ledger does.
func TestPeersHaveOtherKeys(t *testing.T) {
	t.Parallel()
	dir, secrets := localnet.Dir(t.TempDir()), localnet.SecretsFromSeed(12)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 1, Peers: 1, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	network, stop := start(t, dir)
	next, id := secrets.Key("peer after", 0), secrets.ID(localnet.KindPeer, 0)
	possession := ledger.Possession{
		Version: ledger.Version, Chain: network.Chain, Organisation: secrets.ID(localnet.KindOrganisation, 0), Member: id, Key: next.Public(),
	}
	proof, err := possession.Sign(next.Sign)
	if err != nil {
		t.Fatal(err)
	}
	caller := identity.Caller{Chain: network.Chain, Sender: id, Key: secrets.Key(localnet.KindPeer, 0), Random: rand.Reader}
	raw, err := caller.Call(members.Name, members.MethodRotateKey,
		&members.RotateKey{Old: caller.Key.ID(), Key: next.Public(), Proof: proof}, time.Now().Add(time.Minute).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	out, err := network.Nodes[0].Submit(t.Context(), [][]byte{raw})
	if err != nil || out[0].Code != ledger.CodeOK {
		t.Fatalf("%+v, %v", out, err)
	}
	stop() // before a block holds it, mostly
	if err := errors.Join(os.Remove(dir.PeerKey(0)), keyfile.Write(dir.PeerKey(0), next, "")); err != nil {
		t.Fatal(err)
	}

	network, stop = start(t, dir)
	defer stop()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- network.Serve(ctx, listener, nil) }()
	go func() {
		ended <- network.RunPeers(ctx, "http://"+listener.Addr().String(), 1, slog.New(slog.DiscardHandler))
	}()
	defer func() {
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil {
			t.Error(err)
		}
	}()
	timeout := time.NewTimer(2 * time.Minute)
	defer timeout.Stop()
	for {
		changed := network.Nodes[0].Changed()
		registered, _, err := contract.LoadFrom[fl.Peer](network.Nodes[0].State(t.Context()), fl.PeerRow(id))
		if err != nil {
			t.Fatal(err)
		}
		if registered != nil && registered.Available {
			return
		}
		select {
		case <-changed:
		case err := <-ended:
			ended <- nil
			t.Fatalf("the peers have ended: %v", err)
		case <-timeout.C:
			t.Fatal("the peer is not registered")
		}
	}
}
