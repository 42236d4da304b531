package node

import (
	"errors"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// ErrOutside refuses transactions at a node that is not in the group: what it
// would append every node would skip. Another node takes them.
var ErrOutside = errors.New("this node is not in the group that signs")

// seat is this node's place in the group that signs the block being made, as of
// what it has executed, with what else holds for that block.
type seat struct {
	epoch  uint64
	key    *identity.Key // nil: outside the group, or none of the keys here is the one in force
	limits ledger.Limits
}

// takeSeat finds the node's place after a block has ended. The core's goroutine
// calls it, and New.
func (n *Node) takeSeat() {
	group := n.core.Group()
	next := &seat{epoch: group.Epoch, key: n.keyIn(&group), limits: n.core.Limits()}
	before := n.seat.Swap(next)
	if before != nil && before.epoch == next.epoch {
		return
	}
	_, member := group.Find(n.config.Self)
	switch {
	case next.key != nil:
		n.flights.open()
	case member:
		n.logger().Error("the key in force for this node is not here: it follows and signs nothing", "epoch", group.Epoch)
		n.flights.refuse(ErrOutside)
	default:
		n.flights.refuse(ErrOutside)
	}
	if before != nil {
		n.logger().Info("another group signs from here on", "epoch", group.Epoch, "nodes", len(group.Nodes), "signs", next.key != nil)
	}
	n.board.update(func(s *Status) { s.Epoch, s.Signs = group.Epoch, next.key != nil })
}

// keyIn returns the key here that a group lists for this node, nil for none.
func (n *Node) keyIn(group *ledger.Group) *identity.Key {
	return identity.KeyIn(group, n.config.Self, n.keys()...)
}

// keys returns all keys here.
func (n *Node) keys() []*identity.Key {
	return append([]*identity.Key{n.config.Key}, n.config.OtherKeys...)
}

// Key returns the key that is in force for this node, as of what it executed;
// outside the group the one it was given.
func (n *Node) Key() *identity.Key {
	if key := n.seat.Load().key; key != nil {
		return key
	}
	return n.config.Key
}

// Expiry returns the expiry, log time in ms, of a transaction that is signed now and
// may wait for so long; for less where the limits in force ask that. The other
// half of what they allow is for log time, which lags behind the clock.
func (n *Node) Expiry(life time.Duration) int64 {
	most := time.Duration(n.seat.Load().limits.MaxTTL) * time.Millisecond
	return n.config.Now().Add(min(life, most/2)).UnixMilli()
}

// resend puts transactions on the log again that stood in a record of this node
// which came behind a change of the group: it was skipped, and nobody else knows
// of them. Those that were executed meanwhile are not under way any more.
func (n *Node) resend(raw []byte) {
	record, envelope, err := ledger.ParseRecord(raw)
	if err != nil || record.Node != n.config.Self || record.Epoch >= n.seat.Load().epoch || !n.signed(&record, &envelope) {
		return
	}
	for _, t := range record.Transactions {
		_, e, err := ledger.ParseTransaction(t)
		if err != nil {
			continue
		}
		n.flights.again(admitted{id: e.ID(ledger.KindTransaction), raw: t})
	}
}

// signed reports whether a record bears a signature of one of the keys here.
func (n *Node) signed(r *ledger.Record, e *ledger.Envelope) bool {
	for _, key := range n.keys() {
		if e.Key == key.ID() {
			return n.config.Verify(key.Public(), e.SigStructure(r.SigKind()), e.Signature)
		}
	}
	return false
}
