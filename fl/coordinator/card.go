package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/card"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/round"
)

// writeCard makes the card of a job all of whose rounds are final.
func (w *worker) writeCard(ctx context.Context) (*round.File, error) {
	b, err := card.Bytes(rowByRow{ctx, w.config.Ledger}, w.id)
	if err != nil {
		return nil, err
	}
	return w.put(ctx, b)
}

// rowByRow reads each row in a View of its own: execution goes on in between,
// and rows that change no more need no common one.
type rowByRow struct {
	ctx    context.Context //nolint:containedctx // contracts read without one; this value belongs to one call
	ledger Ledger
}

// Get implements [contract.State].
func (r rowByRow) Get(key contract.Key) (value []byte, ok bool, err error) {
	err = r.ledger.View(r.ctx, func(state contract.Range, _ int64) error {
		value, ok, err = state.Get(key)
		return err
	})
	return value, ok, err
}

// maxCardBytes bounds a card that is read back.
const maxCardBytes = 64 << 20

// Card returns the model card of a finished job as JSON.
func (s *Service) Card(ctx context.Context, id ledger.Digest) (card []byte, err error) {
	var j *fl.Job
	err = s.config.Ledger.View(ctx, func(state contract.Range, _ int64) error {
		found, ok, err := fl.LoadJob(state, id)
		if err == nil && (!ok || found.Card.IsZero()) {
			err = fmt.Errorf("%w: job %s has no model card yet", ErrNotFound, id)
		}
		j = found
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.Ensure(ctx, j.Card, j.CardSize); err != nil {
		return nil, err
	}
	file, err := s.config.Blobs.Get(ctx, j.Card)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if file.Size() > maxCardBytes {
		return nil, fmt.Errorf("read the model card: %d bytes, at most %d are allowed", file.Size(), maxCardBytes)
	}
	return io.ReadAll(io.NewSectionReader(file, 0, file.Size()))
}
