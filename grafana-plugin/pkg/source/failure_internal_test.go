package source

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/client"
)

func problem(status int, code string) error {
	return fmt.Errorf("ask: %w", &client.Problem{Problem: v1.Problem{Type: v1.ProblemBase + code, Title: "title", Status: status}})
}

func TestCauses(t *testing.T) {
	t.Parallel()
	refused := &url.Error{Op: "Get", URL: "http://x", Err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}
	for _, c := range []struct {
		err    error
		status int
		source backend.ErrorSource
		text   string
	}{
		{problem(422, "bad_query"), 400, "downstream", "bad_query"},
		{problem(401, "unauthorised"), 401, "downstream", "title"},
		{problem(403, "not_permitted"), 403, "downstream", "title"},
		{problem(429, "busy"), 429, "downstream", "title"},
		{problem(500, "internal"), 502, "downstream", "title"},
		{problem(503, "index_away"), 502, "downstream", "title"},
		{wrongAsk("no job %d", 7), 400, "downstream", "no job 7"},
		{context.Canceled, 499, "downstream", "given up"},
		{fmt.Errorf("ask: %w", context.DeadlineExceeded), 504, "downstream", "does not answer"},
		{refused, 502, "downstream", "whether the node runs"},
		{&url.Error{Err: &net.DNSError{Name: "x", IsNotFound: true}}, 502, "downstream", "no such host"},
		{&url.Error{Err: x509.UnknownAuthorityError{}}, 502, "downstream", "CA cert"},
		{&url.Error{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}}, 502, "downstream", "server name"},
		{&url.Error{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, 502, "downstream", "renew"},
		{errors.New("a mistake of ours"), 500, "plugin", "a mistake of ours"},
	} {
		if got := causeOf(c.err); int(got.status) != c.status || got.source != c.source || !strings.Contains(got.text, c.text) {
			t.Errorf("%v: %+v, want %d of %s with %q", c.err, got, c.status, c.source, c.text)
		}
	}
	if text := inQuery(problem(422, "bad_query"), strings.Repeat("é", 300)).Error(); !strings.HasSuffix(text, "é…") || len(text) > 600 {
		t.Errorf("a long query is shown as %s", text)
	}
}

// TestPanicsCostOneQuery has a query end in a mistake of the program.
func TestPanicsCostOneQuery(t *testing.T) {
	t.Parallel()
	s := &Source{} // without a client
	out, err := s.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{
		{RefID: "A", QueryType: "health", JSON: []byte(`{}`)},
		{RefID: "B", QueryType: "nothing", JSON: []byte(`{}`)},
		{RefID: "C", QueryType: "search", JSON: []byte(`{"limit":"x"}`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"A": "plugin", "B": "downstream", "C": "downstream"} {
		if got := out.Responses[id]; got.Error == nil || string(got.ErrorSource) != want {
			t.Errorf("%s: %+v, want an error of %s", id, got, want)
		}
	}
}
