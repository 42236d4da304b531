package fsck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

// checkKeys reads every key and looks it up in the genesis, and on the ledger as
// the stores here have it. A stranger may come onto it yet, so it is a note but
// for a node's only key.
func (c *check) checkKeys(ctx context.Context) {
	known := c.knownKeys()
	err := c.dir.WalkFiles(func(path string, _ fs.FileInfo) error {
		if c.strays(path) {
			return nil
		}
		full := filepath.Join(string(c.dir), filepath.FromSlash(path))
		switch localnet.KindOf(path) { //nolint:exhaustive // the others are no secrets
		case localnet.FileToken:
			if token, err := c.dir.ReadToken(); err != nil {
				c.find("token", path, "%v", err)
			} else if !strings.HasPrefix(token, "lbr_") {
				c.find("token", path, "it does not begin with lbr_; %s", remedy(localnet.FileToken))
			}
		case localnet.FileKey:
			key, err := localnet.LoadKey(full)
			if errors.Is(err, fs.ErrPermission) {
				c.note("%s: not readable by who runs this: not checked", path)
				return nil
			}
			if errors.Is(err, keyfile.ErrLocked) {
				c.note("%s: encrypted, or on a token: not checked", path)
				return nil
			}
			if err != nil {
				c.find("key", path, "%v; %s", err, remedy(localnet.FileKey))
				return nil
			}
			c.Checked.Keys++
			if known != nil && !known[key.Public()] && !c.onLedger(ctx, key.ID()) {
				c.strangeKey(path, key.ID())
			}
		}
		return nil
	})
	if err != nil {
		c.find("files", string(c.dir), "%v", err)
	}
	if c.genesis == nil {
		return
	}
	for _, i := range c.places() {
		if _, err := os.Lstat(c.dir.Node(i)); err != nil || c.irregular[nodeName(i)] {
			continue
		}
		if _, err := os.Lstat(c.dir.Key(i)); errors.Is(err, fs.ErrNotExist) {
			c.find("key", fmt.Sprintf("node-%d/key", i), "it is missing; %s", remedy(localnet.FileKey))
		}
	}
	if _, err := os.Lstat(c.dir.Token()); errors.Is(err, fs.ErrNotExist) {
		c.find("token", "token", "it is missing; %s", remedy(localnet.FileToken))
	}
}

func (c *check) strangeKey(path string, id ledger.Digest) {
	_, err := os.Stat(filepath.Join(string(c.dir), filepath.FromSlash(filepath.Dir(path)), "id"))
	if filepath.Base(path) == "key" && err != nil { // nodes that came later have an id beside their key
		c.find("key", path, "key %s belongs to no node of the genesis or the ledger; %s", id.Short(), remedy(localnet.FileKey))
		return
	}
	c.note("%s: key %s is neither of the genesis nor on the ledger as of the stores here: nobody agreed on it yet, or it is a stranger's", path, id.Short())
}

// onLedger looks a key up in the stores here; what they can't tell is found when
// they are read.
func (c *check) onLedger(ctx context.Context, id ledger.Digest) bool {
	return slices.ContainsFunc(c.nodes, func(n *node) bool {
		if n.store == nil {
			return false
		}
		_, ok, err := contract.LoadFrom[members.KeyOwner](localnet.Newest(ctx, n.store), members.KeyRow(id))
		return ok && err == nil
	})
}

// places lists the indexes of the nodes of the genesis and of those that came
// later and have run.
func (c *check) places() []int {
	var places []int
	for i := range c.genesis.Group.Nodes {
		places = append(places, i)
	}
	for _, n := range c.nodes {
		if n.index >= len(c.genesis.Group.Nodes) {
			places = append(places, n.index)
		}
	}
	return places
}

// knownKeys are the keys of the genesis, nil where it cannot be read.
func (c *check) knownKeys() map[ledger.PublicKey]bool {
	if c.genesis == nil {
		return nil
	}
	known := map[ledger.PublicKey]bool{}
	for _, n := range c.genesis.Group.Nodes {
		known[n.Key] = true
	}
	for _, m := range c.genesis.Members {
		known[m.Key] = true
	}
	for _, d := range c.genesis.Delegates {
		known[d.Key] = true
	}
	return known
}
