package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/librum/librum/client"
)

// askError tells that a query asks for what there is not: whoever wrote it can
// mend it.
type askError struct{ text string }

func (e *askError) Error() string { return e.text }

func wrongAsk(format string, args ...any) error { return &askError{fmt.Sprintf(format, args...)} }

// cause is what an error means to who reads the panel (invariant 4).
type cause struct {
	status backend.Status
	source backend.ErrorSource
	text   string
}

func causeOf(err error) cause {
	var (
		p    *client.Problem
		ask  *askError
		grid *url.Error
		conn net.Error
	)
	downstream := func(status backend.Status, text string) cause {
		return cause{status, backend.ErrorSourceDownstream, text}
	}
	switch {
	case errors.As(err, &p):
		return downstream(statusOf(p.Status), err.Error())
	case errors.As(err, &ask):
		return downstream(backend.StatusBadRequest, err.Error())
	case errors.Is(err, context.Canceled):
		return downstream(499, "the query was given up")
	case errors.Is(err, context.DeadlineExceeded):
		return downstream(backend.StatusTimeout, fmt.Sprintf("the node does not answer within %s: %v", askTime, err))
	case errors.As(err, &grid), errors.As(err, &conn), isTLS(err):
		return downstream(backend.StatusBadGateway, reach(err))
	}
	return cause{backend.StatusInternal, backend.ErrorSourcePlugin, err.Error()}
}

// statusOf keeps what Grafana has a name for.
func statusOf(status int) backend.Status {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests,
		http.StatusNotImplemented, http.StatusBadGateway, http.StatusGatewayTimeout:
		return backend.Status(status)
	case http.StatusUnprocessableEntity:
		return backend.StatusBadRequest
	}
	return backend.StatusBadGateway
}

func isTLS(err error) bool {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
	)
	return errors.As(err, &unknown) || errors.As(err, &hostname) || errors.As(err, &invalid) || errors.As(err, &verify) || errors.As(err, &record)
}

// reach says why the node was not reached and what to do about it.
func reach(err error) string {
	var (
		dns      *net.DNSError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
	)
	advice := "look whether the node runs and whether this machine may reach it"
	switch {
	case errors.As(err, &dns):
		advice = "no such host is known here; look at the URL"
	case errors.As(err, &unknown):
		advice = "its certificate is signed by nobody this machine trusts; turn on \"With CA cert\" and give the certificate of the authority"
	case errors.As(err, &hostname):
		advice = "its certificate is for another name; correct the URL, or give the name as server name"
	case errors.As(err, &invalid):
		advice = "its certificate does not hold (expired, or not for servers); have the operator renew it"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		advice = "it does not speak TLS; begin the URL with http://"
	}
	return fmt.Sprintf("%v: %s", err, advice)
}

// failed is the answer to a query that could not be answered.
func failed(err error) backend.DataResponse {
	c := causeOf(err)
	return backend.ErrDataResponseWithSource(c.status, c.source, c.text)
}

// inQuery adds the whole query to what the node says is wrong with it: the
// character that it names counts in the query as it was sent.
func inQuery(err error, query string) error {
	const shown = 200
	if !client.IsCode(err, "bad_query") {
		return err
	}
	if r := []rune(query); len(r) > shown {
		query = string(r[:shown]) + "…"
	}
	return fmt.Errorf("%w; in %s", err, query)
}
