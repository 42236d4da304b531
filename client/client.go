package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client talks to one node. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	token   string
	http    *http.Client
	options Options

	stranger *http.Client // sends no token
}

// Options tune a client. The zero value is good.
type Options struct {
	HTTP     *http.Client   // nil: one of its own
	Timeout  time.Duration  // of a request that waits for nothing long; 0: 60 s
	Idle     time.Duration  // of a transfer or stream that stands still; 0: 60 s
	Retries  int            // repeats after the first try; 0: 5, negative: none
	Backoff  time.Duration  // before the first repeat, doubled each time; 0: 200 ms
	Roots    *x509.CertPool // who may vouch for the server; nil: the system's, or those of $SSL_CERT_FILE
	Identity *Identity      // in place of a token; nil for none
	// VerifyConnection refuses servers that a root has vouched for, for reasons of
	// one's own; nil: none. See [tls.Config].
	VerifyConnection func(tls.ConnectionState) error
	// PlainHTTP allows a server that is not on this machine to be asked without
	// TLS. Whoever sits between reads the token then.
	PlainHTTP bool
}

// ErrPlainHTTP refuses to send a token over a network in the clear.
var ErrPlainHTTP = errors.New("plain HTTP is for this machine alone; use https://")

// The bounds of waits between repeats.
const (
	maxBackoff = 10 * time.Second
	// defaultIdle lies beyond the server's heartbeat and its longest wait for
	// receipts.
	defaultIdle = time.Minute
)

// New returns a client of the server at base, such as http://127.0.0.1:8080.
func New(base, token string, options Options) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil {
		return nil, fmt.Errorf("read the server's URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("read the server's URL %q: want http://HOST:PORT or https://HOST:PORT", base)
	}
	if u.Scheme == "http" && !options.PlainHTTP && !onThisMachine(u.Hostname()) {
		return nil, fmt.Errorf("read the server's URL %q: %w", base, ErrPlainHTTP)
	}
	if u.User != nil || u.RawQuery != "" {
		return nil, errors.New("read the server's URL: neither a user nor a query is allowed in it")
	}
	if options.Timeout == 0 {
		options.Timeout = time.Minute
	}
	if options.Idle == 0 {
		options.Idle = defaultIdle
	}
	if options.Retries == 0 {
		options.Retries = 5
	}
	if options.Backoff == 0 {
		options.Backoff = 200 * time.Millisecond
	}
	c := &Client{base: u, token: token, options: options}
	hc := http.Client{Transport: defaultTransport(&options)}
	if options.HTTP != nil {
		hc = *options.HTTP
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	stranger := hc
	c.http, c.stranger = &hc, &stranger
	if options.Identity == nil {
		return c, nil
	}
	if token != "" {
		return nil, errors.New("make a client: want a token or an identity, not both")
	}
	hc.Transport = signedIn{RoundTripper: transportOf(&stranger), session: newSession(c, *options.Identity)}
	return c, nil
}

// onThisMachine reports whether what is sent to the host stays on this machine
// (RFC 6761 §6.3 for the name).
func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func transportOf(hc *http.Client) http.RoundTripper {
	if hc.Transport == nil {
		return http.DefaultTransport
	}
	return hc.Transport
}

// defaultTransport goes through the proxy that $HTTPS_PROXY names, if any.
func defaultTransport(o *Options) http.RoundTripper {
	return &http.Transport{
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: o.Roots, VerifyConnection: o.VerifyConnection},
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
		ForceAttemptHTTP2:   true,
	}
}

// Close lets idle connections go.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.stranger.CloseIdleConnections()
}
