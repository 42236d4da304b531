package node

import (
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
)

// pipeline is every queue of a node.
//
//	gateway  ─door───▶ batcher ──▶ log ──▶ follower ─entries─▶ core ─commits─▶ keeper ──▶ store
//	core     ─control▶ appender ─▶ log                          ▲  ▲              │
//	others   ─signatures──────────────────────────────────────┘  └────kept─────┘
//	core     ─evidence▶ reporter ─▶ gateway
//	others   ─pulls───▶ core ─old pulls─▶ readers ◀── store
//
// All are bounded; a full queue holds its sender back, but for signatures,
// which may be dropped since the core asks for missing ones, and for what others
// ask, who are told to ask again.
type pipeline struct {
	door       chan admitted               // gateway → batcher: transactions to append
	control    chan ledger.Record          // core → appender: clocks and markers
	entries    chan []order.Entry          // follower → core
	commits    chan work                   // core → keeper: blocks to store, headers to sign
	kept       chan kept                   // keeper → core: what is stored
	signatures chan ledger.HeaderSignature // other nodes → core
	pulls      chan pullRequest            // other nodes → core: what do you know of a height?
	oldPulls   chan pullRequest            // core → readers: heights that the store must be read for
	answers    chan answer                 // other nodes → core: what they know
	wantFinal  chan struct{}               // whoever waits for final → core
	evidence   chan lokka.Equivocation     // core → reporter: nodes that signed twice
}

// The bounds of the queues. The door's is the window: a client never waits before
// it, where its context could not reach it, but is told that the node is busy.
const (
	controlQueue   = 64
	entriesQueue   = 4
	commitsQueue   = 4
	keptQueue      = 64
	signatureQueue = 1_024
	evidenceQueue  = 16
	oldPullsQueue  = 256
)

// readBytes is how much the follower asks of the log at once.
const readBytes = 1 << 20

func newPipeline(window int) *pipeline {
	return &pipeline{
		door:       make(chan admitted, window),
		control:    make(chan ledger.Record, controlQueue),
		entries:    make(chan []order.Entry, entriesQueue),
		commits:    make(chan work, commitsQueue),
		kept:       make(chan kept, keptQueue),
		signatures: make(chan ledger.HeaderSignature, signatureQueue),
		pulls:      make(chan pullRequest, signatureQueue),
		oldPulls:   make(chan pullRequest, oldPullsQueue),
		answers:    make(chan answer, signatureQueue),
		wantFinal:  make(chan struct{}, 1),
		evidence:   make(chan lokka.Equivocation, evidenceQueue),
	}
}

// admitted is a transaction that the gateway let in.
type admitted struct {
	id  ledger.Digest
	raw []byte
}

// work is what the keeper does next: exactly one field is set.
type work struct {
	commit *store.Commit
	sign   *signWork
	keep   []ledger.HeaderSignature
	final  *finalWork
}

// finalWork is a header whose quorum stands before it in the queue.
type finalWork struct {
	height uint64
	header []byte
}

type signWork struct {
	height uint64
	header []byte
}

// kept is what the keeper did.
type kept struct {
	applied uint64 // height of a stored block, or 0
	next    uint64 // offset after that block's last record
	signed  *ledger.HeaderSignature
	final   *finalWork
}
