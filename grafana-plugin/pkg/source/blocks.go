package source

import (
	"context"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	v1 "github.com/librum/librum/api/v1"
)

// blocksQuery shows the blocks of the panel's times: sums and heights over time, a
// row for each of the newest, or each as it comes.
type blocksQuery struct {
	Format   string   `json:"format"`
	Metrics  []string `json:"metrics"` // of blockMetrics; none: all
	Interval string   `json:"interval"`
	Limit    int      `json:"limit"`  // rows of a table
	Stream   bool     `json:"stream"` // series alone: block by block, and those to come
}

// blockMetric is a number of the blocks of an interval.
type blockMetric struct {
	name, unit string
	of         v1.SearchAggregation
	empty      *float64 // where there was no block
}

func blockMetrics() []blockMetric {
	return []blockMetric{
		{"height", "", v1.SearchAggregation{Op: "max", Field: "height"}, nil},
		{"blocks", "", v1.SearchAggregation{Op: "count"}, new(0.0)},
		{"transactions", "", v1.SearchAggregation{Op: "sum", Field: "num_transactions"}, new(0.0)},
		{"size", "bytes", v1.SearchAggregation{Op: "sum", Field: "size"}, new(0.0)},
	}
}

// blockTime is the time from one block to the next, on average.
const blockTime = "block time"

func (s *Source) blocks(ctx context.Context, a *asked) (data.Frames, error) {
	var q blocksQuery
	if err := a.read(&q); err != nil {
		return nil, err
	}
	format, err := choice("the format", q.Format, formatSeries, formatTable)
	if err != nil {
		return nil, err
	}
	for _, name := range q.Metrics {
		if _, err := choice("a number", name, "height", "blocks", "transactions", "size", blockTime); err != nil {
			return nil, err
		}
	}
	limit, err := capped("the limit", q.Limit, usualRows, mostRows)
	if err != nil {
		return nil, err
	}
	switch {
	case format == formatTable:
		hits, more, err := s.blockHits(ctx, a, limit)
		if err != nil {
			return nil, err
		}
		frame := blockTable(hits, s.proofLink)
		if more {
			notice(frame, "the newest %d blocks of these times", len(hits))
		}
		return data.Frames{frame}, nil
	case q.Stream:
		hits, _, err := s.blockHits(ctx, a, pageRows)
		if err != nil {
			return nil, err
		}
		frame := liveBlocks(hits)
		frame.Meta.Channel = s.channel(pathBlocks)
		return data.Frames{frame}, nil
	}
	return s.blocksOverTime(ctx, a, &q)
}

func (s *Source) blockHits(ctx context.Context, a *asked, limit int) ([]v1.SearchHit, bool, error) {
	text, err := narrowed("kind:block", "", a)
	if err != nil {
		return nil, false, err
	}
	return s.hits(ctx, &v1.SearchRequest{Query: text, Sort: columnHeight}, limit)
}

func (s *Source) blocksOverTime(ctx context.Context, a *asked, q *blocksQuery) (data.Frames, error) {
	width, err := step(q.Interval, a, 1)
	if err != nil {
		return nil, err
	}
	text, err := narrowed("kind:block", "", a)
	if err != nil {
		return nil, err
	}
	within := make([]v1.SearchAggregation, 0, len(blockMetrics()))
	for _, m := range blockMetrics() {
		within = append(within, m.of)
	}
	answer, err := s.client.Search(ctx, &v1.SearchRequest{Query: text, Limit: new(0), Aggregations: []v1.SearchAggregation{
		{Op: "date_histogram", Field: "time", Interval: interval(width), Within: within},
	}})
	if err != nil {
		return nil, err
	}
	plan := &aggregation{step: width}
	return data.Frames{blockSeries(plan, answer.Aggregations, a, q.Metrics)}, nil
}

// blockSeries has a point for each interval.
func blockSeries(plan *aggregation, list []v1.SearchAggregate, a *asked, metrics []string) *data.Frame {
	times := plan.times([]group{{within: list}}, a)
	stamps, rows := make([]time.Time, len(times)), map[int64]int{}
	for i, ms := range times {
		stamps[i], rows[ms] = at(ms), i
	}
	frame := series(data.NewFrame("blocks", data.NewField("time", nil, stamps)))
	wants := func(name string) bool { return len(metrics) == 0 || slices.Contains(metrics, name) }
	counts := make([]float64, len(times))
	for i, m := range blockMetrics() {
		values := make([]*float64, len(times))
		for row := range values {
			values[row] = m.empty
		}
		for _, h := range list {
			for _, b := range h.Buckets {
				if ms, ok := b.Key.(float64); ok && i < len(b.Within) {
					row := rows[int64(ms)]
					values[row], counts[row] = b.Within[i].Value, float64(b.Count)
				}
			}
		}
		if wants(m.name) {
			f := data.NewField(m.name, nil, values)
			f.Config = &data.FieldConfig{Unit: m.unit}
			frame.Fields = append(frame.Fields, f)
		}
	}
	if wants(blockTime) {
		values := make([]*float64, len(times))
		for row, n := range counts {
			if n > 0 {
				values[row] = new(plan.step.Seconds() / n)
			}
		}
		f := data.NewField(blockTime, nil, values)
		f.Config = &data.FieldConfig{Unit: "s"}
		frame.Fields = append(frame.Fields, f)
	}
	return frame
}

// blockTable is a row for each block, the newest first, with the time since the
// one before, where that is among them.
func blockTable(hits []v1.SearchHit, link func(*data.Field)) *data.Frame {
	frame := table(data.NewFrame("blocks",
		newColumn("time", data.FieldTypeNullableTime, len(hits)),
		newColumn("height", data.FieldTypeInt64, len(hits)),
		newColumn("transactions", data.FieldTypeNullableInt64, len(hits)),
		newColumn("size", data.FieldTypeNullableInt64, len(hits)),
		newColumn(blockTime, data.FieldTypeNullableFloat64, len(hits)),
		newColumn("epoch", data.FieldTypeNullableInt64, len(hits)),
		newColumn("records", data.FieldTypeNullableInt64, len(hits)),
		newColumn("skipped", data.FieldTypeNullableInt64, len(hits)),
		newColumn("hash", data.FieldTypeNullableString, len(hits)),
		newColumn(columnProof, data.FieldTypeString, len(hits)),
	))
	frame.Fields[3].Config = &data.FieldConfig{Unit: "bytes"}
	frame.Fields[4].Config = &data.FieldConfig{Unit: "s"}
	link(frame.Fields[9])
	for row := range hits {
		h := &hits[row]
		frame.Fields[1].Set(row, int64(h.Height))
		for column, name := range map[int]string{0: "time", 2: "num_transactions", 3: "size", 5: "epoch", 6: "num_records", 7: "num_skipped", 8: "hash"} {
			setCell(frame.Fields[column], row, h.Fields[name])
		}
		if row+1 < len(hits) && hits[row+1].Height+1 == h.Height {
			frame.Fields[4].Set(row, since(&hits[row+1], h))
		}
		frame.Fields[9].Set(row, h.Proof)
	}
	return frame
}

// since is the time between two blocks in seconds.
func since(before, after *v1.SearchHit) *float64 {
	from, ok1 := before.Fields["time"].(float64)
	to, ok2 := after.Fields["time"].(float64)
	if !ok1 || !ok2 {
		return nil
	}
	return new((to - from) / 1000)
}

// liveBlocks is a point for each block, the oldest first; the stream sends the
// same form.
func liveBlocks(hits []v1.SearchHit) *data.Frame {
	frame := series(data.NewFrame("blocks",
		newColumn("time", data.FieldTypeTime, 0),
		newColumn("height", data.FieldTypeFloat64, 0),
		newColumn("transactions", data.FieldTypeNullableFloat64, 0),
		newColumn("size", data.FieldTypeNullableFloat64, 0),
	))
	hits = slices.Clone(hits)
	slices.SortFunc(hits, func(a, b v1.SearchHit) int { return int(int64(a.Height) - int64(b.Height)) })
	for i := range hits {
		ms, ok := hits[i].Fields["time"].(float64)
		if !ok {
			continue
		}
		row := frame.Fields[0].Len()
		frame.Extend(1)
		frame.Fields[0].Set(row, at(int64(ms)))
		frame.Fields[1].Set(row, float64(hits[i].Height))
		setCell(frame.Fields[2], row, hits[i].Fields["num_transactions"])
		setCell(frame.Fields[3], row, hits[i].Fields["size"])
	}
	return frame
}
