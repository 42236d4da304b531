package fsck_test

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
	"github.com/librum/librum/localnet/fsck"
)

// everyByte makes TestFlippedBytes go through all bytes instead of a sample.
var everyByte = flag.Bool("every-byte", false, "flip every byte of the files of one node instead of some of four")

// create makes a network of four nodes that has not run.
func create(t *testing.T) localnet.Dir {
	t.Helper()
	return createOf(t, 4)
}

func createOf(t *testing.T, nodes int) localnet.Dir {
	t.Helper()
	dir := localnet.Dir(t.TempDir())
	spec := localnet.Spec{Nodes: nodes, Peers: 1, External: 1, Accounts: 2, Time: time.Now()}
	if err := localnet.Create(dir, localnet.SecretsFromSeed(3), spec); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs the network until a few transactions are final at every node, with a
// blob at two of them, and calls then before it stops.
func run(t *testing.T, dir localnet.Dir, then func()) {
	t.Helper()
	n, err := localnet.Open(t.Context(), dir, localnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- n.Run(ctx) }()
	for i := range byte(3) {
		outcomes, err := n.Nodes[int(i)%len(n.Nodes)].SubmitFinal(ctx, [][]byte{transfer(t, n, i)})
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range n.Nodes {
			if err := node.AwaitFinal(ctx, outcomes[0].Position); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range min(2, len(n.Nodes)) {
		if _, _, err := n.Nodes[i].Blobs.Put(ctx, strings.NewReader("content"), 100); err != nil {
			t.Fatal(err)
		}
	}
	if then != nil {
		then()
	}
	stop()
	if err := errors.Join(<-ran, n.Close()); err != nil {
		t.Fatal(err)
	}
}

func transfer(t *testing.T, n *localnet.Network, nonce byte) []byte {
	t.Helper()
	secrets := localnet.SecretsFromSeed(3)
	args, err := ledger.Encode(map[string]any{
		"to": secrets.ID(localnet.KindAccount, 1), "amount": ledger.NewAmount(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	key := secrets.Key(localnet.KindAccount, 0)
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: n.Chain, Sender: secrets.ID(localnet.KindAccount, 0), Contract: "token", Method: "transfer",
		Args: args, Nonce: [16]byte{nonce}, Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	e, err := tx.Sign(key.ID(), key.Sign)
	if err != nil {
		t.Fatal(err)
	}
	return e.Bytes()
}

func check(t *testing.T, dir localnet.Dir) fsck.Report {
	t.Helper()
	r, err := fsck.Check(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func named(list []fsck.Finding, kind, where string) bool {
	return slices.ContainsFunc(list, func(f fsck.Finding) bool { return f.Kind == kind && f.Where == where })
}

// TestFlippedBytes holds that no byte of any file can change unnoticed, and
// that the file is named.
func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	nodes := uint64(4)
	if *everyByte {
		nodes = 1
	}
	dir := createOf(t, int(nodes))
	run(t, dir, nil)
	if r := check(t, dir); r.Found != 0 || len(r.Rebuilt) != 0 || r.Manifest != fsck.ManifestWhole ||
		r.Checked.Nodes != nodes || r.Checked.Blocks < nodes*3 || r.Checked.Blobs != min(2, nodes) || r.Checked.Files == 0 {
		t.Fatalf("untouched: %+v", r)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var places []place
	err := dir.WalkFiles(func(path string, info fs.FileInfo) error {
		switch size := info.Size(); {
		case size == 0:
		case *everyByte && localnet.KindOf(path) != localnet.FileIndex: // which is large, and is rebuilt
			for at := range size {
				places = append(places, place{path, at})
			}
		default:
			places = append(places, place{path, random.Int64N(size)})
		}
		return nil
	})
	if err != nil || len(places) < 30 {
		t.Fatalf("%d bytes to flip, %v", len(places), err)
	}
	var workers sync.WaitGroup
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		mine := copyOf(t, dir)
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(places)) && !t.Failed(); i = next.Add(1) - 1 {
				places[i].isNamed(t, mine)
			}
			if r, err := fsck.Check(t.Context(), mine); err != nil || r.Found != 0 && !t.Failed() {
				t.Errorf("mended: %v, %v", r.Findings, err)
			}
		})
	}
	workers.Wait()
	if *everyByte {
		t.Logf("each of %d bytes was flipped", len(places))
		if len(places) > 64<<10 {
			t.Errorf("the chain has %d bytes, want 64 KiB at most", len(places))
		}
	}
}

// place is that of a byte.
type place struct {
	path string
	at   int64
}

// isNamed flips the byte, wants its file named, and flips it back.
func (p place) isNamed(t *testing.T, dir localnet.Dir) {
	t.Helper()
	err := flipByte(dir, p.path, p.at)
	if err != nil {
		t.Error(err)
		return
	}
	r, err := fsck.Check(t.Context(), dir)
	kind, found := localnet.KindOf(p.path), r.Findings
	if kind.Rebuilt() {
		found = r.Rebuilt
	}
	if err != nil || !named(found, string(kind), p.path) && (kind != localnet.FileManifest || !named(r.Findings, string(kind), p.path)) {
		t.Errorf("byte %d of %s changed: found %v, %v", p.at, p.path, found, err)
	}
	if err := flipByte(dir, p.path, p.at); err != nil {
		t.Error(err)
	}
}

// flip changes a byte, or changes it back.
func flip(t *testing.T, dir localnet.Dir, path string, at int64) {
	t.Helper()
	if err := flipByte(dir, path, at); err != nil {
		t.Fatal(err)
	}
}

func flipByte(dir localnet.Dir, path string, at int64) error {
	f, err := os.OpenFile(filepath.Join(string(dir), path), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var b [1]byte
	if _, err = f.ReadAt(b[:], at); err == nil {
		b[0] ^= 0x10
		_, err = f.WriteAt(b[:], at)
	}
	return errors.Join(err, f.Close())
}

// copyOf copies all files of a network that has stopped.
func copyOf(t *testing.T, dir localnet.Dir) localnet.Dir {
	t.Helper()
	c := localnet.Dir(t.TempDir())
	if err := errors.Join(os.CopyFS(string(c), os.DirFS(string(dir))), secret(c)); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFindings goes through what else can become of a file.
func TestFindings(t *testing.T) {
	t.Parallel()
	dir := create(t)
	run(t, dir, nil)
	at := func(path string) string { return filepath.Join(string(dir), path) }
	for _, c := range []struct {
		name        string
		do          func() error
		kind, where string
	}{
		{"a key is gone", func() error { return os.Remove(at("node-2/key")) }, "key", "node-2/key"},
		{"a peer's key is gone", func() error { return os.Remove(at("peers/peer-0-key")) }, "key", "peers/peer-0-key"},
		{"another node's key", func() error { return swap(at("node-0/key"), at("node-1/key")) }, "key", "node-0/key"},
		{"others may read", func() error { return os.Chmod(at("token"), 0o644) }, "mode", "token"},
		{"a file too many", func() error { return os.WriteFile(at("node-1/store/999999.sst"), nil, 0o600) }, "stray", "node-1/store/999999.sst"},
		{"a link", func() error { return os.Symlink("/etc/hostname", at("node-1/blobs/link")) }, "irregular", "node-1/blobs/link"},
		{"cut short", func() error { return os.Truncate(at("genesis.cbor"), 100) }, "genesis", "genesis.cbor"},
		{"no genesis", func() error { return os.Remove(at("genesis.cbor")) }, "genesis", "genesis.cbor"},
		{"evidence appeared", func() error { return os.WriteFile(at("node-3/diverged.cbor"), nil, 0o600) }, "evidence", "node-3/diverged.cbor"},
	} {
		restore := save(t, dir)
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		if r := check(t, dir); !named(r.Findings, c.kind, c.where) {
			t.Errorf("%s: %v, want %s at %s", c.name, r.Findings, c.kind, c.where)
		}
		restore()
	}
	for path, growth := range map[string]string{"log/LOCK": "x", "node-0/blobs/partial/1": "x", "job.evidence": "x", "peers/external-0-key.egress.jsonl": "{}\n", "ca/register.jsonl": "{}\n", "ca/crl.pem": "x"} {
		if err := os.MkdirAll(filepath.Dir(at(path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(path), []byte(growth), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := check(t, dir); r.Found != 0 {
			t.Errorf("%s is no loss: %v", path, r.Findings)
		}
	}
	if r := check(t, dir); !named(r.Rebuilt, "lock", "log/LOCK") {
		t.Errorf("can be rebuilt: %v, want the log's lock", r.Rebuilt)
	}
	run(t, dir, nil) // its manifest lists the authority, which goes on working
	for path, change := range map[string]func(string) error{"ca/register.jsonl": os.Remove, "ca/crl.pem": func(p string) error { return os.WriteFile(p, []byte("y"), 0o600) }} {
		if err := change(at(path)); err != nil {
			t.Fatal(err)
		}
		if r := check(t, dir); r.Found != 0 {
			t.Errorf("%s is the authority's: %v", path, r.Findings)
		}
	}
}

func swap(a, b string) error {
	return errors.Join(os.Rename(a, a+".tmp"), os.Rename(b, a), os.Rename(a+".tmp", b))
}

// save remembers all files and returns what puts them back.
func save(t *testing.T, dir localnet.Dir) (restore func()) {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(string(dir))); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.RemoveAll(string(dir)), os.CopyFS(string(dir), os.DirFS(copied)), secret(dir)); err != nil {
			t.Fatal(err)
		}
	}
}

// secret gives files the modes that CopyFS does not keep.
func secret(dir localnet.Dir) error {
	return dir.WalkFiles(func(path string, _ fs.FileInfo) error { return os.Chmod(filepath.Join(string(dir), path), 0o600) })
}

// TestWithoutManifest checks what a crash leaves: a copy taken while the network
// runs, with all that is in it durable.
func TestWithoutManifest(t *testing.T) {
	t.Parallel()
	dir := create(t)
	crashed := localnet.Dir(t.TempDir())
	run(t, dir, func() {
		if err := errors.Join(os.CopyFS(string(crashed), os.DirFS(string(dir))), secret(crashed)); err != nil {
			t.Fatal(err)
		}
	})
	r := check(t, crashed)
	if r.Manifest != fsck.ManifestMissing || r.Found != 0 || !slices.Contains(r.Notes, "no clean stop: checked without manifest") ||
		r.Checked.Records == 0 || r.Checked.Blocks == 0 || r.Checked.Rows == 0 || r.Checked.Blobs == 0 || r.Checked.Keys == 0 {
		t.Fatalf("%+v", r)
	}
	digest := ledger.Hash([]byte("content")).String()
	blob := "node-0/blobs/" + digest[:2] + "/" + digest
	for path, kind := range map[string]string{blob: "blob", "node-1/officer-key": "key", "genesis.cbor": "genesis"} {
		flip(t, crashed, path, 5)
		if r := check(t, crashed); !named(r.Findings, kind, path) {
			t.Errorf("%s: %v", path, r.Findings)
		}
		flip(t, crashed, path, 5)
	}
	flip(t, crashed, blob, 5)
	if f := check(t, crashed).Findings; len(f) != 1 || !strings.Contains(f[0].Message, "node-1 has it whole") {
		t.Errorf("a blob that another node has: %v", f)
	}
	flip(t, crashed, blob, 5)
	segment := filepath.Join(string(crashed), "log", "00000000000000000000.log")
	info, err := os.Stat(segment)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, crashed, "log/00000000000000000000.log", info.Size()/2)
	if r := check(t, crashed); !named(r.Findings, "log", "log") {
		t.Errorf("a record changed: %v", r.Findings)
	}
}

// TestLinksAreNotFollowed puts a symbolic link in the place of each file and
// directory, to the very thing that was there: it is named, and what it leads
// to is not read as the network's own.
func TestLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	dir, aside := create(t), filepath.Join(t.TempDir(), "aside")
	run(t, dir, nil)
	paths := []string{"node-1", "node-1/store", "node-1/blobs", "log", "peers", "node-0/tokens"}
	if err := dir.WalkFiles(func(path string, _ fs.FileInfo) error { paths = append(paths, path); return nil }); err != nil {
		t.Fatal(err)
	}
	whole := check(t, dir)
	for _, manifest := range []bool{true, false} {
		if !manifest {
			if err := os.Remove(dir.Manifest()); err != nil {
				t.Fatal(err)
			}
			paths = slices.DeleteFunc(paths, func(p string) bool { return p == "manifest.cbor" })
		}
		for _, path := range paths {
			full := filepath.Join(string(dir), path)
			if _, err := os.Lstat(full); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err := errors.Join(os.Rename(full, aside), os.Symlink(aside, full)); err != nil {
				t.Fatal(err)
			}
			r := check(t, dir)
			if !named(r.Findings, "irregular", path) {
				t.Errorf("manifest %t: %s is a link: %v", manifest, path, r.Findings)
			}
			if path == "node-1" && r.Checked.Nodes != whole.Checked.Nodes-1 || strings.HasSuffix(path, "node-1/key") && r.Checked.Keys != whole.Checked.Keys-1 ||
				path == "log" && r.Checked.Records != 0 {
				t.Errorf("manifest %t: %s was followed: %+v", manifest, path, r.Checked)
			}
			if err := errors.Join(os.Remove(full), os.Rename(aside, full)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Symlink("/etc/shadow", filepath.Join(string(dir), "node-0", "key-2")); err != nil {
		t.Fatal(err)
	}
	if r := check(t, dir); r.Found != 1 || !strings.Contains(r.Findings[0].Message, "/etc/shadow") {
		t.Errorf("a key that is a link to another's secret: %v", r.Findings)
	}
	link := localnet.Dir(filepath.Join(t.TempDir(), "link"))
	if err := errors.Join(os.Remove(filepath.Join(string(dir), "node-0", "key-2")), os.Symlink(string(dir), string(link))); err != nil {
		t.Fatal(err)
	}
	if r := check(t, link); r.Found != 0 || r.Checked.Nodes != 4 {
		t.Errorf("the directory itself is given by a link: %v", r.Findings)
	}
}

// TestOtherLog puts a log in place whose frames are whole, and whose records
// are not those that the nodes executed.
func TestOtherLog(t *testing.T) {
	t.Parallel()
	dir, other := create(t), create(t)
	run(t, dir, nil)
	run(t, other, nil)
	if err := errors.Join(os.RemoveAll(dir.Log()), os.CopyFS(dir.Log(), os.DirFS(other.Log())), os.Remove(dir.Manifest())); err != nil {
		t.Fatal(err)
	}
	r := check(t, dir)
	if r.Found != 4 || !named(r.Findings, "log", "log") || !strings.Contains(r.Findings[0].Message, "is not the one that node-0 executed") {
		t.Errorf("%v, want one finding a node", r.Findings)
	}
}

// TestRunning holds invariant 3, and that a start forgets the manifest.
func TestRunning(t *testing.T) {
	t.Parallel()
	dir := create(t)
	if r := check(t, dir); r.Found != 0 || r.Manifest != fsck.ManifestMissing {
		t.Errorf("never run: %+v", r)
	}
	run(t, dir, nil)
	run(t, dir, func() {
		if _, err := dir.LoadManifest(); !errors.Is(err, localnet.ErrNoManifest) {
			t.Errorf("while it runs: %v, want no manifest", err)
		}
		if _, err := fsck.Check(t.Context(), dir); !errors.Is(err, localnet.ErrRunning) {
			t.Errorf("%v, want ErrRunning", err)
		}
	})
	if _, err := fsck.Check(t.Context(), localnet.Dir(t.TempDir())); !errors.Is(err, localnet.ErrNoNetwork) {
		t.Errorf("an empty directory: %v, want ErrNoNetwork", err)
	}
}

// TestNoManifestOfADamagedStart holds that what kept a network from opening is
// not written down as right.
func TestNoManifestOfADamagedStart(t *testing.T) {
	t.Parallel()
	dir := create(t)
	run(t, dir, nil)
	if err := os.WriteFile(dir.Key(3), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := localnet.Open(t.Context(), dir, localnet.Options{}); err == nil {
		t.Fatal("it opened")
	}
	if r := check(t, dir); r.Manifest != fsck.ManifestMissing || !named(r.Findings, "key", "node-3/key") {
		t.Errorf("%+v", r)
	}
}
