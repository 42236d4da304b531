package store

import (
	"context"
	"iter"

	"github.com/librum/librum/chain/ledger"
)

// Commit is what a block leaves behind.
type Commit struct {
	Height uint64
	// Header and Block are the encoded [ledger.Header] and [ledger.Block];
	// empty at height 0 and only there.
	Header, Block []byte
	// Writes is the write set, keys ascending, one per key.
	Writes []ledger.Write
	// Transactions are the ids of the results in order, to be found by
	// [Store.Transaction]. A zero id is not indexed. An id that is indexed
	// already keeps its place, so a replay hides nothing.
	Transactions []ledger.Digest
	// NextOffset is the log offset to read next, LastRecord the SHA-256 of the
	// last record executed, Topic the log they belong to.
	NextOffset uint64
	LastRecord ledger.Digest
	Topic      ledger.ID
	// Commitment is the LtHash sum of the state after this block,
	// [ledger.CommitmentSize] bytes.
	Commitment []byte
}

// Applied says where execution stands.
type Applied struct {
	Height uint64
	// Floor is the lowest height whose state and block are kept: 0 but where the
	// store was restored or pruned.
	Floor      uint64
	NextOffset uint64
	LastRecord ledger.Digest
	Topic      ledger.ID
	Commitment []byte
}

// Row is one row of the state.
type Row struct {
	Key, Value []byte
}

// Past is a header below the floor that is kept: the end of an epoch, which
// leads to the next group.
type Past struct {
	Height uint64
	Header []byte
}

// Audit takes all that a store keeps; what it is given belongs to it. No
// function is nil.
type Audit struct {
	// Version takes each write of a commit: values, and deletions. Of a key's
	// versions at or below the floor the newest one counts; a driver may have
	// forgotten the others, and that one where it deletes.
	Version func(height uint64, w ledger.Write) error
	// Latest takes each row that [Store.Latest] finds, and the height that
	// wrote it.
	Latest func(height uint64, r Row) error
	// Transaction takes each place kept of an id, first the one that
	// [Store.Transaction] tells; a driver may keep that one alone.
	Transaction func(id ledger.Digest, height uint64, index uint32) error
	// Block and Header take the heights of those that are there.
	Block, Header func(height uint64) error
	// Signature takes each signature, whatever its height.
	Signature func(s ledger.HeaderSignature) error
}

// MaxScanRows bounds the rows of one Scan.
const MaxScanRows = 10_000

// Store holds one shard for one node. Its methods are safe for concurrent use,
// except that Apply is called by one goroutine at a time. What it returns
// belongs to the caller.
type Store interface {
	// Get returns the value of key after the block of that height.
	// [ErrNotApplied] where the height is not there yet, [ErrPruned] below the
	// floor.
	Get(ctx context.Context, height uint64, key []byte) (value []byte, ok bool, err error)
	// Latest returns the value of key after the last block applied. It is for
	// whoever applies the next one: while Apply runs it may show either state.
	Latest(ctx context.Context, key []byte) (value []byte, ok bool, err error)
	// Scan returns rows as of a height whose key has the prefix and lies
	// behind after (nil: from the start), keys ascending, at most limit: 1 to
	// [MaxScanRows]. Errors are those of Get.
	Scan(ctx context.Context, height uint64, prefix, after []byte, limit int) ([]Row, error)
	// Apply makes a commit durable as one unit. A [HeightError] where it is
	// not the next one, a [CommitError] where it has the wrong form.
	Apply(ctx context.Context, c *Commit) error
	// Restore fills a store where nothing was applied with the state after block
	// c.Height, which becomes the floor: rows, keys ascending, then c, which has no
	// writes and no transactions. The past is headers below, heights ascending.
	// Where rows fails or the process dies, the store is of no use and says so
	// with [ErrPartial], also when it is opened again.
	Restore(ctx context.Context, c *Commit, past []Past, rows iter.Seq2[Row, error]) error
	// Prune makes height the floor, where it is above it, and forgets what lies
	// below but headers and signatures of the heights in keep. What a crash or an
	// error left is forgotten when it is called again. [ErrNotApplied] where the
	// height is not there yet.
	Prune(ctx context.Context, height uint64, keep []uint64) error
	// Applied returns where execution stands, or false before height 0.
	Applied(ctx context.Context) (Applied, bool, error)
	// Block and Header return encoded bytes, or [ErrNotFound], or [ErrPruned].
	Block(ctx context.Context, height uint64) ([]byte, error)
	Header(ctx context.Context, height uint64) ([]byte, error)
	// Transaction returns where a result stands: block, and index in it. Places
	// below the floor are none.
	Transaction(ctx context.Context, id ledger.Digest) (height uint64, index uint32, ok bool, err error)
	// PutSignature makes a signature durable. Putting it again does nothing;
	// another one for its height and node is refused with [ErrConflict].
	PutSignature(ctx context.Context, s ledger.HeaderSignature) error
	// Signatures returns the durable ones of a height, nodes ascending.
	Signatures(ctx context.Context, height uint64) ([]ledger.HeaderSignature, error)
	// Audit passes on every row that is kept, in no order and as of one moment,
	// those included that no other method would look at: rows that should not
	// be there are seen by this alone. [ErrCorrupt] where one can't be read or
	// is of no kind. An error of a function of a ends it and is returned.
	Audit(ctx context.Context, a Audit) error
	Close() error
}
