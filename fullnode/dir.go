package fullnode

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// Dir is the directory of a node.
type Dir string

// Store is the path of the embedded store.
func (d Dir) Store() string { return filepath.Join(string(d), "store") }

// Blobs is the path of the blobs that are kept as files.
func (d Dir) Blobs() string { return filepath.Join(string(d), "blobs") }

// Log is the path of an embedded log that is this node's alone.
func (d Dir) Log() string { return filepath.Join(string(d), "log") }

// Diverged is the path of the evidence that the node's header differed from the
// quorum's. While it is there the node signs nothing.
func (d Dir) Diverged() string { return filepath.Join(string(d), "diverged.cbor") }

// HasDiverged reports whether the evidence is there. What can't be looked at, or
// is no file, is an error and not "none": a node without its evidence signs.
func (d Dir) HasDiverged() (bool, error) {
	info, err := os.Lstat(d.Diverged())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for evidence of a divergence: %w", err)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("look for evidence of a divergence: %s is %w; find out who put it there", d.Diverged(), durable.ErrNotRegular)
	}
	return true, nil
}

// Aggregations is the path of the aggregations without a job.
func (d Dir) Aggregations() string { return filepath.Join(string(d), "aggregations") }

// Audit is the path of the log of administrative acts.
func (d Dir) Audit() string { return filepath.Join(string(d), "audit.jsonl") }

// Tokens is the path of the bearer tokens that the node knows.
func (d Dir) Tokens() string { return filepath.Join(string(d), "tokens") }

// Key is the path of the node's key.
func (d Dir) Key() string { return filepath.Join(string(d), "key") }

// ID is the path of the file with the node's id. Nodes of the genesis have none
// while they have one key, which says who they are.
func (d Dir) ID() string { return filepath.Join(string(d), "id") }

// Keys reads all keys of the node, that of its file key first, then key-2 and on.
func (d Dir) Keys(ask keyfile.Ask) ([]*identity.Key, error) {
	names, err := fs.Glob(os.DirFS(string(d)), "key-*") // in the directory: its own path may hold a pattern's characters
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, func(a, b string) int { // by length first: key-10 comes after key-9
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	keys := make([]*identity.Key, 0, len(names)+1)
	for _, name := range append([]string{filepath.Base(d.Key())}, names...) {
		key, err := keyfile.Load(filepath.Join(string(d), name), ask)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

const maxIDBytes = 1 << 10

// NodeID tells the node's id: by its file, or by the genesis that lists its key.
func (d Dir) NodeID(g *ledger.Genesis, key *identity.Key) (ledger.ID, error) {
	b, err := durable.ReadFile(d.ID(), maxIDBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nodeOf(g, key)
	}
	if err != nil {
		return ledger.ID{}, err
	}
	id, err := ledger.ParseID(strings.TrimSpace(string(b)))
	if err != nil {
		return id, fmt.Errorf("read %s: %w", d.ID(), err)
	}
	return id, nil
}

// nodeOf finds the node of the group that has the key.
func nodeOf(g *ledger.Genesis, key *identity.Key) (ledger.ID, error) {
	public := key.Public()
	for _, m := range g.Group.Nodes {
		if bytes.Equal(m.Key[:], public[:]) {
			return m.Node, nil
		}
	}
	return ledger.ID{}, fmt.Errorf("key %s belongs to no node of the genesis", key.ID().Short())
}
