package localnet_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/localnet"
)

var epoch = time.UnixMilli(1_700_000_000_000)

func TestSecretsRepeat(t *testing.T) {
	t.Parallel()
	a, b, other := localnet.SecretsFromSeed(1), localnet.SecretsFromSeed(1), localnet.SecretsFromSeed(2)
	ids, keys := map[ledger.ID]bool{}, map[ledger.Digest]bool{}
	kinds := []string{
		localnet.KindOrganisation, localnet.KindNode, localnet.KindMember, localnet.KindDelegate,
		localnet.KindPeer, localnet.KindAccount, localnet.KindOfficer, localnet.KindPurpose,
	}
	for _, kind := range kinds {
		for i := range 12 {
			if a.ID(kind, i) != b.ID(kind, i) || a.Key(kind, i).ID() != b.Key(kind, i).ID() || a.Bytes(kind, i) != b.Bytes(kind, i) {
				t.Errorf("%s %d differs for one seed", kind, i)
			}
			if a.ID(kind, i) == other.ID(kind, i) || a.Key(kind, i).ID() == other.Key(kind, i).ID() {
				t.Errorf("%s %d is the same for two seeds", kind, i)
			}
			ids[a.ID(kind, i)], keys[a.Key(kind, i).ID()] = true, true
		}
	}
	if len(ids) != 12*len(kinds) || len(keys) != 12*len(kinds) {
		t.Errorf("%d ids and %d keys, want %d of each", len(ids), len(keys), 12*len(kinds))
	}
}

// TestGenesisDiffersInTimeAlone holds invariant 1.
func TestGenesisDiffersInTimeAlone(t *testing.T) {
	t.Parallel()
	spec := localnet.Spec{Nodes: 4, Peers: 3, Accounts: 5, Time: epoch}
	first, err := localnet.NewGenesis(localnet.SecretsFromSeed(1), spec)
	if err != nil {
		t.Fatal(err)
	}
	again, err := localnet.NewGenesis(localnet.SecretsFromSeed(1), spec)
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("one seed and time, two files, %v", err)
	}
	spec.Time = epoch.Add(time.Hour)
	later, err := localnet.NewGenesis(localnet.SecretsFromSeed(1), spec)
	if err != nil {
		t.Fatal(err)
	}
	later.Time, later.Delegates[0].Expiry = first.Time, first.Delegates[0].Expiry
	if !reflect.DeepEqual(first, later) {
		t.Error("the genesis of another time differs in more than its times")
	}
	if want := "35000000000000000000000000000"; first.Token.Supply.String() != want {
		t.Errorf("supply %s, want %s", first.Token.Supply, want)
	}
}

func TestSpecOutOfBounds(t *testing.T) {
	t.Parallel()
	for _, spec := range []localnet.Spec{{}, {Nodes: -1}, {Nodes: 1, Peers: -1}, {Nodes: 1, Accounts: -1}} {
		spec.Time = epoch
		if err := localnet.Create(localnet.Dir(t.TempDir()), localnet.SecretsFromSeed(1), spec); err == nil {
			t.Errorf("%+v was taken", spec)
		}
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	dir := localnet.Dir(filepath.Join(t.TempDir(), "net"))
	secrets := localnet.SecretsFromSeed(3)
	spec := localnet.Spec{Nodes: 4, Peers: 2, Accounts: 1, Time: epoch}
	// Half a network, as an interrupted Create leaves it, is none.
	if err := os.MkdirAll(dir.Node(0), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir.Key(0), []byte("half a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := dir.LoadGenesis(); !errors.Is(err, localnet.ErrNoNetwork) {
		t.Errorf("half a network: error %v, want %v", err, localnet.ErrNoNetwork)
	}
	if err := localnet.Create(dir, secrets, spec); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(string(dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o700)
		if !entry.IsDir() {
			files, want = files+1, 0o600
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := 2*4 + 2 + 2 + 1 + 1; files != want { // keys of nodes and officers, peers, member and delegate; token; genesis
		t.Errorf("%d files, want %d", files, want)
	}
	for path, want := range map[string]ledger.Digest{
		dir.Key(3):        secrets.Key(localnet.KindNode, 3).ID(),
		dir.OfficerKey(2): secrets.Key(localnet.KindOfficer, 2).ID(),
		dir.PeerKey(1):    secrets.Key(localnet.KindPeer, 1).ID(),
		dir.MemberKey():   secrets.Key(localnet.KindMember, 0).ID(),
	} {
		key, err := localnet.LoadKey(path)
		if err != nil || key.ID() != want {
			t.Errorf("key %s: %v", path, err)
		}
	}
	token, err := os.ReadFile(dir.Token())
	if err != nil || !bytes.HasPrefix(token, []byte("lbr_")) || len(token) != 4+64+1 {
		t.Errorf("token of %d bytes, %v", len(token), err)
	}
	g, chain, err := dir.LoadGenesis()
	if err != nil || len(g.Group.Nodes) != 4 || chain.IsZero() {
		t.Errorf("genesis %+v, %v", g, err)
	}
	if err := localnet.Create(dir, secrets, spec); !errors.Is(err, localnet.ErrExists) {
		t.Errorf("created twice: error %v, want %v", err, localnet.ErrExists)
	}
	if _, again, err := dir.LoadGenesis(); err != nil || again != chain {
		t.Errorf("the second Create changed the genesis: %v", err)
	}
}

// TestOpenRefuses opens directories that are in use, empty or damaged.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := localnet.Dir(t.TempDir())
	if _, err := localnet.Open(t.Context(), dir, localnet.Options{}); !errors.Is(err, localnet.ErrNoNetwork) {
		t.Errorf("empty: error %v, want %v", err, localnet.ErrNoNetwork)
	}
	if err := localnet.Create(dir, localnet.SecretsFromSeed(4), localnet.Spec{Nodes: 2, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	network, err := localnet.Open(t.Context(), dir, localnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := localnet.Open(t.Context(), dir, localnet.Options{}); !errors.Is(err, local.ErrLocked) {
		t.Errorf("in use: error %v, want %v", err, local.ErrLocked)
	}
	if err := network.Close(); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(dir.Key(0))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string][]byte{"cut": key[:len(key)/2], "large": bytes.Repeat([]byte("x"), 1<<20)} {
		if err := os.WriteFile(dir.Key(0), spoil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := localnet.Open(t.Context(), dir, localnet.Options{}); err == nil || !strings.Contains(err.Error(), "node 0") {
			t.Errorf("%s key: error %v", name, err)
		}
	}
	foreign, err := localnet.SecretsFromSeed(5).Key(localnet.KindNode, 0).MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir.Key(0), foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := localnet.Open(t.Context(), dir, localnet.Options{}); err == nil || !strings.Contains(err.Error(), "belongs to no node") {
		t.Errorf("foreign key: error %v", err)
	}
	if err := os.WriteFile(dir.Key(0), key, 0o600); err != nil {
		t.Fatal(err)
	}
	if network, err = localnet.Open(t.Context(), dir, localnet.Options{}); err != nil {
		t.Fatalf("mended: %v", err) // all that failed to open was closed again
	}
	if err := network.Close(); err != nil {
		t.Error(err)
	}
}

// TestCreateKeepsKeysWithoutAGenesis loses the genesis of a network that has
// run: its keys must stay as they are.
func TestCreateKeepsKeysWithoutAGenesis(t *testing.T) {
	t.Parallel()
	dir := localnet.Dir(t.TempDir())
	spec := localnet.Spec{Nodes: 1, Peers: 1, Time: time.Now()}
	if err := localnet.Create(dir, localnet.SecretsFromSeed(1), spec); err != nil {
		t.Fatal(err)
	}
	_, stop := start(t, dir)
	stop()
	if err := os.Remove(dir.Genesis()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(dir.Key(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := localnet.Create(dir, localnet.SecretsFromSeed(2), spec); !errors.Is(err, localnet.ErrGenesisMissing) {
		t.Errorf("error %v, want %v", err, localnet.ErrGenesisMissing)
	}
	if after, err := os.ReadFile(dir.Key(0)); err != nil || string(after) != string(before) {
		t.Errorf("the key changed, error %v", err)
	}
}
