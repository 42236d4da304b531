package api

import (
	"context"
	"errors"
	"log/slog"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// clear drops the bytes of an upload that is forgotten. Content goes only if it
// came with that upload, no other has it, and the ledger does not name it.
func (s *server) clear(ctx context.Context, old *session) {
	if !old.complete {
		// What cannot be dropped now, the blob store drops when it is a day old.
		_ = s.Blobs.Discard(ctx, old.id)
		return
	}
	if !old.own || s.sessions.inherit(old.Digest) {
		return
	}
	named, err := s.named(ctx, old.NewUpload)
	if err == nil && !named {
		if err = s.Blobs.Delete(ctx, old.Digest); errors.Is(err, blob.ErrNotFound) {
			err = nil
		}
	}
	if err != nil { // it stays, which costs its space
		s.Logger.LogAttrs(ctx, slog.LevelWarn, "drop an upload that nothing names",
			slog.String("digest", old.Digest.String()), slog.Any("error", err))
	}
}

// named reports whether the ledger names the content of an upload: as an
// update in its round, whoever submitted it, or as a model or card.
func (s *server) named(ctx context.Context, u v1.NewUpload) (bool, error) {
	prefix := string(fl.UpdateRow(u.Job, u.Round, ledger.ID{}))
	prefix = prefix[:len(prefix)-len(ledger.ID{})]
	// Each attempt may ask other peers, and their rows stay.
	rows, err := s.Node.State(ctx).Scan(contract.Key(prefix), "", job.MaxVoids*job.MaxPeers)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		var row fl.Update
		if err := ledger.Decode("update", r.Value, contract.MaxWriteBytes, &row); err != nil {
			return false, err
		}
		if row.Digest == u.Digest {
			return true, nil
		}
	}
	file, _, err := s.public.find(ctx, u.Digest, nil)
	return file != nil, err
}
