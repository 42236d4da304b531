package source

import (
	"context"
	"encoding/json"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// queryType is one kind of query. Its file has the form of the query, how it is
// asked and how the answer becomes frames.
type queryType struct {
	name string // as in queryType of the query
	run  func(*Source, context.Context, *asked) (data.Frames, error)
}

// queryTypes lists them. There is none for traces: the node has no route for them.
func queryTypes() []queryType {
	return []queryType{
		{"search", (*Source).search},
		{"aggregate", (*Source).aggregate},
		{"training", (*Source).training},
		{"blocks", (*Source).blocks},
		{"health", (*Source).health},
		{"annotations", (*Source).annotations},
	}
}

// The forms that answers come in.
const (
	formatTable  = "table"
	formatSeries = "time_series"
	formatLogs   = "logs"
)

// asked is a query on its way.
type asked struct {
	query backend.DataQuery
}

// read decodes the query's own form. What the editor keeps for itself is passed
// over.
func (a *asked) read(form any) error {
	if err := json.Unmarshal(a.query.JSON, form); err != nil {
		return wrongAsk("the query has a wrong form: %v", err)
	}
	return nil
}

// points is how many there may be in a series.
func (a *asked) points() int64 {
	const usual, most = 1_000, 10_000
	if a.query.MaxDataPoints <= 0 {
		return usual
	}
	return min(a.query.MaxDataPoints, most)
}

func (a *asked) duration() time.Duration {
	return max(0, a.query.TimeRange.To.Sub(a.query.TimeRange.From))
}

// choice returns what was chosen of several, the first where nothing was.
func choice(what, chosen string, of ...string) (string, error) {
	if chosen == "" {
		return of[0], nil
	}
	for _, one := range of {
		if chosen == one {
			return one, nil
		}
	}
	return "", wrongAsk("%s is %.40q, want one of %v", what, chosen, of)
}

// capped returns a wanted number, or the usual one, within its bounds.
func capped(what string, wanted, usual, most int) (int, error) {
	switch {
	case wanted == 0:
		return usual, nil
	case wanted < 0 || wanted > most:
		return 0, wrongAsk("%s is %d, want 1 to %d", what, wanted, most)
	}
	return wanted, nil
}
