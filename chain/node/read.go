package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/store"
)

// ErrNotFound tells that this node does not have what was asked for.
var ErrNotFound = errors.New("not found at this node")

// Outcome returns what became of a transaction, or false where this node did
// not execute it.
func (n *Node) Outcome(ctx context.Context, id ledger.Digest) (Outcome, bool, error) {
	if o, ok := n.recent.outcome(id); ok {
		return o, true, nil
	}
	block, index, ok, err := n.find(ctx, id)
	if err != nil || !ok {
		return Outcome{}, false, err
	}
	return outcomeOf(&block.Results[index], block.Header.LogTime, ""), true, nil
}

// find returns the stored block that holds a transaction, which callers share,
// and the place of its result in it, or false where none does. The store's
// index is not believed.
func (n *Node) find(ctx context.Context, id ledger.Digest) (block *ledger.Block, place int, ok bool, err error) {
	height, index, ok, err := n.store.Transaction(ctx, id)
	if err != nil || !ok {
		return nil, 0, false, err
	}
	if block, err = n.blocks.get(ctx, n, height); err != nil {
		return nil, 0, false, err
	}
	if uint64(index) >= uint64(len(block.Results)) || block.Results[index].ID != id {
		return nil, 0, false, fmt.Errorf("read transaction %s: its index says block %d, place %d, where it is not", id, height, index)
	}
	return block, int(index), true, nil
}

// BlockBytes returns a stored block as it is kept.
func (n *Node) BlockBytes(ctx context.Context, height uint64) ([]byte, error) {
	raw, err := n.store.Block(ctx, height)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: block %d", ErrNotFound, height)
	}
	return raw, err
}

// LogEnd asks the log which offset its next record will get.
func (n *Node) LogEnd(ctx context.Context) (uint64, error) { return n.log.End(ctx) }

// Block returns a stored block with the digest of its header.
func (n *Node) Block(ctx context.Context, height uint64) (ledger.Block, ledger.Digest, error) {
	raw, err := n.BlockBytes(ctx, height)
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
func (n *Node) Header(ctx context.Context, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	header, err := n.store.Header(ctx, height)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, fmt.Errorf("%w: header %d", ErrNotFound, height)
	}
	if err != nil {
		return nil, nil, err
	}
	signatures, err := n.store.Signatures(ctx, height)
	return header, signatures, err
}

// Transaction returns a stored transaction's signed bytes and its place.
func (n *Node) Transaction(ctx context.Context, id ledger.Digest) (raw []byte, height uint64, err error) {
	block, index, ok, err := n.find(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, fmt.Errorf("%w: transaction %s is in no block", ErrNotFound, id)
	}
	all, err := block.TransactionBytes()
	if err != nil {
		return nil, 0, err
	}
	if len(all) != len(block.Results) {
		return nil, 0, fmt.Errorf("read transaction %s: block %d has %d transactions and %d results", id, block.Header.Height, len(all), len(block.Results))
	}
	return all[index], block.Header.Height, nil
}

// Proof returns the proof of a transaction's result. It waits until the
// transaction's block is final.
func (n *Node) Proof(ctx context.Context, id ledger.Digest) (ledger.ResultProof, error) {
	var proof ledger.ResultProof
	outcome, ok, err := n.Outcome(ctx, id)
	if err != nil {
		return proof, err
	}
	if !ok {
		return proof, fmt.Errorf("%w: transaction %s", ErrNotFound, id)
	}
	if err := n.AwaitFinal(ctx, outcome.Position); err != nil {
		return proof, err
	}
	block, index, ok, err := n.find(ctx, id)
	if err != nil {
		return proof, err
	}
	if !ok {
		return proof, fmt.Errorf("%w: transaction %s is in no block", ErrNotFound, id)
	}
	if proof, err = block.ProveResult(index); err != nil {
		return proof, err
	}
	proof.Header, proof.Signatures, err = n.quorumHeader(ctx, block.Header.Height)
	return proof, err
}

// quorumHeader waits until as many signatures of a header are stored as make
// a quorum: those of a block below the newest final one may come later.
func (n *Node) quorumHeader(ctx context.Context, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	for {
		status, changed := n.board.read()
		raw, signatures, err := n.Header(ctx, height)
		if err != nil {
			return nil, nil, err
		}
		header, err := ledger.ParseHeader(raw)
		if err != nil {
			return nil, nil, fmt.Errorf("read header %d: %w", height, err)
		}
		group, err := n.groupOf(ctx, header.Epoch)
		if err != nil || len(signatures) >= group.Quorum() {
			return raw, signatures, err
		}
		if height+lokka.Window <= status.Final { // the group asks no more
			if signatures = n.gather(ctx, group, height, raw, signatures); len(signatures) < group.Quorum() {
				return nil, nil, fmt.Errorf("%w: %d of %d signatures of header %d, which is final by a later one",
					ErrNotFound, len(signatures), group.Quorum(), height)
			}
			return raw, signatures, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("wait for the signatures of header %d: %w", height, context.Cause(ctx))
		case <-n.stopped:
			return nil, nil, n.stopError(ctx)
		}
	}
}
