package localnet

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// The manifest lists every file of a directory as a clean stop left it: CBOR,
// and behind that its SHA-256. It tells damage. Who can write the directory can
// write a manifest too; against them stands verification.
const (
	manifestVersion  = 1
	maxManifestBytes = 256 << 20
)

// ErrNoManifest tells that the network was not stopped cleanly, or never ran.
var ErrNoManifest = errors.New("there is no manifest of a clean stop")

// Manifest is what a clean stop wrote down.
type Manifest struct {
	_       struct{} `cbor:",toarray"`
	Version uint16
	Chain   ledger.Digest
	Files   []ManifestFile // paths ascending
}

// ManifestFile is one file.
type ManifestFile struct {
	_       struct{} `cbor:",toarray"`
	Path    string   // below the directory, with slashes
	Kind    FileKind
	Rebuilt bool // it can be made again, and holds nothing that cannot
	Size    uint64
	Digest  ledger.Digest
}

// Manifest is the path of the manifest.
func (d Dir) Manifest() string { return filepath.Join(string(d), manifestName) }

// LoadManifest reads the manifest of a directory.
func (d Dir) LoadManifest() (*Manifest, error) {
	b, err := durable.ReadFile(d.Manifest(), maxManifestBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoManifest
	}
	if err != nil {
		return nil, err
	}
	return ParseManifest(b)
}

// ParseManifest reads a manifest.
func ParseManifest(b []byte) (*Manifest, error) {
	body := b[:max(0, len(b)-sha256.Size)]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], b[len(body):]) {
		return nil, errors.New("the manifest is damaged: its SHA-256 is another")
	}
	m := new(Manifest)
	if err := ledger.Decode("manifest", body, maxManifestBytes, m); err != nil {
		return nil, err
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("the manifest has version %d, this program reads %d", m.Version, manifestVersion)
	}
	for i, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || i > 0 && m.Files[i-1].Path >= f.Path {
			return nil, fmt.Errorf("the manifest names %q as file %d: want paths below the directory, ascending", f.Path, i)
		}
	}
	return m, nil
}

// sealDir writes the manifest of a directory that was just closed. It holds the
// lock that whoever starts takes first; where somebody has started already,
// there is no clean stop to tell of.
func sealDir(dir Dir, chain ledger.Digest) (err error) {
	lock, err := vfs.Default.Lock(filepath.Join(dir.Log(), "LOCK"))
	if err != nil {
		return nil
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return writeManifest(dir, chain)
}

// writeManifest lists the directory as it is now.
func writeManifest(dir Dir, chain ledger.Digest) error {
	m := Manifest{Version: manifestVersion, Chain: chain, Files: []ManifestFile{}}
	err := dir.WalkFiles(func(path string, info fs.FileInfo) error {
		kind := KindOf(path)
		if kind == FileManifest || !info.Mode().IsRegular() {
			return nil
		}
		size, digest, err := int64(0), ledger.Hash(nil), error(nil)
		if kind != FileLock || info.Size() != 0 { // to open and close it again would let the lock go (fcntl(2))
			size, digest, err = dir.HashFile(path, -1)
		}
		if errors.Is(err, fs.ErrNotExist) && kind.Rebuilt() {
			return nil // SQLite takes its log away once its last reader is gone, which may be now
		}
		m.Files = append(m.Files, ManifestFile{Path: path, Kind: kind, Rebuilt: kind.Rebuilt(), Size: uint64(size), Digest: digest})
		return err
	})
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	b, err := ledger.Encode(&m)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	if err := durable.WriteFile(dir.Manifest(), append(b, sum[:]...), 0o600); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}

// dropManifest forgets the manifest durably, before anything changes.
func dropManifest(dir Dir) error {
	err := os.Remove(dir.Manifest())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, durable.SyncDir(vfs.Default, string(dir)))
}

// WalkFiles visits all that is no directory, paths ascending. Symbolic links are
// visited, not followed. What has gone meanwhile is passed over.
func (d Dir) WalkFiles(visit func(path string, info fs.FileInfo) error) error {
	var paths []string
	infos := map[string]fs.FileInfo{}
	root, err := filepath.EvalSymlinks(string(d)) // the directory may be given by a link
	if err != nil {
		return err
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != root {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		below, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		below = filepath.ToSlash(below)
		paths = append(paths, below)
		infos[below] = info
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(paths)
	for _, path := range paths {
		if err := visit(path, infos[path]); err != nil {
			return err
		}
	}
	return nil
}

// HashFile returns size and SHA-256 of a file, of its first bytes alone where
// limit is not negative.
func (d Dir) HashFile(path string, limit int64) (size int64, digest ledger.Digest, err error) {
	f, err := durable.OpenFile(filepath.Join(string(d), filepath.FromSlash(path)), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return 0, digest, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	var from io.Reader = f
	if limit >= 0 {
		from = io.LimitReader(f, limit)
	}
	size, err = io.Copy(sum, from)
	return size, ledger.Digest(sum.Sum(nil)), err
}
