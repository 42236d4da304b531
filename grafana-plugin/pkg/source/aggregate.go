package source

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	v1 "github.com/librum/librum/api/v1"
)

// aggregateQuery computes numbers over all that is found: over time, or a row for
// each value of what it is grouped by.
type aggregateQuery struct {
	Query     string   `json:"query"`
	Format    string   `json:"format"`
	Metrics   []metric `json:"metrics"` // none: how many there are
	GroupBy   []string `json:"groupBy"` // one at most over time, two in a table
	Size      int      `json:"size"`    // groups of each, those with most documents
	Interval  string   `json:"interval"`
	TimeField string   `json:"timeField"`
}

// metric is one number.
type metric struct {
	Op      string  `json:"op"`
	Field   string  `json:"field"`
	Percent float64 `json:"percent"` // of percentiles; 0: 50
}

// Bounds of an aggregation, as the node has them.
const (
	usualGroups = 10
	mostGroups  = 1_000
	mostMetrics = 8
	mostBuckets = 10_000
)

// aggregation is a query with all that was left out filled in.
type aggregation struct {
	metrics []metric
	groups  []string
	size    int
	step    time.Duration // between points
	field   string        // of time
	series  bool
}

func (s *Source) aggregate(ctx context.Context, a *asked) (data.Frames, error) {
	var q aggregateQuery
	if err := a.read(&q); err != nil {
		return nil, err
	}
	plan, err := q.plan(a)
	if err != nil {
		return nil, err
	}
	text, err := narrowed(q.Query, q.TimeField, a)
	if err != nil {
		return nil, err
	}
	fields, err := s.schema.of(ctx, s.client)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Search(ctx, &v1.SearchRequest{Query: text, Limit: new(0), Aggregations: plan.request()})
	if err != nil {
		return nil, inQuery(err, text)
	}
	if plan.series {
		return data.Frames{plan.overTime(answer.Aggregations, a)}, nil
	}
	return data.Frames{plan.rows(answer.Aggregations, fields)}, nil
}

func (q *aggregateQuery) plan(a *asked) (*aggregation, error) {
	format, err := choice("the format", q.Format, formatSeries, formatTable)
	if err != nil {
		return nil, err
	}
	p := &aggregation{metrics: q.Metrics, groups: q.GroupBy, field: q.TimeField, series: format == formatSeries}
	if p.field == "" || p.field == noTimeField {
		p.field = "time"
	}
	if len(p.metrics) == 0 {
		p.metrics = []metric{{Op: "count"}}
	}
	most := 2
	if p.series {
		most = 1
	}
	if len(p.metrics) > mostMetrics || len(p.groups) > most {
		return nil, wrongAsk("there are %d numbers and %d groupings, at most %d and %d are allowed here", len(p.metrics), len(p.groups), mostMetrics, most)
	}
	for _, m := range p.metrics {
		if _, err := choice("a number", m.Op, "count", "sum", "min", "max", "avg", "cardinality", "percentiles"); err != nil || m.Op == "" {
			return nil, wrongAsk("a number is computed by %.40q: want count, sum, min, max, avg, cardinality or percentiles", m.Op)
		}
	}
	if p.size, err = capped("the number of groups", q.Size, usualGroups, mostGroups); err != nil {
		return nil, err
	}
	if p.series {
		p.step, err = step(q.Interval, a, p.perTime())
	}
	return p, err
}

// perTime is how many buckets there may be for each point in time.
func (p *aggregation) perTime() int64 {
	if len(p.groups) > 0 {
		return int64(p.size)
	}
	return 1
}

// step is the time between points: what was asked for, or what the panel has room
// for, never so short that the node would refuse.
func step(wanted string, a *asked, perTime int64) (time.Duration, error) {
	if wanted != "" && wanted != "auto" && wanted != "$__interval" {
		d, err := readInterval(wanted)
		if err != nil {
			return 0, err
		}
		if n := int64(a.duration()/d) + 2; n*perTime > mostBuckets {
			return 0, wrongAsk("an interval of %s gives %d points, of %d groups each; at most %d together are allowed: ask for a longer one", wanted, n, perTime, mostBuckets)
		}
		return d, nil
	}
	room := max(1, min(a.points(), mostBuckets/perTime-2))
	least := time.Duration(int64(a.duration()) / room)
	return roundUp(max(a.query.Interval, least, time.Millisecond)), nil
}

// readInterval reads a number with ms, s, m, h, d or w.
func readInterval(text string) (time.Duration, error) {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.ParseInt(digits, 10, 32)
	unit := map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
	}[text[len(digits):]]
	if err != nil || n < 1 || unit == 0 {
		return 0, wrongAsk("the interval is %.40q, want a number with ms, s, m, h, d or w, or auto", text)
	}
	return time.Duration(n) * unit, nil
}

// roundUp returns the next length that people count in.
func roundUp(d time.Duration) time.Duration {
	steps := []time.Duration{1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_200_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000}
	for _, ms := range steps {
		if d <= ms*time.Millisecond {
			return ms * time.Millisecond
		}
	}
	const day = 24 * time.Hour
	return (d + day - 1) / day * day
}

// request nests groups, times and numbers: the groups outside, so that they are
// the same at every time.
func (p *aggregation) request() []v1.SearchAggregation {
	list := make([]v1.SearchAggregation, len(p.metrics))
	for i, m := range p.metrics {
		list[i] = v1.SearchAggregation{Op: m.Op, Field: m.Field}
		if m.Op == "percentiles" {
			list[i].Percents = []float64{m.percent()}
		}
	}
	if p.series {
		list = []v1.SearchAggregation{{Op: "date_histogram", Field: p.field, Interval: interval(p.step), Within: list}}
	}
	for _, group := range slices.Backward(p.groups) {
		list = []v1.SearchAggregation{{Op: "terms", Field: group, Size: p.size, Within: list}}
	}
	return list
}

func (m metric) percent() float64 {
	if m.Percent == 0 {
		return 50
	}
	return m.Percent
}

// String names the number as the legend shows it.
func (m metric) String() string {
	switch {
	case m.Op == "percentiles":
		return fmt.Sprintf("p%g(%s)", m.percent(), m.Field)
	case m.Field == "":
		return m.Op
	}
	return m.Op + "(" + m.Field + ")"
}

// empty is the number where there are no documents: none were counted and their
// sum is 0, but they have no average.
func (m metric) empty() *float64 {
	if m.Op == "count" || m.Op == "sum" || m.Op == "cardinality" {
		return new(0.0)
	}
	return nil
}

func (m metric) value(a *v1.SearchAggregate) *float64 {
	if m.Op != "percentiles" {
		return a.Value
	}
	if len(a.Percentiles) == 0 {
		return nil
	}
	return &a.Percentiles[0].Value
}

// group is a value of what is grouped by, with what was computed for it.
type group struct {
	labels data.Labels
	within []v1.SearchAggregate
}

func (p *aggregation) split(list []v1.SearchAggregate) []group {
	if len(p.groups) == 0 {
		return []group{{within: list}}
	}
	var out []group
	for _, a := range list {
		for _, b := range a.Buckets {
			text, _ := textOf(b.Key)
			out = append(out, group{data.Labels{p.groups[0]: text}, b.Within})
		}
	}
	return out
}

// overTime is one wide frame with a point for each interval of the panel, from the
// first that has documents of any group to the last. Between them, what has none
// is 0 where that is true.
func (p *aggregation) overTime(list []v1.SearchAggregate, a *asked) *data.Frame {
	groups := p.split(list)
	times := p.times(groups, a)
	rows := make(map[int64]int, len(times))
	stamps := make([]time.Time, len(times))
	for i, ms := range times {
		rows[ms], stamps[i] = i, at(ms)
	}
	frame := series(data.NewFrame("aggregate", data.NewField("time", nil, stamps)))
	if len(groups) == 0 {
		groups = []group{{}}
	}
	for _, g := range groups {
		for i, m := range p.metrics {
			values := make([]*float64, len(times))
			for row := range values {
				values[row] = m.empty()
			}
			for _, h := range g.within {
				for _, b := range h.Buckets {
					if ms, ok := b.Key.(float64); ok && i < len(b.Within) {
						values[rows[int64(ms)]] = m.value(&b.Within[i])
					}
				}
			}
			frame.Fields = append(frame.Fields, data.NewField(m.String(), g.labels, values))
		}
	}
	return frame
}

// times are the beginnings of the intervals, ascending: all of the panel's where
// there is anything, since a series without its empty intervals draws lines that
// are not there.
func (p *aggregation) times(groups []group, a *asked) []int64 {
	var seen []int64
	for _, g := range groups {
		for _, h := range g.within {
			for _, b := range h.Buckets {
				if ms, ok := b.Key.(float64); ok {
					seen = append(seen, int64(ms))
				}
			}
		}
	}
	slices.Sort(seen)
	seen = slices.Compact(seen)
	if len(seen) == 0 {
		return nil
	}
	width := p.step.Milliseconds()
	from, to := seen[0], seen[len(seen)-1]
	if begin := floor(a.query.TimeRange.From.UnixMilli(), width); begin < from && (from-begin)%width == 0 {
		from = begin
	}
	if end := floor(a.query.TimeRange.To.UnixMilli(), width); end > to && (end-to)%width == 0 {
		to = end
	}
	if (to-from)/width >= 2*mostBuckets { // a time field other than the panel's reaches far
		return seen
	}
	times := make([]int64, 0, (to-from)/width+1)
	for ms := from; ms <= to; ms += width {
		times = append(times, ms)
	}
	return times
}

func floor(ms, width int64) int64 {
	n := ms / width
	if ms%width < 0 {
		n--
	}
	return n * width
}

// rows is a row for each group, or one.
func (p *aggregation) rows(list []v1.SearchAggregate, fields *fieldList) *data.Frame {
	frame := table(data.NewFrame("aggregate"))
	columns := make([]*data.Field, 0, len(p.groups)+len(p.metrics))
	for _, name := range p.groups {
		columns = append(columns, newColumn(name, typeOf(v1.SearchField{Type: fields.byName[name].Type}), 0))
	}
	for _, m := range p.metrics {
		columns = append(columns, newColumn(m.String(), data.FieldTypeNullableFloat64, 0))
	}
	frame.Fields = columns
	p.addRows(columns, list, nil)
	return frame
}

func (p *aggregation) addRows(columns []*data.Field, list []v1.SearchAggregate, keys []any) {
	if len(keys) == len(p.groups) {
		row := columns[0].Len()
		for i, f := range columns {
			f.Extend(1)
			switch {
			case i < len(keys):
				setCell(f, row, keys[i])
			case i-len(keys) < len(list):
				f.Set(row, cmp.Or(p.metrics[i-len(keys)].value(&list[i-len(keys)]), p.metrics[i-len(keys)].empty()))
			}
		}
		return
	}
	for _, a := range list {
		for _, b := range a.Buckets {
			p.addRows(columns, b.Within, append(slices.Clip(keys), b.Key))
		}
	}
}
