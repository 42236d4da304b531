package localnet_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

func newDir(t *testing.T) localnet.Dir {
	t.Helper()
	dir := localnet.Dir(t.TempDir())
	if err := localnet.Create(dir, localnet.SecretsFromSeed(1), localnet.Spec{Nodes: 4, Peers: 1, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestNewNodeFollows makes a node that nobody agreed on yet: the network opens
// with it, and it follows as a reader.
func TestNewNodeFollows(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	e, index, err := dir.NewNode(ledger.ID{}, rand.Reader)
	if err != nil || index != 4 || e.Officer == nil || e.Node == nil || e.Organisation.IsZero() {
		t.Fatalf("%+v as node %d, %v", e, index, err)
	}
	again, err := localnet.LoadEnrolment(filepath.Join(dir.Node(4), "enrolment.json"))
	if err != nil || again.Node.ID != e.Node.ID || again.Organisation != e.Organisation || !bytes.Equal(again.Node.Key, e.Node.Key) {
		t.Errorf("read back as %+v, %v", again, err)
	}
	for _, path := range []string{dir.Key(4), dir.OfficerKey(4)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	network, err := localnet.Open(t.Context(), dir, localnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := network.Close(); err != nil {
			t.Error(err)
		}
	}()
	if n := len(network.Nodes); n != 5 || network.Nodes[4].ID() != e.Node.ID || network.Nodes[4].Status().Signs || !network.Nodes[0].Status().Signs {
		t.Errorf("%d nodes, the fifth stands at %+v", n, network.Nodes[n-1].Status())
	}
}

func TestNextKey(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	g, _, err := dir.LoadGenesis()
	if err != nil {
		t.Fatal(err)
	}
	key, err := localnet.LoadKey(dir.Key(2))
	if err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= 3; n++ {
		e, err := dir.NextKey(2, ledger.ID{7}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		member, ok := g.Group.Find(e.Node.ID)
		if !ok || member.Key != key.Public() || bytes.Equal(e.Node.Key, member.Key[:]) {
			t.Errorf("key %d is for node %s", n, e.Node.ID)
		}
	}
	if _, err := dir.NextKey(9, ledger.ID{7}, rand.Reader); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key for a node that is not there: %v", err)
	}
	path := filepath.Join(t.TempDir(), "officer")
	if _, err := dir.NewOfficer(ledger.ID{7}, path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.NewOfficer(ledger.ID{7}, path, rand.Reader); err == nil {
		t.Error("a key was overwritten")
	}
}

// TestLoadEnrolmentRefuses changes a good file.
func TestLoadEnrolmentRefuses(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	good, _, err := dir.NewNode(ledger.ID{}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*localnet.Enrolment){
		"another chain":        func(e *localnet.Enrolment) { e.Chain[0] ^= 1 },
		"another organisation": func(e *localnet.Enrolment) { e.Organisation[0] ^= 1 },
		"another node":         func(e *localnet.Enrolment) { e.Node.ID[0] ^= 1 },
		"another key":          func(e *localnet.Enrolment) { e.Officer.Key = e.Node.Key },
		"a short key":          func(e *localnet.Enrolment) { e.Node.Key = e.Node.Key[:31] },
		"no proof":             func(e *localnet.Enrolment) { e.Node.Proof = nil },
	} {
		b, err := json.Marshal(good)
		if err != nil {
			t.Fatal(err)
		}
		var e localnet.Enrolment
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		change(&e)
		if b, err = json.Marshal(&e); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "enrolment.json")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := localnet.LoadEnrolment(path); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
