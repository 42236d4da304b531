package fsck

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

// checkKeys reads every key and looks it up in the genesis. Keys that came onto
// the ledger later are not there, so a stranger is a note but for the nodes'.
func (c *check) checkKeys() {
	known := c.knownKeys()
	err := c.dir.WalkFiles(func(path string, _ fs.FileInfo) error {
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
			if known != nil && !known[key.Public()] {
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
	for i := range c.genesis.Group.Nodes {
		if _, err := os.Stat(c.dir.Node(i)); err != nil {
			continue
		}
		if _, err := os.Stat(c.dir.Key(i)); errors.Is(err, fs.ErrNotExist) {
			c.find("key", fmt.Sprintf("node-%d/key", i), "it is missing; %s", remedy(localnet.FileKey))
		}
	}
	if _, err := os.Stat(c.dir.Token()); errors.Is(err, fs.ErrNotExist) {
		c.find("token", "token", "it is missing; %s", remedy(localnet.FileToken))
	}
}

func (c *check) strangeKey(path string, id ledger.Digest) {
	_, err := os.Stat(filepath.Join(string(c.dir), filepath.FromSlash(filepath.Dir(path)), "id"))
	if filepath.Base(path) == "key" && err != nil { // nodes that came later have an id beside their key
		c.find("key", path, "key %s belongs to no node of the genesis; %s", id.Short(), remedy(localnet.FileKey))
		return
	}
	c.note("%s: key %s is not of the genesis: a later one, or a stranger's", path, id.Short())
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
