package node

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// ErrNotFound tells that this node does not have what was asked for.
var ErrNotFound = errors.New("not found at this node")

// Outcome returns what became of a transaction, or false where this node did
// not execute it.
func (n *Node) Outcome(id ledger.Digest) (Outcome, bool, error) {
	if o, ok := n.recent.outcome(id); ok {
		return o, true, nil
	}
	height, index, ok, err := n.store.Transaction(id)
	if err != nil || !ok {
		return Outcome{}, false, err
	}
	block, _, err := n.Block(height)
	if err != nil {
		return Outcome{}, false, err
	}
	return outcomeOf(&block.Results[index], block.Header.LogTime, ""), true, nil
}

// Block returns a stored block with the digest of its header.
func (n *Node) Block(height uint64) (ledger.Block, ledger.Digest, error) {
	raw, err := n.store.Block(height)
	if errors.Is(err, store.ErrNotFound) {
		return ledger.Block{}, ledger.Digest{}, fmt.Errorf("%w: block %d", ErrNotFound, height)
	}
	if err != nil {
		return ledger.Block{}, ledger.Digest{}, err
	}
	block, err := ledger.ParseBlock(raw)
	if err != nil {
		return block, ledger.Digest{}, fmt.Errorf("read block %d: %w", height, err)
	}
	digest, err := block.Header.Digest()
	return block, digest, err
}

// Header returns a stored header with the signatures known for it.
func (n *Node) Header(height uint64) ([]byte, []ledger.HeaderSignature, error) {
	header, err := n.store.Header(height)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, fmt.Errorf("%w: header %d", ErrNotFound, height)
	}
	if err != nil {
		return nil, nil, err
	}
	signatures, err := n.store.Signatures(height)
	return header, signatures, err
}

// Transaction returns a stored transaction's signed bytes and its place.
func (n *Node) Transaction(id ledger.Digest) (raw []byte, height uint64, err error) {
	height, index, ok, err := n.store.Transaction(id)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, fmt.Errorf("%w: transaction %s is in no block", ErrNotFound, id)
	}
	block, _, err := n.Block(height)
	if err != nil {
		return nil, 0, err
	}
	all, err := block.TransactionBytes()
	if err != nil {
		return nil, 0, err
	}
	return all[index], height, nil
}

// Proof returns the proof of a transaction's result. It waits until the
// transaction's block is final.
func (n *Node) Proof(ctx context.Context, id ledger.Digest) (ledger.ResultProof, error) {
	var proof ledger.ResultProof
	outcome, ok, err := n.Outcome(id)
	if err != nil {
		return proof, err
	}
	if !ok {
		return proof, fmt.Errorf("%w: transaction %s", ErrNotFound, id)
	}
	if err := n.AwaitFinal(ctx, outcome.Position); err != nil {
		return proof, err
	}
	height, index, ok, err := n.store.Transaction(id)
	if err != nil {
		return proof, err
	}
	if !ok {
		return proof, fmt.Errorf("%w: transaction %s is in no block", ErrNotFound, id)
	}
	block, _, err := n.Block(height)
	if err != nil {
		return proof, err
	}
	leaves, err := block.ResultLeaves()
	if err != nil {
		return proof, err
	}
	proof = ledger.ResultProof{
		Leaf: leaves[index], Index: uint64(index), Size: uint64(len(leaves)),
		Path: ledger.MerklePath(leaves, int(index)),
	}
	proof.Header, proof.Signatures, err = n.quorumHeader(ctx, height)
	return proof, err
}

// quorumHeader waits until as many signatures of a header are stored as make
// a quorum: those of a block below the newest final one may come later.
func (n *Node) quorumHeader(ctx context.Context, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	for {
		_, changed := n.board.read()
		header, signatures, err := n.Header(height)
		if err != nil || len(signatures) >= n.config.Genesis.Group.Quorum() {
			return header, signatures, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("wait for the signatures of header %d: %w", height, context.Cause(ctx))
		case <-n.stopped:
			return nil, nil, n.stopError()
		}
	}
}

// Follow calls visit for each executed transaction at or after the given
// position, oldest first, from the store, then live, until ctx ends or visit
// fails.
func (n *Node) Follow(ctx context.Context, from ledger.Position, visit func(Outcome) error) error {
	next := from
	for {
		status, changed := n.board.read()
		last, err := n.replay(next, status, visit)
		if err != nil {
			return err
		}
		if last == next {
			select {
			case <-changed:
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-n.stopped:
				return n.stopError()
			}
		}
		next = last
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// replay visits what was executed from the position on and is known now, and
// returns the position behind the last visited.
func (n *Node) replay(from ledger.Position, status Status, visit func(Outcome) error) (ledger.Position, error) {
	// Taken before the store is read: what leaves these records meanwhile is
	// in a block that the store has.
	records := n.recent.from(from.Offset)
	pass := func(r *ledger.Result, logTime int64, detail string) error {
		if r.Position.Less(from) {
			return nil
		}
		from = ledger.Position{Offset: r.Position.Offset, Index: r.Position.Index + 1}
		return visit(outcomeOf(r, logTime, detail))
	}
	for h := n.blockOf(from, status.Height); h <= status.Height; h++ {
		block, _, err := n.Block(h)
		if err != nil {
			return from, err
		}
		for i := range block.Results {
			if err := pass(&block.Results[i], block.Header.LogTime, ""); err != nil {
				return from, err
			}
		}
	}
	for _, e := range records {
		for i := range e.Results {
			if err := pass(&e.Results[i], e.LogTime, e.Details[i]); err != nil {
				return from, err
			}
		}
	}
	return from, nil
}

// blockOf returns the first height, at most height+1, whose block ends at or
// after the position.
func (n *Node) blockOf(p ledger.Position, height uint64) uint64 {
	i := sort.Search(int(height), func(i int) bool { //nolint:gosec // heights fit
		raw, err := n.store.Header(uint64(i) + 1) //nolint:gosec // not negative
		if err != nil {
			return true // met again, and reported, when the block is read
		}
		header, err := ledger.ParseHeader(raw)
		return err != nil || !header.Last.Less(p)
	})
	return uint64(i) + 1 //nolint:gosec // not negative
}
