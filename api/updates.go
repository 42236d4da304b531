package api

import (
	"context"
	"fmt"
	"slices"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

type updatesInput struct {
	JobPath
	Page

	Round uint64 `path:"n" doc:"Number of the round."`
}

// updates lists the answers behind the cursor, which is the last peer of the page
// before. A page is one View, since answers change while a round is open.
func (s *server) updates(ctx context.Context, in *updatesInput) (*body[v1.Updates], error) {
	if _, _, err := s.visibleJob(ctx, in.ID); err != nil {
		return nil, err
	}
	var after ledger.ID
	if in.Cursor != "" {
		var err error
		if after, err = ledger.ParseID(in.Cursor); err != nil {
			return nil, invalidCursor()
		}
	}
	out := &body[v1.Updates]{Body: v1.Updates{Updates: []v1.Update{}}}
	err := s.Node.View(ctx, func(state contract.Range, _ int64) error {
		r, ok, err := fl.LoadRound(state, in.ID, in.Round)
		if err == nil && !ok {
			err = fail("not_found", fmt.Sprintf("job %s has no round %d", in.ID, in.Round))
		}
		if err != nil {
			return err
		}
		cohort, ok, err := fl.LoadCohort(state, in.ID, in.Round)
		if err != nil || !ok || cohort.Attempt != r.Attempt { // not drawn yet: nobody was asked
			return err
		}
		from := 0
		if in.Cursor != "" {
			from = slices.IndexFunc(cohort.Peers, func(p ledger.ID) bool { return slices.Compare(p[:], after[:]) > 0 })
		}
		if from < 0 {
			return nil
		}
		page := cohort.Peers[from:min(from+in.Limit, len(cohort.Peers))]
		for _, peer := range page {
			u, err := showUpdate(state, in.ID, in.Round, r.Attempt, peer)
			if err != nil {
				return err
			}
			out.Body.Updates = append(out.Body.Updates, u)
		}
		if from+len(page) < len(cohort.Peers) {
			out.Body.NextCursor = page[len(page)-1].String()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.charge(callerOf(ctx), len(out.Body.Updates)*costOfLook)
	return out, nil
}

func showUpdate(state contract.State, id ledger.Digest, round, attempt uint64, peer ledger.ID) (v1.Update, error) {
	out := v1.Update{Peer: peer, State: string(fl.UpdateExpected)}
	u, ok, err := fl.LoadUpdate(state, id, round, peer)
	if err != nil || !ok || u.Attempt != attempt {
		return out, err
	}
	out.State, out.Time, out.NumExamples, out.Metrics, out.Reason = string(u.State), u.Time, u.NumExamples, u.Metrics, string(u.Reason)
	out.File = showFile(u.Digest, u.Size)
	return out, nil
}
