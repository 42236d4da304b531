package fsck

import (
	"errors"
	"io/fs"
	"os"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/internal/durable"
)

// checkAudit follows the chain of lines of each node's audit log. Lines cut off
// at the end are found with the manifest alone, or with a head kept elsewhere.
func (c *check) checkAudit() {
	if c.genesis == nil {
		return // the chain that a log begins with is not known
	}
	for _, i := range c.places() {
		where := nodeName(i) + "/audit.jsonl"
		if c.strays(where) {
			continue
		}
		f, err := durable.OpenFile(c.dir.Audit(i), os.O_RDONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the node has not run, or the manifest tells
		}
		if err == nil {
			_, err = auditlog.Check(f, c.chain)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			c.find("audit", where, "%v; put it back from a copy, or move it away and say why", err)
		}
	}
}
