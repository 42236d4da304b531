package source

import (
	"context"
	"fmt"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/client"
)

// CheckHealth implements [backend.CheckHealthHandler]: it says what is wrong and
// what to do, or where the node stands.
func (s *Source) CheckHealth(ctx context.Context, _ *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	if s.wrong != nil {
		return unwell(s.wrong.Error()), nil //nolint:nilerr // that is the answer
	}
	status, err := s.client.Status(ctx)
	if err != nil {
		return unwell(diagnosis(err)), nil
	}
	if status.Chain.IsZero() || status.Node.IsZero() {
		return unwell("what answers at this URL is no node of Librum: its /v1/status names no chain"), nil
	}
	answer, err := s.client.Search(ctx, &v1.SearchRequest{Query: "kind:block", Limit: new(0)})
	if err != nil {
		return unwell(fmt.Sprintf("node %s of chain %s answers, but cannot be searched: %s", short(status.Node.String()), status.Name, diagnosis(err))), nil
	}
	text := fmt.Sprintf("Node %s of chain %s: %d blocks are final, %d can be searched.", short(status.Node.String()), status.Name, status.Final, answer.Indexed.Height)
	if why := s.hindrance(ctx); why != "" {
		text += " It takes no transactions now: " + why
	}
	return &backend.CheckHealthResult{Status: backend.HealthStatusOk, Message: text}, nil
}

func unwell(text string) *backend.CheckHealthResult {
	return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: text}
}

// diagnosis says what an error means to who sets the data source up.
func diagnosis(err error) string {
	switch c := causeOf(err); {
	case client.IsCode(err, "no_index"):
		return c.text + ": this node has no index; give its operator's `search: {driver: sqlite}`, or the URL of another node"
	case c.status == http.StatusUnauthorized:
		return c.text + ": the token is unknown here or has run out; make another with `librum identity token`"
	case c.status == http.StatusForbidden:
		return c.text + ": the token's member may not ask this"
	case c.status == http.StatusNotFound:
		return c.text + ": what answers at this URL is no node of Librum, or an older one"
	default:
		return c.text
	}
}
