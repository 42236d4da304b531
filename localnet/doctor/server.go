package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/client"
)

// Target is a running node.
type Target struct {
	URL    string
	Roots  *x509.CertPool // nil: the system's
	Client *client.Client // with the token
	// Genesis is the digest that the node's must have; zero: any.
	Genesis ledger.Digest
}

// Server looks at a running node. The error is nil unless nobody answers.
func Server(ctx context.Context, t Target, now func() time.Time) (c Checks, err error) {
	if err := c.connection(ctx, t, now); err != nil {
		return nil, err
	}
	if err := t.Client.Ready(ctx); err != nil {
		c.add("ready", Bad, "the node's log says more", "%v", err)
	} else {
		c.add("ready", OK, "", "the node takes transactions")
	}
	status, err := t.Client.Status(ctx)
	var p *client.Problem
	switch {
	case errors.As(err, &p) && (p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden):
		c.add("token", Bad, "give the one of this network with --token-file", "%v", err)
		return c, nil
	case err != nil:
		c.add("status", Unknown, "try again", "%v", err)
		return c, nil
	}
	c.add("token", OK, "", "the node takes it")
	c.chain(ctx, t, &status)
	c.logTime("log time", now(), status.LogTime)
	c.standing(&status)
	return c, nil
}

// connection looks at what is seen before a token is asked for.
func (c *Checks) connection(ctx context.Context, t Target, now func() time.Time) (err error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return err
	}
	state := OK
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		state = Bad
	}
	c.add("address", state, "use https: the token goes over the network in the clear", "%s", t.URL)
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: t.Roots}, Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL+"/healthz", nil)
	if err != nil {
		return err
	}
	begin := now()
	response, err := (&http.Client{Transport: transport, Timeout: 15 * time.Second}).Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", u.Host, err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	c.add("answers", OK, "", "in %s", now().Sub(begin).Round(time.Millisecond))
	if response.TLS != nil {
		for _, cert := range response.TLS.PeerCertificates {
			c.expiry("certificate of "+cert.Subject.String(), now(), cert.NotAfter, "have it renewed: after that nobody connects")
		}
	}
	c.serverClock(response.Header.Get("Date"), begin, now())
	return nil
}

// serverClock compares clocks by the date of an answer, which has whole seconds.
func (c *Checks) serverClock(date string, begin, end time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		c.add("clock", Unknown, "", "the answer has no date")
		return
	}
	skew := time.Duration(0)
	if latest := at.Add(time.Second); latest.Before(begin) {
		skew = begin.Sub(latest)
	} else if at.After(end) {
		skew = at.Sub(end)
	}
	state := OK
	if skew > badSkew {
		state = Bad
	} else if skew > maxSkew {
		state = Warn
	}
	c.add("clock", state, "set the clocks (NTP): transactions expire by log time, which follows the nodes' clocks", "the server's and this machine's are at most %s apart", skew.Round(time.Second)+time.Second)
}

// chain compares the node's chain with the genesis that it gives.
func (c *Checks) chain(ctx context.Context, t Target, status *v1.Status) {
	raw, digest, err := t.Client.Genesis(ctx)
	if err != nil {
		c.add("genesis", Unknown, "try again", "%v", err)
		return
	}
	g, _, err := ledger.ParseGenesis(raw)
	switch {
	case err != nil:
		c.add("genesis", Bad, "the node's protocol and this program's do not fit", "%v", err)
	case digest != status.Chain:
		c.add("genesis", Bad, "do not trust this node", "its file has digest %s, the node says %s", digest, status.Chain)
	case !t.Genesis.IsZero() && digest != t.Genesis:
		c.add("genesis", Bad, "it is a node of another chain", "digest %s, you said %s", digest, t.Genesis)
	default:
		c.add("genesis", OK, "", "chain %s, %q, protocol version %d, this program writes %d", digest, status.Name, g.Version, ledger.Version)
	}
}

// standing looks at where the node stands.
func (c *Checks) standing(s *v1.Status) {
	state := OK
	if s.NotFinal >= node.MaxNotFinal {
		state = Bad
	} else if s.NotFinal >= manyNotFinal {
		state = Warn
	}
	c.add("finality", state, "see that a quorum of nodes runs and reaches each other", "block %d stored, %d not final", s.Height, s.NotFinal)
	if s.Diverged {
		c.add("diverged", Bad, "the node signs nothing; docs/runbooks/damage.md", "the node computed another header than the quorum signed")
	}
	if s.Skipped > 0 {
		c.add("strangers", Warn, "find out who else writes to the log", "%d records since the start are of nobody in the group", s.Skipped)
	}
	c.add("in flight", OK, "", "%d transactions let in and not executed yet", s.InFlight)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
