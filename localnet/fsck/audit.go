package fsck

import (
	"errors"
	"io/fs"

	"github.com/librum/librum/api/auditlog"
)

// checkAudit follows the chain of lines of each node's audit log, over all its
// files. Lines cut off at the end are found with the manifest alone, or with a
// head kept elsewhere.
func (c *check) checkAudit() {
	if c.genesis == nil {
		return // the chain that a log begins with is not known
	}
	for _, i := range c.places() {
		where := nodeName(i) + "/audit.jsonl"
		if c.strays(where) || c.linkedAudit(nodeName(i)) {
			continue // it was named
		}
		f, err := auditlog.Read(c.dir.Audit(i))
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
