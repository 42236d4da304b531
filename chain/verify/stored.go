package verify

import (
	"bytes"
	"context"
	"fmt"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// stored reads a chain from a node's store.
type stored struct{ store.Store }

// Height implements [Source].
func (s stored) Height(ctx context.Context) (uint64, bool, error) {
	applied, ok, err := s.Applied(ctx)
	return applied.Height, ok, err
}

// Block implements [Source].
func (s stored) Block(ctx context.Context, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	raw, err := s.Store.Block(ctx, height)
	if err != nil {
		return nil, nil, err
	}
	signatures, err := s.Signatures(ctx, height)
	return raw, signatures, err
}

// unread tells what an error of the source means: a store that cannot be read
// is damaged, a source elsewhere may answer the next time.
func (w *walk) unread(where string, err error) error {
	if w.in.Store != nil {
		return finding("storage", where, "%v", err)
	}
	return fmt.Errorf("read %s: %w", where, err)
}

// kept compares all that a store keeps with what execution gave.
func (w *walk) kept(ctx context.Context, height uint64) error {
	if w.in.Store == nil {
		return nil
	}
	if err := w.position(ctx); err != nil {
		return err
	}
	if err := w.rows(ctx, height); err != nil {
		return err
	}
	return w.audit(ctx, height)
}

// beside checks the header that a store keeps beside the block.
func (w *walk) beside(ctx context.Context, height uint64) error {
	if w.in.Store == nil {
		return nil
	}
	header, err := w.in.Store.Header(ctx, height)
	if err != nil || ledger.Hash(header) != w.previous {
		return finding("header", fmt.Sprintf("header %d", height), "the header stored beside the block is not the block's")
	}
	return nil
}

// place checks that the store finds a transaction where its result stands:
// from there a node tells its outcome.
func (w *walk) place(ctx context.Context, where string, height uint64, index int, id ledger.Digest) error {
	if w.in.Store == nil {
		return nil
	}
	h, i, ok, err := w.in.Store.Transaction(ctx, id)
	switch {
	case err != nil:
		return finding("storage", where, "%v", err)
	case !ok:
		return finding("index", where, "transaction %s is not found by its id", id.Short())
	case h != height || uint64(i) != uint64(index):
		return finding("index", where, "transaction %s is found in block %d at %d", id.Short(), h, i)
	}
	w.expected.places[id] = place{height: h, index: i}
	return nil
}

// history compares what the store tells of the rows that a block changed, as of
// that block: who asks for the past must get what was.
func (w *walk) history(ctx context.Context, height uint64) error {
	if w.in.Store == nil {
		return nil
	}
	for _, change := range w.writes {
		w.expected.write(height, &change)
		where := fmt.Sprintf("row %q after block %d", change.Key, height)
		value, ok, err := w.in.Store.Get(ctx, height, change.Key)
		if err != nil {
			return finding("storage", where, "%v", err)
		}
		if ok == change.Delete || !bytes.Equal(value, change.Value) {
			return finding("history", where, "the stored value is not what execution gives")
		}
	}
	return nil
}

// position compares where the store says that execution stands, from which a
// node would go on.
func (w *walk) position(ctx context.Context) error {
	applied, _, err := w.in.Store.Applied(ctx)
	if err != nil {
		return finding("storage", "store", "%v", err)
	}
	var last ledger.Digest // none after genesis
	switch {
	case len(w.last.Envelope) != 0:
		last = ledger.Hash(w.last.Envelope)
	case w.next > 0:
		last = ledger.Digest(w.last.Skipped)
	}
	for _, field := range []struct {
		name         string
		stored, want any
	}{
		{"next offset", applied.NextOffset, w.next},
		{"last record", applied.LastRecord, last},
		{"commitment", ledger.Hash(applied.Commitment), ledger.Hash(w.commitment)},
	} {
		if field.stored != field.want {
			return finding("position", "applied position", "%s is %v, execution gives %v", field.name, field.stored, field.want)
		}
	}
	return nil
}

// rows compares the stored state, row by row, with what execution led to: as
// of the newest height, and as a node's execution would read it.
func (w *walk) rows(ctx context.Context, height uint64) error {
	stored := uint64(0)
	for after := []byte(nil); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rows, err := w.in.Store.Scan(ctx, height, nil, after, store.MaxScanRows)
		if err != nil {
			return finding("storage", "state", "%v", err)
		}
		for i := range rows {
			if err := w.row(ctx, &rows[i]); err != nil {
				return err
			}
			stored++
		}
		if len(rows) < store.MaxScanRows {
			break
		}
		after = rows[len(rows)-1].Key
	}
	if want := uint64(len(w.state.rows)); stored != want {
		return finding("state", "rows", "%d are stored, execution gives %d", stored, want)
	}
	return nil
}

func (w *walk) row(ctx context.Context, r *store.Row) error {
	where := fmt.Sprintf("row %q", r.Key)
	want, ok, _ := w.state.Get(contract.Key(r.Key)) // memory
	if !ok || !bytes.Equal(want, r.Value) {
		return finding("state", where, "the stored value is not what execution gives")
	}
	latest, ok, err := w.in.Store.Latest(ctx, r.Key)
	if err != nil {
		return finding("storage", where, "%v", err)
	}
	if !ok || !bytes.Equal(want, latest) {
		return finding("state", where, "the newest value is not what execution gives")
	}
	return nil
}
