package fsck

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/librum/librum/localnet"
)

// lookAround names whatever is no file and no directory: nothing here makes such
// a thing, and none is followed or opened (invariant 4). A link may lead to a
// file that whoever runs this may read and whoever made it may not, or make one
// node's data look like that of many.
func (c *check) lookAround() error {
	if _, err := os.Stat(string(c.dir)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", localnet.ErrNoNetwork, err)
	}
	c.irregular = map[string]bool{}
	return c.dir.WalkFiles(func(path string, info fs.FileInfo) error {
		switch mode := info.Mode(); {
		case mode.IsRegular():
			return nil
		case mode&fs.ModeSymlink != 0:
			to, err := os.Readlink(filepath.Join(string(c.dir), filepath.FromSlash(path)))
			if err != nil {
				return err
			}
			c.find("irregular", path, "a symbolic link to %q, which is not followed; put what it leads to in its place", to)
		default:
			c.find("irregular", path, "no file: its mode is %s; put the file back from a copy", mode)
		}
		c.irregular[path] = true
		return nil
	})
}

// linkedKeys reports whether one of the keys of a node is irregular.
func (c *check) linkedKeys(node string) bool {
	for irregular := range c.irregular {
		if strings.HasPrefix(irregular, node+"/key") {
			return true
		}
	}
	return false
}

// linkedAudit reports whether one of the files of a node's audit log is irregular.
func (c *check) linkedAudit(node string) bool {
	for irregular := range c.irregular {
		if strings.HasPrefix(irregular, node+"/") && localnet.KindOf(irregular) == localnet.FileAudit {
			return true
		}
	}
	return false
}

// strays reports whether a path, or something on the way to it or below it, is
// irregular, so that it is not to be read.
func (c *check) strays(path string) bool {
	for irregular := range c.irregular {
		if irregular == path || strings.HasPrefix(irregular, path+"/") || strings.HasPrefix(path, irregular+"/") {
			return true
		}
	}
	return false
}
