package fsck

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

// remedies say what to do about a damaged file of a kind.
var remedies = map[localnet.FileKind]string{
	localnet.FileGenesis:  "put it back from a copy: its digest is the chain's id",
	localnet.FileToken:    "put it back from a copy",
	localnet.FileKey:      "put it back from a copy; where there is none, a new key must be put on the ledger",
	localnet.FileLog:      "put it back from a copy, do not cut it: the log is the truth",
	localnet.FileStore:    "put the node's store back from a copy",
	localnet.FileBlob:     "remove the file: the node fetches it from another that has it",
	localnet.FileEvidence: "keep it, and look at why the node diverged",
	localnet.FileEgress:   "it says what left the peer: put it back from a copy",
}

func remedy(kind localnet.FileKind) string {
	if r, ok := remedies[kind]; ok {
		return r
	}
	return "put it back from a copy"
}

// compareManifest compares every file with what the clean stop wrote down.
func (c *check) compareManifest(ctx context.Context) error {
	if c.strays("manifest.cbor") {
		c.Manifest = ManifestDamaged
		return nil
	}
	m, err := c.dir.LoadManifest()
	switch {
	case errors.Is(err, localnet.ErrNoManifest):
		c.Manifest = ManifestMissing
		c.note("no clean stop: checked without manifest")
		return nil
	case err != nil:
		c.Manifest = ManifestDamaged
		c.find("manifest", "manifest.cbor", "%v; the files are checked without it", err)
		return nil
	}
	c.Manifest = ManifestWhole
	if c.genesis != nil && m.Chain != c.chain {
		c.find("manifest", "manifest.cbor", "it is of chain %s, the genesis file is of %s", m.Chain.Short(), c.chain.Short())
	}
	listed := map[string]*localnet.ManifestFile{}
	for i := range m.Files {
		listed[m.Files[i].Path] = &m.Files[i]
	}
	err = c.dir.WalkFiles(func(path string, _ fs.FileInfo) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f, ok := listed[path]
		delete(listed, path)
		if c.strays(path) {
			return nil
		}
		if !ok {
			c.stray(path)
			return nil
		}
		c.compare(f)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range m.Files {
		f := &m.Files[i]
		if listed[f.Path] == nil {
			continue
		}
		switch {
		case f.Rebuilt:
			c.rebuilt(string(f.Kind), f.Path, "it is missing; can be rebuilt")
		case f.Kind == localnet.FilePause:
			c.note("%s: the peer was paused at the clean stop and is no longer", f.Path)
		case f.Kind.OfAuthority():
			c.note("%s: it was there at the clean stop and is no longer; librum ca list shows the register", f.Path)
		default:
			c.find(string(f.Kind), f.Path, "it is missing; %s", remedy(f.Kind))
		}
	}
	return nil
}

// compare compares a file with its line of the manifest.
func (c *check) compare(f *localnet.ManifestFile) {
	limit := int64(-1)
	if f.Kind == localnet.FileEgress { // it may have grown since
		limit = int64(f.Size)
	}
	size, digest, err := c.dir.HashFile(f.Path, limit)
	c.Checked.Files++
	c.Checked.Bytes += uint64(size)
	switch {
	case err != nil:
		c.find(string(f.Kind), f.Path, "%v; %s", err, remedy(f.Kind))
	case digest == f.Digest && uint64(size) == f.Size:
	case f.Rebuilt:
		c.rebuilt(string(f.Kind), f.Path, "it has changed since the clean stop; can be rebuilt")
	case f.Kind.OfAuthority():
		c.note("%s: it has changed since the clean stop, as the authority's work changes it", f.Path)
	default:
		c.find(string(f.Kind), f.Path, "it has changed since the clean stop: %d bytes with digest %s, there were %d with %s; %s",
			size, digest.Short(), f.Size, f.Digest.Short(), remedy(f.Kind))
	}
}

// stray names a file that was not there at the clean stop.
func (c *check) stray(path string) {
	switch kind := localnet.KindOf(path); {
	case kind == localnet.FileManifest:
	case kind.Rebuilt(), kind == localnet.FileEgress, kind == localnet.FilePause, kind.OfAuthority():
		c.note("%s: it was not there at the clean stop", path)
	case kind == localnet.FileOther && !strings.HasPrefix(path, "node-"):
		c.note("%s: it was not there at the clean stop, and nothing here reads it", path)
	default:
		c.find("stray", path, "it was not there at the clean stop; move it elsewhere")
	}
}

// checkLayout looks at each file's mode, and without a manifest for files that
// nothing here makes.
func (c *check) checkLayout() {
	err := c.dir.WalkFiles(func(path string, info fs.FileInfo) error {
		if c.strays(path) {
			return nil
		}
		kind := localnet.KindOf(path)
		if kind.Secret() && info.Mode().Perm()&0o077 != 0 {
			c.find("mode", path, "mode %04o lets others than its owner at a secret; chmod 600", info.Mode().Perm())
		}
		if c.Manifest != ManifestWhole && kind == localnet.FileOther {
			c.note("%s: nothing here makes a file of that name", path)
		}
		if c.Manifest != ManifestWhole && kind == localnet.FileBlob && !contentName(path) {
			c.find("stray", path, "no blob has that name; move it elsewhere")
		}
		return nil
	})
	if err != nil {
		c.find("files", string(c.dir), "%v", err)
	}
}

// contentName reports whether a path is that of content by its digest.
func contentName(path string) bool {
	name := filepath.Base(path)
	_, err := ledger.ParseDigest(name)
	return err == nil && filepath.Base(filepath.Dir(path)) == name[:2]
}
