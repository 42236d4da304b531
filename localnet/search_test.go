package localnet_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// indexed waits until node 0's index holds all that is final, and returns every
// document, in one order.
func indexed(t *testing.T, n *localnet.Network, height uint64) ([]document.Document, query.Checkpoint) {
	t.Helper()
	x := n.Nodes[0].Search
	if err := x.Await(t.Context(), height); err != nil {
		t.Fatal(err)
	}
	answer, err := x.Search(t.Context(), &query.Request{Sort: document.FieldID, Ascending: true, Limit: query.MaxHits})
	if err != nil || answer.Next != "" {
		t.Fatalf("read the index: %v, more %q", err, answer.Next)
	}
	return answer.Hits, answer.At
}

// An index that is lost, of another history, or ahead of its node is found and
// built again, with the documents that it had.
func TestIndexIsRebuilt(t *testing.T) {
	t.Parallel()
	dir := localnet.Dir(t.TempDir())
	secrets := localnet.SecretsFromSeed(1)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 1, Accounts: 2, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	network, stop := start(t, dir)
	for i := range byte(4) {
		if _, err := network.Nodes[0].SubmitFinal(t.Context(), [][]byte{transfer(t, network, secrets, i, uint64(i)+1), transfer(t, network, secrets, i, uint64(i)+1)}); err != nil {
			t.Fatal(err)
		}
	}
	height := network.Nodes[0].Status().Final
	want, at := indexed(t, network, height)
	if n := len(want); n < 15 || at.Height < height {
		t.Fatalf("%d documents up to block %d, want more up to %d", n, at.Height, height)
	}
	stop()

	path := fullnode.Dir(dir.Node(0)).Search()
	spoil := func(change func(*query.Checkpoint)) {
		t.Helper()
		x, err := fullnode.OpenIndex(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		wrong := at
		change(&wrong)
		stray := document.Document{Kind: document.KindAccount, ID: "stray", Height: 1 << 40}
		if err := x.Apply(t.Context(), []document.Document{stray}, &wrong); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name     string
		spoil    func()
		rebuilds uint64
	}{
		{"left alone", func() {}, 0},
		{"lost", func() {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"of another history", func() { spoil(func(c *query.Checkpoint) { c.Hash = ledger.Hash(nil) }) }, 1},
		{"of another chain", func() { spoil(func(c *query.Checkpoint) { c.Chain = ledger.Hash(nil) }) }, 1},
		{"ahead", func() { spoil(func(c *query.Checkpoint) { c.Height += 5 }) }, 1},
		{"damaged", func() {
			if err := os.WriteFile(path, make([]byte, 5_000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 1},
	} {
		c.spoil()
		network, stop := start(t, dir)
		got, _ := indexed(t, network, at.Height)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("an index %s: %d documents, want the %d there were", c.name, len(got), len(want))
		}
		if n := network.Nodes[0].Search.Status().Rebuilds; n != c.rebuilds {
			t.Errorf("an index %s was built %d times, want %d", c.name, n, c.rebuilds)
		}
		stop()
	}
}
