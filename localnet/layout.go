package localnet

import (
	"path"
	"strings"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/internal/durable"
)

// FileKind says what a file of a directory is for.
type FileKind string

// The kinds.
const (
	FileGenesis     FileKind = "genesis"
	FileToken       FileKind = "token"
	FileKey         FileKind = "key"
	FileBearer      FileKind = "bearer" // a token that a node knows, as a hash, with its delegate key
	FileLog         FileKind = "log"
	FileStore       FileKind = "store"
	FileBlob        FileKind = "blob"
	FileUpload      FileKind = "upload"      // not finished; its peer sends it again
	FileAggregation FileKind = "aggregation" // of one without a job: its owner's, and deleted once it expires
	FileTemporary   FileKind = "temporary"   // cleared at start
	FileLock        FileKind = "lock"
	FileManifest    FileKind = "manifest"
	FileAudit       FileKind = "audit"    // of administrative acts at a node's door
	FileEvidence    FileKind = "evidence" // that a node diverged
	FileEgress      FileKind = "egress"   // what left a peer; its process may add to it
	FileNode        FileKind = "node"     // id and enrolment of one that came later
	FilePause       FileKind = "pause"    // of a peer, made and removed by its owner
	FileAuthority   FileKind = "ca"       // keys, register and evidence of a certificate authority
	FileIssued      FileKind = "issued"   // what an authority gives away
	FileIndex       FileKind = "index"    // of search, built from the store
	FileOther       FileKind = "other"
)

const (
	manifestName = "manifest.cbor"
	auditName    = "audit.jsonl"
)

// Rebuilt reports whether files of the kind are made again by themselves, so
// that nothing is lost with one.
func (k FileKind) Rebuilt() bool {
	return k == FileUpload || k == FileTemporary || k == FileLock || k == FileManifest || k == FileIndex
}

// Secret reports whether files of the kind are for their owner alone.
func (k FileKind) Secret() bool {
	return k == FileToken || k == FileKey || k == FileBearer || k == FileAuthority
}

// OfAuthority reports whether files of the kind are a certificate authority's,
// which works while the network stands still.
func (k FileKind) OfAuthority() bool { return k == FileAuthority || k == FileIssued }

// KindOf tells the kind of a file by its path below the directory.
func KindOf(file string) FileKind {
	switch file {
	case "genesis.cbor":
		return FileGenesis
	case "token":
		return FileToken
	case manifestName:
		return FileManifest
	}
	dir, name := path.Split(file)
	top, rest, _ := strings.Cut(file, "/")
	part, below, _ := strings.Cut(rest, "/")
	node := strings.HasPrefix(top, "node-")
	switch {
	case name == "LOCK" && (dir == "log/" || node && (rest == "store/LOCK" || rest == "blobs/LOCK")):
		return FileLock
	case top == "log":
		return FileLog
	case node && part == "store":
		return FileStore
	case node && part == "blobs" && strings.HasPrefix(below, "partial/"):
		return FileUpload
	case node && part == "blobs" && strings.HasPrefix(below, "temporary/"):
		return FileTemporary
	case node && part == "blobs":
		return FileBlob
	case node && (rest == auditName || auditlog.IsRotated(rest, auditName)):
		return FileAudit
	case node && rest == "audit.jsonl.lock", node && part == "aggregations" && name == "LOCK":
		return FileLock
	case node && part == "aggregations" && strings.HasPrefix(name, durable.TempPrefix):
		return FileTemporary
	case node && part == "aggregations":
		return FileAggregation
	case node && part == "search":
		return FileIndex
	case node && part == "tokens":
		return FileBearer
	case node && rest == "diverged.cbor":
		return FileEvidence
	case file == "member-key", node && (rest == "key" || rest == "officer-key" || strings.HasPrefix(rest, "key-")),
		top == "peers" && strings.HasSuffix(name, "-key"):
		return FileKey
	case node && (rest == "id" || rest == "enrolment.json"):
		return FileNode
	case top == "ca" && (rest == "lock" || strings.HasSuffix(name, ".pem")):
		return FileIssued
	case top == "ca":
		return FileAuthority
	case top == "peers" && strings.HasSuffix(name, ".egress.jsonl"):
		return FileEgress
	case top == "peers" && strings.HasSuffix(name, ".paused"):
		return FilePause
	}
	return FileOther
}
