package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
)

// Group returns the group that signs the block being made.
func (n *Node) Group(ctx context.Context) (*ledger.Group, error) {
	return governance.Group(n.State(ctx))
}

// GroupTrail returns the part of the groups' trail that begins with the end of
// an epoch, see [ledger.Groups]. It ends where no handover follows that a
// quorum signed, or where it has its largest size: ask again from there.
func (n *Node) GroupTrail(ctx context.Context, from uint64) (ledger.GroupTrail, error) {
	var trail ledger.GroupTrail
	size := 16
	for number := from; len(trail.Handovers) < ledger.MaxHandovers; number++ {
		h, err := n.handover(ctx, number)
		if err != nil || h == nil {
			return trail, err
		}
		b, err := ledger.Encode(h)
		if err != nil {
			return trail, err
		}
		if size += len(b); size > ledger.MaxTrailBytes {
			break
		}
		trail.Handovers = append(trail.Handovers, *h)
	}
	return trail, nil
}

// handover returns the end of an epoch, nil where it has not ended or no quorum
// signed it yet.
func (n *Node) handover(ctx context.Context, number uint64) (*ledger.Handover, error) {
	next, ok, err := governance.LoadEpoch(n.State(ctx), number+1)
	if err != nil || !ok {
		return nil, err
	}
	group, err := n.groupOf(ctx, number)
	if err != nil {
		return nil, err
	}
	height := next.First - 1
	header, signatures, err := n.Header(ctx, height)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // executed, not stored yet
	}
	if err != nil {
		return nil, err
	}
	if len(signatures) < group.Quorum() {
		if signatures = n.gather(ctx, group, height, header, signatures); len(signatures) < group.Quorum() {
			return nil, nil //nolint:nilnil // not yet
		}
	}
	return &ledger.Handover{Header: header, Signatures: signatures, Next: next.Group}, nil
}

// groupOf returns the group of an epoch that has begun.
func (n *Node) groupOf(ctx context.Context, number uint64) (*ledger.Group, error) {
	if number == 0 {
		return &n.config.Genesis.Group, nil
	}
	e, ok, err := governance.LoadEpoch(n.State(ctx), number)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: epoch %d", ErrNotFound, number)
	}
	return &e.Group, nil
}

// gatherTimeout bounds how long other nodes are asked for signatures, all
// together.
const gatherTimeout = 10 * time.Second

// gather adds to the signatures of a header those that the other nodes of its
// group have stored. They are for an answer and are not stored: only the keeper
// stores. It ends with a quorum, and asks for gatherTimeout at most.
func (n *Node) gather(
	ctx context.Context, group *ledger.Group, height uint64, header []byte, signatures []ledger.HeaderSignature,
) []ledger.HeaderSignature {
	ctx, cancel := context.WithTimeout(ctx, gatherTimeout)
	defer cancel()
	digest := ledger.Hash(header)
	for _, member := range group.Nodes {
		if member.Node == n.config.Self || len(signatures) >= group.Quorum() {
			continue
		}
		_, theirs, err := n.link.Header(ctx, member.Node, height)
		if err != nil {
			continue // that node is behind, away, or has stopped
		}
		for _, s := range theirs {
			more := append(slices.Clip(signatures), s)
			if s.Header == digest && ledger.CountSigners(header, group, more, n.config.Verify) == len(more) {
				signatures = more
			}
		}
	}
	return signatures
}
