package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Info is what a snapshot holds.
type Info struct {
	Height  uint64
	Header  ledger.Digest // the chain hash there
	LogTime int64         // ms
	Epoch   uint64
	Next    uint64 // offset of the record that a restored node reads first
	Topic   ledger.ID
	Rows    uint64
	Bytes   int64 // of the file
}

// Progress is told how many rows are done; of how many is not known before.
type Progress func(rows uint64)

// Newest returns the newest height of a store that a snapshot can be made of: a
// quorum's signatures are stored there.
func Newest(ctx context.Context, trust Trust, s store.Store) (uint64, error) {
	applied, ok, err := s.Applied(ctx)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, fmt.Errorf("look for a height to take a snapshot at: %w: the store holds no block", ErrUnproven)
	}
	for height := applied.Height; height > 0 && height >= applied.Floor; height-- {
		p, err := prove(ctx, trust, s, height)
		if err == nil {
			err = p.check()
		}
		if !errors.Is(err, ErrUnproven) {
			return height, err
		}
	}
	return 0, fmt.Errorf("look for a height to take a snapshot at: %w: no header from %d to %d has a quorum", ErrUnproven, applied.Floor, applied.Height)
}

// Create writes the snapshot at a height. The store may be in use: what it says
// of a height does not change. Without error the bytes are a snapshot that
// [Check] finds right; their state commitment was recomputed.
func Create(ctx context.Context, trust Trust, s store.Store, height uint64, w io.Writer, progress Progress) (Info, error) {
	info, err := create(ctx, trust, s, height, w, progress)
	if err != nil {
		return info, fmt.Errorf("create a snapshot at height %d: %w", height, err)
	}
	return info, nil
}

func create(ctx context.Context, trust Trust, s store.Store, height uint64, w io.Writer, progress Progress) (Info, error) {
	p, err := prove(ctx, trust, s, height)
	if err != nil {
		return Info{}, err
	}
	if err := p.check(); err != nil {
		return Info{}, err
	}
	block, err := s.Block(ctx, height)
	if err != nil {
		return Info{}, err
	}
	if _, err := p.block(block); err != nil {
		return Info{}, err
	}
	counted := &counter{w: w}
	if _, err := io.WriteString(counted, magic); err != nil {
		return Info{}, err
	}
	frames := &frameWriter{w: counted}
	if err := frames.encode(kindHead, &p.head); err != nil {
		return Info{}, err
	}
	if err := p.putTrail(ctx, s, frames); err != nil {
		return Info{}, err
	}
	if err := frames.put(kindBlock, block); err != nil {
		return Info{}, err
	}
	rows, err := p.putRows(ctx, s, frames, progress)
	if err != nil {
		return Info{}, err
	}
	if err := frames.encode(kindEnd, &end{Rows: rows}); err != nil {
		return Info{}, err
	}
	info := p.info(rows)
	info.Bytes = counted.n
	return info, nil
}

func (p *proof) info(rows uint64) Info {
	return Info{
		Height: p.header.Height, Header: ledger.Hash(p.head.Header), LogTime: p.header.LogTime, Epoch: p.header.Epoch,
		Next: p.header.Last.Offset + 1, Topic: p.head.Topic, Rows: rows,
	}
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// prove collects what a store has to show for a header.
func prove(ctx context.Context, trust Trust, s store.Store, height uint64) (*proof, error) {
	applied, _, err := s.Applied(ctx)
	if err != nil {
		return nil, err
	}
	header, err := s.Header(ctx, height)
	if err != nil {
		return nil, err
	}
	signatures, err := s.Signatures(ctx, height)
	if err != nil {
		return nil, err
	}
	p, err := newProof(trust, head{
		Version: ledger.Version, Chain: trust.Chain, Shard: trust.Genesis.Shard, Topic: applied.Topic,
		Header: header, Signatures: signatures,
	})
	if err != nil {
		return nil, err
	}
	for number := uint64(1); number <= p.header.Epoch; number++ {
		h, err := handover(ctx, s, height, number)
		if err != nil {
			return nil, err
		}
		if err := p.follow(&ledger.GroupTrail{Handovers: []ledger.Handover{h}}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// handover reads the end of the epoch before number.
func handover(ctx context.Context, s store.Store, height, number uint64) (h ledger.Handover, err error) {
	next, ok, err := governance.LoadEpoch(at{ctx, s, height}, number)
	if err == nil && !ok {
		err = fmt.Errorf("read state row of epoch %d: missing", number)
	}
	if err != nil {
		return h, err
	}
	h.Next = next.Group
	if h.Header, err = s.Header(ctx, next.First-1); err != nil {
		return h, err
	}
	h.Signatures, err = s.Signatures(ctx, next.First-1)
	return h, err
}

// Handovers returns the heights below the newest block whose headers lead from
// group to group: pruning keeps them.
func Handovers(ctx context.Context, s store.Store) ([]uint64, error) {
	applied, ok, err := s.Applied(ctx)
	if err != nil || !ok {
		return nil, err
	}
	group, err := governance.Group(at{ctx, s, applied.Height})
	if err != nil {
		return nil, err
	}
	var heights []uint64
	for number := uint64(1); number <= group.Epoch; number++ {
		next, ok, err := governance.LoadEpoch(at{ctx, s, applied.Height}, number)
		if err == nil && !ok {
			err = fmt.Errorf("read state row of epoch %d: missing", number)
		}
		if err != nil {
			return nil, err
		}
		heights = append(heights, next.First-1)
	}
	return heights, nil
}

// at is the stored state after a block.
type at struct {
	ctx    context.Context //nolint:containedctx // contracts read without one; this value belongs to one call
	store  store.Store
	height uint64
}

func (a at) Get(key contract.Key) ([]byte, bool, error) {
	return a.store.Get(a.ctx, a.height, []byte(key))
}

// putTrail writes the trail in parts of one handover: the largest fills a tenth
// of a part, and epochs are few.
func (p *proof) putTrail(ctx context.Context, s store.Store, frames *frameWriter) error {
	for number := uint64(1); number <= p.header.Epoch; number++ {
		h, err := handover(ctx, s, p.header.Height, number)
		if err != nil {
			return err
		}
		if err := frames.encode(kindTrail, &ledger.GroupTrail{Handovers: []ledger.Handover{h}}); err != nil {
			return err
		}
	}
	return nil
}

// scanRows is how many rows are read at once. Rows are small; those of executed
// ids, one a block, are not.
const scanRows = 256

func (p *proof) putRows(ctx context.Context, s store.Store, frames *frameWriter, progress Progress) (uint64, error) {
	var batch []row
	var count uint64
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := frames.encode(kindRows, batch)
		count += uint64(len(batch))
		batch, size = batch[:0], 0
		if progress != nil {
			progress(count)
		}
		return err
	}
	_, err := p.scan(ctx, s, func(r store.Row) error {
		if size > 0 && size+len(r.Key)+len(r.Value) > rowsBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		batch = append(batch, row{Key: r.Key, Value: r.Value})
		size += len(r.Key) + len(r.Value)
		return nil
	})
	if err != nil {
		return 0, err
	}
	err = flush()
	return count, err
}
