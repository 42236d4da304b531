package source

import (
	"context"
	"errors"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/client"
)

// formatNumbers is numbers alone, for stat panels and alerts.
const formatNumbers = "numbers"

// healthQuery asks where the node stands now; Prometheus has how it came there.
type healthQuery struct {
	Format string `json:"format"`
}

func (s *Source) health(ctx context.Context, a *asked) (data.Frames, error) {
	var q healthQuery
	if err := a.read(&q); err != nil {
		return nil, err
	}
	format, err := choice("the format", q.Format, formatNumbers, formatTable)
	if err != nil {
		return nil, err
	}
	status, err := s.client.Status(ctx)
	if err != nil {
		return nil, err
	}
	hindrance := s.hindrance(ctx)
	indexed, err := s.indexed(ctx)
	if err != nil {
		return nil, err
	}
	frame := healthNumbers(&status, indexed, hindrance)
	if format == formatTable {
		frame = healthTable(&status, indexed, hindrance)
	}
	return data.Frames{frame}, nil
}

// hindrance says why the node takes no transactions, or nothing.
func (s *Source) hindrance(ctx context.Context) string {
	if err := s.client.Ready(ctx); err != nil {
		return err.Error()
	}
	return ""
}

// indexed says how far the node's index is, nil where it has none or cannot open it.
func (s *Source) indexed(ctx context.Context) (*uint64, error) {
	answer, err := s.client.Search(ctx, &v1.SearchRequest{Query: "kind:block", Limit: new(0)})
	var p *client.Problem
	switch {
	case errors.As(err, &p):
		return nil, nil //nolint:nilnil // without an index there is no height
	case err != nil:
		return nil, err
	}
	return &answer.Indexed.Height, nil
}

func healthNumbers(status *v1.Status, indexed *uint64, hindrance string) *data.Frame {
	labels := data.Labels{"chain": status.Name, "node": short(status.Node.String())}
	number := func(name string, x float64) *data.Field { return data.NewField(name, labels, []*float64{&x}) }
	searched := data.NewField("indexed height", labels, []*float64{nil})
	behind := data.NewField("index behind", labels, []*float64{nil})
	if indexed != nil {
		searched.Set(0, new(float64(*indexed)))
		behind.Set(0, new(float64(status.Final)-min(float64(status.Final), float64(*indexed))))
	}
	return data.NewFrame("health",
		number("ready", oneIf(hindrance == "")),
		number("height", float64(status.Height)),
		number("final height", float64(status.Final)),
		number("blocks not final", float64(status.NotFinal)),
		number("in flight", float64(status.InFlight)),
		number("skipped records", float64(status.Skipped)),
		number("signs", oneIf(status.Signs)),
		number("diverged", oneIf(status.Diverged)),
		searched, behind,
	).SetMeta(&data.FrameMeta{Type: data.FrameTypeNumericWide, TypeVersion: data.FrameTypeVersion{0, 1}})
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func healthTable(status *v1.Status, indexed *uint64, hindrance string) *data.Frame {
	searched := data.NewField("indexed height", nil, []*int64{nil})
	if indexed != nil {
		searched.Set(0, new(int64(*indexed)))
	}
	return table(data.NewFrame("health",
		data.NewField("chain", nil, []string{status.Name}),
		data.NewField("genesis", nil, []string{status.Chain.String()}),
		data.NewField("node", nil, []string{status.Node.String()}),
		data.NewField("ready", nil, []bool{hindrance == ""}),
		data.NewField("hindrance", nil, []string{hindrance}),
		data.NewField("log time", nil, []*time.Time{orNoTime(status.LogTime)}),
		data.NewField("height", nil, []int64{int64(status.Height)}),
		data.NewField("final height", nil, []int64{int64(status.Final)}),
		data.NewField("chain hash", nil, []string{status.FinalHash.String()}),
		data.NewField("epoch", nil, []int64{int64(status.Epoch)}),
		data.NewField("blocks not final", nil, []int64{int64(status.NotFinal)}),
		data.NewField("in flight", nil, []int64{int64(status.InFlight)}),
		data.NewField("signs", nil, []bool{status.Signs}),
		data.NewField("diverged", nil, []bool{status.Diverged}),
		searched,
	))
}
