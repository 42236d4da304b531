package source

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	v1 "github.com/librum/librum/api/v1"
)

// annotationsQuery marks rounds or blocks on other panels.
type annotationsQuery struct {
	What string   `json:"what"`
	Jobs []string `json:"jobs"` // whose rounds; none: the newest
}

// What may be marked.
const (
	markRounds = "rounds"
	markBlocks = "blocks"
)

// mostMarks bounds how many blocks are marked: more would hide the panel.
const mostMarks = 500

func (s *Source) annotations(ctx context.Context, a *asked) (data.Frames, error) {
	var q annotationsQuery
	if err := a.read(&q); err != nil {
		return nil, err
	}
	what, err := choice("what to mark", q.What, markRounds, markBlocks)
	if err != nil {
		return nil, err
	}
	if what == markBlocks {
		hits, more, err := s.blockHits(ctx, a, mostMarks)
		if err != nil {
			return nil, err
		}
		frame := blockMarks(hits)
		if more {
			notice(frame, "the newest %d blocks of these times", len(hits))
		}
		return data.Frames{frame}, nil
	}
	jobs, err := s.jobsOf(ctx, q.Jobs)
	if err != nil {
		return nil, err
	}
	of := make([]jobRounds, len(jobs))
	for i, id := range jobs {
		if of[i], err = s.roundsOf(ctx, id, a, true); err != nil {
			return nil, err
		}
	}
	return data.Frames{roundMarks(of)}, nil
}

// newMarks is a frame in the form that Grafana reads annotations from.
func newMarks() *data.Frame {
	return data.NewFrame("annotations",
		newColumn("time", data.FieldTypeTime, 0),
		newColumn("timeEnd", data.FieldTypeNullableTime, 0),
		newColumn("title", data.FieldTypeString, 0),
		newColumn("text", data.FieldTypeString, 0),
		newColumn("tags", data.FieldTypeString, 0), // joined by commas
		newColumn("id", data.FieldTypeString, 0),
	).SetMeta(&data.FrameMeta{})
}

// roundMarks is a region for each round from its beginning to its end.
func roundMarks(of []jobRounds) *data.Frame {
	frame := newMarks()
	for _, j := range of {
		for _, r := range j.rounds {
			frame.AppendRow(at(r.Opened), orNoTime(r.Ended),
				fmt.Sprintf("round %d of job %s: %s", r.Round, j.id.Short(), r.State), roundText(&r),
				"round,"+r.State, fmt.Sprintf("%s/%d/%d", j.id, r.Round, r.Attempt))
		}
		j.tell(frame)
	}
	return frame
}

func roundText(r *v1.Round) string {
	parts := []string{fmt.Sprintf("%d of %d peers submitted, %d of %d nodes agreed", r.Submitted, r.Peers, r.Agreed, r.Nodes)}
	for _, name := range slices.Sorted(maps.Keys(r.Metrics)) {
		parts = append(parts, fmt.Sprintf("%s %.4g", name, r.Metrics[name]))
	}
	return strings.Join(parts, ", ")
}

func blockMarks(hits []v1.SearchHit) *data.Frame {
	frame := newMarks()
	for i := range hits {
		h := &hits[i]
		ms, ok := h.Fields["time"].(float64)
		if !ok {
			continue
		}
		transactions, _ := textOf(h.Fields["num_transactions"])
		hash, _ := textOf(h.Fields["hash"])
		frame.AppendRow(at(int64(ms)), (*time.Time)(nil), "block "+h.ID, fmt.Sprintf("%s transactions, hash %s", transactions, hash), "block", h.ID)
	}
	return frame
}
