package api

import (
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/api/bearer"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/search/indexer"
)

// Config is what the interface stands on. All but Search, Now, Random,
// Logger and Limits must be set.
type Config struct {
	Node         *node.Node
	Coordinator  Coordinator
	Blobs        blob.Store
	Aggregations *aggregation.Service
	Genesis      []byte // the genesis file
	Tokens       *bearer.Store
	Audit        *auditlog.Log
	Search       *indexer.Indexer // nil: this node has no index
	NameTaken    func() bool      // whether another holds the node's name in the registry; nil: it has none there
	Now          func() time.Time
	Random       io.Reader // nonces and missing idempotency keys
	Logger       *slog.Logger
	Limits       Limits
}

// Limits bound what a client may ask. Zero stands for the default.
type Limits struct {
	BodyBytes int64 // of a submission; 16 MiB
	// BatchLength is how many transactions a submission may hold. It is 4,096, or
	// what the node lets one member have under way where that is less: a longer
	// batch of one member would never be let in, however idle the node is.
	BatchLength int
	UploadBytes int64         // of one upload; 1 GiB
	Uploads     int           // open at once; 256
	UploadLife  time.Duration // how long an upload may lie untouched; 1 h
	Wait        time.Duration // longest wait for execution, quorum, receipts; 30 s
	Poll        time.Duration // longest wait for a task; 60 s
	// Of Streams, Tasks and Reads a member has a sixteenth.
	Streams   int           // event streams at once; 1,024
	Tasks     int           // waits for tasks at once; 4,096, room for two cohorts of [job.MaxPeers]
	Idle      time.Duration // a transfer that stands still for longer is cut off; 30 s
	PartRate  int64         // bytes a second that a part of an upload must come with, and content must be read with; 8 KiB
	PartTime  time.Duration // what one part may take, however steadily it comes; 10 min
	Heartbeat time.Duration // of event streams; 15 s
	Reads     int           // reads at once that wait for a position; 1,024
	// MemberRequests and MemberBytes bound what each member asks and moves, both
	// ways; 2,000 a second and 4,000 at once, 256 MiB a second and 1 GiB at once.
	MemberRequests, MemberBytes Rate
	// Strangers bounds requests without a token that counts, for each IPv4 address
	// or 64 bits of IPv6 address; 20 a second and 200 at once.
	Strangers Rate
	// Connections bounds those that are open at once, and AddressConnections those of
	// one address, as Strangers has it: 8,192 and 2,048. What is too much of an address
	// is closed.
	Connections, AddressConnections int
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.BodyBytes, 16<<20)
	setDefault(&l.BatchLength, maxBatch)
	setDefault(&l.UploadBytes, 1<<30)
	setDefault(&l.Uploads, 256)
	setDefault(&l.UploadLife, time.Hour)
	setDefault(&l.Wait, 30*time.Second)
	setDefault(&l.Poll, time.Minute)
	setDefault(&l.Streams, 1_024)
	setDefault(&l.Tasks, 4_096)
	setDefault(&l.Idle, 30*time.Second)
	setDefault(&l.PartRate, 8<<10)
	setDefault(&l.PartTime, 10*time.Minute)
	setDefault(&l.Heartbeat, 15*time.Second)
	setDefault(&l.Reads, 1_024)
	setDefault(&l.MemberRequests, Rate{PerSecond: 2_000, Burst: 4_000})
	setDefault(&l.MemberBytes, Rate{PerSecond: 256 << 20, Burst: 1 << 30})
	setDefault(&l.Strangers, Rate{PerSecond: 20, Burst: 200})
	setDefault(&l.Connections, 8_192)
	setDefault(&l.AddressConnections, 2_048)
	return l
}

// maxMetered is how many members, and how many addresses, are told apart by what
// they asked lately; about 400 bytes each.
const maxMetered = 16_384

// maxBatch is the default of [Limits.BatchLength] at a node with the default
// window.
const maxBatch = 4_096

func setDefault[T comparable](at *T, value T) {
	var zero T
	if *at == zero {
		*at = value
	}
}

// withDefaults checks the configuration and fills in what is not set.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Node == nil, c.Coordinator == nil, c.Blobs == nil, c.Aggregations == nil:
		return c, errors.New("open the API: node, coordinator, blobs and aggregations must be given")
	case ledger.Hash(c.Genesis) != c.Node.Config().Chain:
		return c, errors.New("open the API: the genesis is not the node's")
	case c.Tokens == nil, c.Audit == nil:
		return c, errors.New("open the API: the store of tokens and the audit log must be given")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	// A member has a quarter of the node's window.
	setDefault(&c.Limits.BatchLength, min(maxBatch, max(1, c.Node.Config().Window/4)))
	c.Limits = c.Limits.withDefaults()
	return c, nil
}
