package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/store"
)

// ErrNotFound tells that this node does not have what was asked for.
var ErrNotFound = errors.New("not found at this node")

// Outcome returns what became of a transaction, or false where this node did
// not execute it.
func (n *Node) Outcome(ctx context.Context, id ledger.Digest) (Outcome, bool, error) {
	known, err := n.outcomes(ctx, []ledger.Digest{id})
	o, ok := known[id]
	return o, ok, err
}

// outcomes returns what became of those transactions that this node executed. Each
// is looked up once and each block read once, however they stand in the list: it
// may come from anybody, and a block may hold ten thousand.
func (n *Node) outcomes(ctx context.Context, ids []ledger.Digest) (map[ledger.Digest]Outcome, error) {
	known := make(map[ledger.Digest]Outcome, len(ids))
	looked := make(map[ledger.Digest]bool, len(ids))
	var places []place
	for _, id := range ids {
		if looked[id] {
			continue
		}
		looked[id] = true
		if o, ok := n.recent.outcome(id); ok { // before the store: there it is, once it is here no more
			known[id] = o
			continue
		}
		p, ok, err := n.place(ctx, id)
		if err != nil {
			return nil, err
		}
		if ok {
			places = append(places, p)
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.height, b.height) })
	for _, p := range places {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		block, err := n.blockAt(ctx, p)
		if err != nil {
			return nil, err
		}
		known[p.id] = outcomeOf(&block.Results[p.index], block.Header.LogTime, "")
	}
	return known, nil
}

// place is where the store's index says that a result stands.
type place struct {
	id     ledger.Digest
	height uint64
	index  int
}

func (n *Node) place(ctx context.Context, id ledger.Digest) (place, bool, error) {
	height, index, ok, err := n.store.Transaction(ctx, id)
	return place{id: id, height: height, index: int(index)}, ok, err
}

// blockAt returns the stored block of a place, which callers share. The index is
// not believed.
func (n *Node) blockAt(ctx context.Context, p place) (*ledger.Block, error) {
	block, err := n.blocks.get(ctx, n, p.height)
	if err != nil {
		return nil, err
	}
	if p.index >= len(block.Results) || block.Results[p.index].ID != p.id {
		return nil, fmt.Errorf("read transaction %s: its index says block %d, place %d, where it is not", p.id, p.height, p.index)
	}
	return block, nil
}

// find returns the stored block that holds a transaction, which callers share,
// and the place of its result in it, or false where none does.
func (n *Node) find(ctx context.Context, id ledger.Digest) (block *ledger.Block, index int, ok bool, err error) {
	p, ok, err := n.place(ctx, id)
	if err != nil || !ok {
		return nil, 0, false, err
	}
	block, err = n.blockAt(ctx, p)
	return block, p.index, err == nil, err
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
