package cassandra

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// partBytes is how much of a block or of a staged commit stands in one row. A
// mutation must stay below half a commit-log segment, 16 MiB by default.
const partBytes = 1 << 20

// slotParts is how many parts a partition of table staged has.
const slotParts = 64

// slotOf returns the partition of a part; the head stands in the first.
func slotOf(part int) int { return part / slotParts }

// headPart is the part of a staged commit that says that the others are there.
const headPart = -1

// maxStagedBytes bounds a staged commit.
const maxStagedBytes = 1 << 30

// stagedHead is the row of headPart.
type stagedHead struct {
	_      struct{} `cbor:",toarray"`
	Height uint64
	Parts  int
	Digest ledger.Digest // of the parts, one behind the other
}

// stagedCommit is [store.Commit] as it is staged.
type stagedCommit struct {
	_             struct{} `cbor:",toarray"`
	Height        uint64
	Header, Block []byte
	Writes        []ledger.Write
	Transactions  []ledger.Digest
	NextOffset    uint64
	LastRecord    ledger.Digest
	Topic         ledger.ID
	Commitment    []byte
}

// parts cuts bytes into rows; of none there is one, empty.
func parts(b []byte) [][]byte {
	var all [][]byte
	for len(b) > partBytes {
		all = append(all, b[:partBytes])
		b = b[partBytes:]
	}
	return append(all, b)
}

// stage is step one of a commit (invariant 1). The parts overwrite those of the
// commit before, which was applied.
func (s *Store) stage(ctx context.Context, c *store.Commit) error {
	encoded, err := ledger.Encode(&stagedCommit{
		Height: c.Height, Header: c.Header, Block: c.Block, Writes: c.Writes, Transactions: c.Transactions,
		NextOffset: c.NextOffset, LastRecord: c.LastRecord, Topic: c.Topic, Commitment: c.Commitment,
	})
	if err != nil {
		return err
	}
	if len(encoded) > maxStagedBytes { // it could not be finished
		return &store.CommitError{Height: c.Height, Field: "size", Reason: fmt.Sprintf("%d bytes, at most %d are staged", len(encoded), maxStagedBytes)}
	}
	cut := parts(encoded)
	head, err := ledger.Encode(&stagedHead{Height: c.Height, Parts: len(cut), Digest: ledger.Hash(encoded)})
	if err != nil {
		return err
	}
	group, ctx2 := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, part := range cut {
		group.Go(func() error { return s.exec(ctx2, putStaged, slotOf(i), i, part, position(c)) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	if err := s.exec(ctx, putStaged, slotOf(headPart), headPart, head, position(c)); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return nil
}

// finish does again what follows the staging of a commit that was not applied.
func (s *Store) finish(ctx context.Context) error {
	row, ok, err := s.one(ctx, getStaged, slotOf(headPart), headPart)
	if err != nil || !ok {
		return err
	}
	var head stagedHead
	if err := ledger.Decode("head of the staged commit", row, maxRowBytes, &head); err != nil {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	if a := s.applied.Load(); a != nil && head.Height <= a.Height {
		return nil
	}
	c, err := s.loadStaged(ctx, head)
	if err != nil {
		return fmt.Errorf("finish block %d: %w", head.Height, err)
	}
	if err := s.next(c); err != nil {
		return fmt.Errorf("finish block %d: %w", head.Height, err)
	}
	if err := s.write(ctx, c); err != nil {
		return fmt.Errorf("finish block %d: %w", head.Height, err)
	}
	s.opts.Logger.Info("finished a block that was under way", "keyspace", s.opts.Keyspace, "height", head.Height)
	return nil
}

func (s *Store) loadStaged(ctx context.Context, head stagedHead) (*store.Commit, error) {
	if head.Parts < 1 || head.Parts > maxStagedBytes/partBytes {
		return nil, fmt.Errorf("%w: it is staged in %d parts", store.ErrCorrupt, head.Parts)
	}
	var encoded []byte
	for i := range head.Parts {
		part, ok, err := s.one(ctx, getStaged, slotOf(i), i)
		if err != nil {
			return nil, err
		}
		if !ok || len(part) > partBytes {
			return nil, fmt.Errorf("%w: part %d of the staged commit is missing or too long", store.ErrCorrupt, i)
		}
		encoded = append(encoded, part...)
	}
	if ledger.Hash(encoded) != head.Digest {
		return nil, fmt.Errorf("%w: the staged commit has another digest than its head says", store.ErrCorrupt)
	}
	var c stagedCommit
	if err := ledger.Decode("staged commit", encoded, maxStagedBytes, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	return &store.Commit{
		Height: c.Height, Header: c.Header, Block: c.Block, Writes: c.Writes, Transactions: c.Transactions,
		NextOffset: c.NextOffset, LastRecord: c.LastRecord, Topic: c.Topic, Commitment: c.Commitment,
	}, nil
}
