package source

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"golang.org/x/sync/errgroup"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

// trainingQuery shows what the rounds of jobs reached, as the nodes that committed
// claim, or what each peer answered, as it claims.
type trainingQuery struct {
	Format  string   `json:"format"`  // series, or a row for each round or answer
	Jobs    []string `json:"jobs"`    // none: the newest
	Metrics []string `json:"metrics"` // none: all metrics, but not the counts
	By      string   `json:"by"`
	Axis    string   `json:"axis"`   // of series: when a round ended, or its number, which compares jobs
	Stream  bool     `json:"stream"` // of series by round over time: the rounds to come too
}

// The ways to look at a job.
const (
	byRound   = "round"
	byPeer    = "peer"
	axisTime  = "time"
	axisRound = "round"
)

// Bounds of a training query.
const (
	usualJobs  = 10
	mostJobs   = 50
	mostRounds = 5_000
	peerRounds = 200 // whose answers are asked for, one request each
	askers     = 4   // of such requests at once
)

// counts are the numbers of a round beside its metrics.
func counts(r *v1.Round) map[string]float64 {
	return map[string]float64{
		"peers": float64(r.Peers), "submitted": float64(r.Submitted), "declined": float64(r.Declined),
		"averaged": float64(r.Averaged), "refused": float64(len(r.Refused)), "lost_terms": float64(len(r.Lost)),
		"agreed": float64(r.Agreed), "dissented": float64(r.Dissented), "duration_s": duration(r.Opened, r.Ended),
	}
}

func duration(from, to int64) float64 {
	if to < from || from == 0 {
		return 0
	}
	return float64(to-from) / 1000
}

// jobRounds is a job with the rounds that concern the query.
type jobRounds struct {
	id     ledger.Digest
	rounds []v1.Round
	cut    bool // there are more
}

func (s *Source) training(ctx context.Context, a *asked) (data.Frames, error) {
	var q trainingQuery
	if err := a.read(&q); err != nil {
		return nil, err
	}
	format, err1 := choice("the format", q.Format, formatSeries, formatTable)
	by, err2 := choice("by what", q.By, byRound, byPeer)
	axis, err3 := choice("the axis", q.Axis, axisTime, axisRound)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return nil, err
		}
	}
	jobs, err := s.jobsOf(ctx, q.Jobs)
	if err != nil {
		return nil, err
	}
	of := make([]jobRounds, len(jobs))
	for i, id := range jobs {
		if of[i], err = s.roundsOf(ctx, id, a, axis == axisTime); err != nil {
			return nil, err
		}
	}
	if by == byPeer {
		return s.answers(ctx, of, &q, format, axis)
	}
	switch {
	case format == formatTable:
		return data.Frames{roundTable(of)}, nil
	case axis == axisRound:
		return data.Frames{roundsCompared(of, q.Metrics)}, nil
	case q.Stream && len(of) == 1:
		frame := liveRounds(of[0].id, of[0].rounds)
		frame.Meta.Channel = s.channel(pathTraining + of[0].id.String())
		return data.Frames{frame}, nil
	}
	return roundsOverTime(of, q.Metrics), nil
}

// jobsOf reads ids, or finds the newest jobs where there are none.
func (s *Source) jobsOf(ctx context.Context, list []string) ([]ledger.Digest, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(id string) bool { return strings.TrimSpace(id) == "" })
	if len(list) > mostJobs {
		return nil, wrongAsk("there are %d jobs, at most %d are shown together", len(list), mostJobs)
	}
	if len(list) == 0 {
		answer, err := s.client.Search(ctx, &v1.SearchRequest{Query: "kind:job", Sort: "created", Limit: new(usualJobs)})
		if err != nil {
			return nil, err
		}
		for _, h := range answer.Hits {
			list = append(list, h.ID)
		}
	}
	jobs := make([]ledger.Digest, len(list))
	for i, text := range list {
		id, err := ledger.ParseDigest(strings.TrimSpace(text))
		if err != nil {
			return nil, wrongAsk("the job %.80q is no id of a job: want 64 digits of 0-9 and a-f", text)
		}
		jobs[i] = id
	}
	return jobs, nil
}

// roundsOf reads the rounds of a job, of the panel's times alone or all of them.
func (s *Source) roundsOf(ctx context.Context, id ledger.Digest, a *asked, timed bool) (jobRounds, error) {
	out := jobRounds{id: id}
	page := client.Page{Limit: pageRows}
	for {
		answer, err := s.client.Rounds(ctx, id, page)
		if err != nil {
			return out, err
		}
		for _, r := range answer.Rounds {
			when := r.Ended
			if when == 0 {
				when = r.Opened
			}
			if timed && (when < a.query.TimeRange.From.UnixMilli() || when > a.query.TimeRange.To.UnixMilli()) {
				continue
			}
			if len(out.rounds) == mostRounds {
				out.cut = true
				return out, nil
			}
			out.rounds = append(out.rounds, r)
		}
		if page.Cursor = answer.NextCursor; page.Cursor == "" {
			return out, nil
		}
	}
}

// final are the rounds whose result stands.
func final(rounds []v1.Round) []v1.Round {
	return slices.DeleteFunc(slices.Clone(rounds), func(r v1.Round) bool { return r.State != "final" })
}

// chosen is which numbers of the rounds are shown: those asked for, or all
// metrics that any round has.
func chosen(of []jobRounds, metrics []string) []string {
	return shown(metrics, func(yield func(map[string]float64)) {
		for _, j := range of {
			for _, r := range j.rounds {
				yield(r.Metrics)
			}
		}
	})
}

// shown is the metrics that are asked for, or all that occur.
func shown(asked []string, each func(yield func(map[string]float64))) []string {
	if len(asked) > 0 {
		return asked
	}
	names := map[string]bool{}
	each(func(metrics map[string]float64) {
		for name := range metrics {
			names[name] = true
		}
	})
	if len(names) == 0 {
		return []string{"accuracy", "loss"} // so that there are fields without values (invariant 1)
	}
	return slices.Sorted(maps.Keys(names))
}

// number is a metric or a count of a round.
func number(r *v1.Round, name string) *float64 {
	if x, ok := r.Metrics[name]; ok {
		return &x
	}
	if x, ok := counts(r)[name]; ok {
		return &x
	}
	return nil
}

// roundsOverTime is a frame for each job, since their rounds end at different
// times; of no job an empty one.
func roundsOverTime(of []jobRounds, metrics []string) data.Frames {
	names := chosen(of, metrics)
	if len(of) == 0 {
		of = []jobRounds{{}}
	}
	frames := make(data.Frames, len(of))
	for i, j := range of {
		rounds := final(j.rounds)
		times := make([]time.Time, len(rounds))
		for row := range rounds {
			times[row] = at(rounds[row].Ended)
		}
		frames[i] = series(data.NewFrame("training", data.NewField("time", nil, times)))
		frames[i].Meta.Type = data.FrameTypeTimeSeriesMulti
		if len(of) == 1 {
			frames[i].Meta.Type = data.FrameTypeTimeSeriesWide
		}
		var labels data.Labels
		if !j.id.IsZero() {
			labels = data.Labels{"job": j.id.String()}
		}
		for _, name := range names {
			values := make([]*float64, len(rounds))
			for row := range rounds {
				values[row] = number(&rounds[row], name)
			}
			frames[i].Fields = append(frames[i].Fields, named(name, labels, j.id, values))
		}
		j.tell(frames[i])
	}
	return frames
}

// named is a field whose legend tells the job by few digits.
func named(name string, labels data.Labels, job ledger.Digest, values []*float64) *data.Field {
	f := data.NewField(name, labels, values)
	if !job.IsZero() {
		f.Config = &data.FieldConfig{DisplayNameFromDS: name + " " + job.Short()}
	}
	return f
}

func (j *jobRounds) tell(f *data.Frame) {
	if j.cut {
		notice(f, "job %s: the first %d rounds; there are more", j.id.Short(), mostRounds)
	}
}

// roundsCompared has the number of the round in place of the time.
func roundsCompared(of []jobRounds, metrics []string) *data.Frame {
	rows := map[uint64]int{}
	var numbers []int64
	for _, j := range of {
		for _, r := range final(j.rounds) {
			if _, there := rows[r.Round]; !there {
				rows[r.Round] = 0
				numbers = append(numbers, int64(r.Round))
			}
		}
	}
	slices.Sort(numbers)
	for row, n := range numbers {
		rows[uint64(n)] = row
	}
	frame := data.NewFrame("training", data.NewField("round", nil, numbers))
	frame.SetMeta(&data.FrameMeta{PreferredVisualization: data.VisTypeGraph})
	for _, j := range of {
		for _, name := range chosen(of, metrics) {
			values := make([]*float64, len(numbers))
			for _, r := range final(j.rounds) {
				values[rows[r.Round]] = number(&r, name)
			}
			frame.Fields = append(frame.Fields, named(name, data.Labels{"job": j.id.String()}, j.id, values))
		}
		j.tell(frame)
	}
	return frame
}

// roundTable is a row for each round, whatever its state.
func roundTable(of []jobRounds) *data.Frame {
	names := chosen(of, nil)
	frame := table(data.NewFrame("rounds",
		newColumn("job", data.FieldTypeString, 0),
		newColumn("round", data.FieldTypeInt64, 0),
		newColumn("attempt", data.FieldTypeInt64, 0),
		newColumn("state", data.FieldTypeString, 0),
		newColumn("opened", data.FieldTypeNullableTime, 0),
		newColumn("ended", data.FieldTypeNullableTime, 0),
		newColumn("model", data.FieldTypeNullableString, 0),
	))
	fixed := len(frame.Fields)
	numbers := slices.Concat([]string{"peers", "submitted", "declined", "averaged", "refused", "agreed", "dissented", "lost_terms", "duration_s"}, names)
	for _, name := range numbers {
		frame.Fields = append(frame.Fields, newColumn(name, data.FieldTypeNullableFloat64, 0))
	}
	for _, j := range of {
		for _, r := range j.rounds {
			row := frame.Fields[0].Len()
			frame.Extend(1)
			var model *string
			if r.Model != nil {
				model = new(r.Model.Digest.String())
			}
			for i, v := range []any{j.id.String(), int64(r.Round), int64(r.Attempt), r.State, orNoTime(r.Opened), orNoTime(r.Ended), model} {
				frame.Fields[i].Set(row, v)
			}
			for i, name := range numbers {
				frame.Fields[fixed+i].Set(row, number(&r, name))
			}
		}
		j.tell(frame)
	}
	return frame
}

// liveRounds has every number of the final rounds of a job, in one order; the
// stream sends the same form.
func liveRounds(id ledger.Digest, rounds []v1.Round) *data.Frame {
	one := []jobRounds{{id: id, rounds: rounds}}
	names := slices.Concat([]string{"round"}, liveNames(one))
	for i := range rounds { // of the round's number there is no metric
		rounds[i].Metrics = maps.Clone(rounds[i].Metrics)
		if rounds[i].Metrics == nil {
			rounds[i].Metrics = map[string]float64{}
		}
		rounds[i].Metrics["round"] = float64(rounds[i].Round)
	}
	return roundsOverTime(one, names)[0]
}

// liveNames are all numbers that rounds have: metrics, then counts.
func liveNames(of []jobRounds) []string {
	return slices.Concat(chosen(of, nil), slices.Sorted(maps.Keys(counts(&v1.Round{}))))
}

// peerAnswers is what the peers of a round answered.
type peerAnswers struct {
	job   ledger.Digest
	round v1.Round
	list  []v1.Update
}

// answers asks for what the peers answered in the newest rounds.
func (s *Source) answers(ctx context.Context, of []jobRounds, q *trainingQuery, format, axis string) (data.Frames, error) {
	var all []peerAnswers
	cut := false
	for _, j := range of {
		rounds := slices.DeleteFunc(slices.Clone(j.rounds), func(r v1.Round) bool { return r.State == "drawing" })
		if len(rounds) > peerRounds {
			rounds, cut = rounds[len(rounds)-peerRounds:], true
		}
		for _, r := range rounds {
			all = append(all, peerAnswers{job: j.id, round: r})
		}
	}
	if len(all) > peerRounds {
		all, cut = all[len(all)-peerRounds:], true
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(askers)
	for i := range all {
		group.Go(func() (err error) {
			all[i].list, err = s.updatesOf(ctx, all[i].job, all[i].round.Round)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	frames := peerSeries(all, q.Metrics, axis)
	if format == formatTable {
		frames = data.Frames{peerTable(all)}
	}
	if cut {
		notice(frames[0], "the newest %d rounds", peerRounds)
	}
	return frames, nil
}

func (s *Source) updatesOf(ctx context.Context, job ledger.Digest, round uint64) ([]v1.Update, error) {
	var list []v1.Update
	page := client.Page{Limit: pageRows}
	for {
		answer, err := s.client.Updates(ctx, job, round, page)
		if err != nil {
			return nil, err
		}
		list = append(list, answer.Updates...)
		if page.Cursor = answer.NextCursor; page.Cursor == "" {
			return list, nil
		}
	}
}

// claim is a number of a peer's answer.
func claim(u *v1.Update, name string) *float64 {
	if x, ok := u.Metrics[name]; ok {
		return &x
	}
	if name == "num_examples" && u.State == "submitted" {
		return new(float64(u.NumExamples))
	}
	return nil
}

// claimed is which numbers of the answers are shown.
func claimed(all []peerAnswers, metrics []string) []string {
	return shown(metrics, func(yield func(map[string]float64)) {
		for _, a := range all {
			for _, u := range a.list {
				yield(u.Metrics)
			}
		}
	})
}

// peerSeries is a frame for each peer and job: peers answer at different times.
func peerSeries(all []peerAnswers, metrics []string, axis string) data.Frames {
	type who struct {
		job  ledger.Digest
		peer ledger.ID
	}
	names := claimed(all, metrics)
	empty := func(w who) *data.Frame {
		first := newColumn("time", data.FieldTypeTime, 0)
		if axis == axisRound {
			first = newColumn("round", data.FieldTypeInt64, 0)
		}
		frame := series(data.NewFrame("answers", first))
		frame.Meta.Type = data.FrameTypeTimeSeriesMulti
		if axis == axisRound {
			frame.Meta.Type = ""
		}
		for _, name := range names {
			f := newColumn(name, data.FieldTypeNullableFloat64, 0)
			if !w.peer.IsZero() {
				f.Labels = data.Labels{"job": w.job.String(), "peer": w.peer.String()}
				f.Config = &data.FieldConfig{DisplayNameFromDS: name + " " + short(w.peer.String())}
			}
			frame.Fields = append(frame.Fields, f)
		}
		return frame
	}
	var frames data.Frames
	of := map[who]*data.Frame{}
	for _, a := range all {
		for _, u := range a.list {
			if u.State != "submitted" {
				continue
			}
			w := who{a.job, u.Peer}
			frame := of[w]
			if frame == nil {
				frame = empty(w)
				of[w] = frame
				frames = append(frames, frame)
			}
			row := frame.Fields[0].Len()
			frame.Extend(1)
			if axis == axisRound {
				frame.Fields[0].Set(row, int64(a.round.Round))
			} else {
				frame.Fields[0].Set(row, at(u.Time))
			}
			for i, name := range names {
				frame.Fields[i+1].Set(row, claim(&u, name))
			}
		}
	}
	if frames == nil {
		frames = data.Frames{empty(who{})}
	}
	return frames
}

// peerTable is a row for each peer that a round asked.
func peerTable(all []peerAnswers) *data.Frame {
	names := slices.Concat([]string{"num_examples"}, claimed(all, nil))
	frame := table(data.NewFrame("answers",
		newColumn("job", data.FieldTypeString, 0),
		newColumn("round", data.FieldTypeInt64, 0),
		newColumn("peer", data.FieldTypeString, 0),
		newColumn("state", data.FieldTypeString, 0),
		newColumn("reason", data.FieldTypeString, 0),
		newColumn("time", data.FieldTypeNullableTime, 0),
	))
	fixed := len(frame.Fields)
	for _, name := range names {
		frame.Fields = append(frame.Fields, newColumn(name, data.FieldTypeNullableFloat64, 0))
	}
	for _, a := range all {
		for _, u := range a.list {
			row := frame.Fields[0].Len()
			frame.Extend(1)
			for i, v := range []any{a.job.String(), int64(a.round.Round), u.Peer.String(), u.State, u.Reason, orNoTime(u.Time)} {
				frame.Fields[i].Set(row, v)
			}
			for i, name := range names {
				frame.Fields[fixed+i].Set(row, claim(&u, name))
			}
		}
	}
	return frame
}
