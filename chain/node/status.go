package node

import (
	"context"
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// Status is where a node stands.
type Status struct {
	Next      uint64          // offset of the next record to execute
	Members   uint64          // offset behind the last record that may have changed who is a member, or what members may
	Needed    uint64          // offset of the lowest record that this node's next start reads
	LogTime   int64           // ms
	Last      ledger.Position // of the newest executed transaction
	Height    uint64          // blocks stored
	Floor     uint64          // the lowest that is kept, see [store.Applied]
	Final     uint64          // newest final height
	FinalHash ledger.Digest
	FinalLast ledger.Position // position of the last transaction in final blocks
	NotFinal  int             // blocks stored and not final
	Epoch     uint64          // of the group that signs the block being made
	Signs     bool            // whether this node is in it, with its key here
	Diverged  bool
	Skipped   uint64 // records skipped so far
	Err       error  // why the node stopped, nil while it runs
}

// IsFinal reports whether the position lies in a final block.
func (s Status) IsFinal(p ledger.Position) bool { return s.Final > 0 && !s.FinalLast.Less(p) }

// board holds the status and wakes whoever waits for it to change.
type board struct {
	mu      sync.Mutex
	status  Status
	changed chan struct{}
}

func newBoard() *board { return &board{changed: make(chan struct{})} }

func (b *board) update(change func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.status)
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *board) read() (Status, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status, b.changed
}

// Status returns where the node stands.
func (n *Node) Status() Status {
	s, _ := n.board.read()
	return s
}

// Await waits until the condition holds and returns the status then. It fails
// when the context ends or the node stops.
func (n *Node) Await(ctx context.Context, condition func(Status) bool) (Status, error) {
	for {
		s, changed := n.board.read()
		if condition(s) {
			return s, nil
		}
		if s.Err != nil {
			return s, n.stopError(ctx)
		}
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-changed:
		}
	}
}
