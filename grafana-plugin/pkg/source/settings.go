package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"

	"github.com/librum/librum/client"
)

// askTime bounds a request to the node. A search takes at most ten seconds there.
const askTime = 20 * time.Second

// options are what an administrator set beside URL, token and TLS.
type options struct {
	// PlainHTTP allows a node that is not on Grafana's machine to be asked without
	// TLS. Whoever sits between reads the token then.
	PlainHTTP bool `json:"plainHTTP"`
}

// connect makes the client of the node that the settings name. TLS settings are
// those of Grafana's own data sources: tlsAuthWithCACert with tlsCACert,
// serverName, tlsSkipVerify, and a certificate to show.
func connect(ctx context.Context, s *backend.DataSourceInstanceSettings) (*client.Client, error) {
	var o options
	if len(s.JSONData) > 0 {
		if err := json.Unmarshal(s.JSONData, &o); err != nil {
			return nil, fmt.Errorf("read the settings: %w", err)
		}
	}
	url, token := strings.TrimSpace(s.URL), strings.TrimSpace(s.DecryptedSecureJSONData["token"])
	switch {
	case url == "":
		return nil, errors.New("the URL of the node is missing; it is what `librum node` or `librum dev` prints as its address")
	case token == "":
		return nil, errors.New("the token is missing; make one with `librum identity token`, or take the file token of `librum dev`")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("the token holds a space or a character that no token has; copy it again")
	}
	h, err := s.HTTPClientOptions(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the connection's settings: %w", err)
	}
	if h.TLS != nil && h.TLS.CACertificate != "" && !strings.Contains(h.TLS.CACertificate, "BEGIN CERTIFICATE") {
		return nil, errors.New("the CA certificate is no PEM file: it begins with -----BEGIN CERTIFICATE-----")
	}
	if h.Timeouts == nil {
		standard := httpclient.DefaultTimeoutOptions
		h.Timeouts = &standard
	}
	timeouts := *h.Timeouts
	timeouts.Timeout = 0 // of all requests alike, event streams too: each has its own instead
	h.Timeouts = &timeouts
	hc, err := httpclient.New(h)
	if err != nil {
		return nil, fmt.Errorf("set up the connection: %w", err)
	}
	c, err := client.New(url, token, client.Options{HTTP: hc, Timeout: askTime, Retries: -1, PlainHTTP: o.PlainHTTP})
	if errors.Is(err, client.ErrPlainHTTP) {
		return nil, fmt.Errorf("%w; or allow plain HTTP in the settings, for a network that nobody else can read", err)
	}
	return c, err
}
