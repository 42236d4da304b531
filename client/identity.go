package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Identity is a member's own key. A client that has one needs no token: it asks
// the node for one that only reads, keeps it in memory and asks for another
// before it ends.
type Identity struct {
	Key    *identity.Key
	Chain  ledger.Digest // the request is good on no other; zero: whichever the node says
	Name   string        // of its tokens, for people
	Now    func() time.Time
	Random io.Reader
}

// request returns a request for a token at a node, not bound to a channel yet.
func (i *Identity) request(chain ledger.Digest, node ledger.ID, name string, signs bool, life time.Duration) (*v1.TokenRequest, error) {
	r := &v1.TokenRequest{
		Version: ledger.Version, Chain: chain, Node: node, Name: name, Signs: signs, Life: uint64(life / time.Second),
		Expiry: i.Now().Add(requestLife).UnixMilli(),
	}
	if _, err := io.ReadFull(i.Random, r.Nonce[:]); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return r, nil
}

const (
	requestLife = 2 * time.Minute // room for clocks that differ
	sessionLife = time.Hour
	// renewAt is the part of a session's life after which it is renewed.
	renewAt = 3
	renewOf = 4
)

// session is the token of a client with an identity.
type session struct {
	Identity

	client *Client
	turn   chan struct{} // held by who asks for a token

	mu     sync.Mutex
	secret string
	renew  time.Time
}

func newSession(c *Client, i Identity) *session {
	return &session{Identity: i, client: c, turn: make(chan struct{}, 1)}
}

// token returns a token that lives on for a while, asking for one where there is
// none; all who need one meanwhile share it.
func (s *session) token(ctx context.Context) (string, error) {
	if secret, ok := s.have(); ok {
		return secret, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if secret, ok := s.have(); ok {
		return secret, nil
	}
	made, err := s.client.CreateToken(ctx, &s.Identity, s.Name, false, sessionLife)
	if err != nil {
		return "", fmt.Errorf("ask for a token: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	life := made.Expiry.Sub(made.Created)
	s.secret, s.renew = made.Secret, s.Now().Add(life*renewAt/renewOf)
	return s.secret, nil
}

func (s *session) have() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secret, s.secret != "" && s.Now().Before(s.renew)
}

// drop forgets a token that the node refused.
func (s *session) drop(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secret == secret {
		s.secret = ""
	}
}

// signedIn is a transport that sends requests with the session's token, and
// once more with a new one where the node knows the old one no more.
type signedIn struct {
	http.RoundTripper

	session *session
}

// RoundTrip implements [http.RoundTripper].
func (t signedIn) RoundTrip(r *http.Request) (*http.Response, error) {
	for again := r.Body == nil || r.GetBody != nil; ; again = false {
		secret, err := t.session.token(r.Context())
		if err != nil {
			return nil, errors.Join(err, closeBody(r))
		}
		try := r.Clone(r.Context())
		try.Header.Set("Authorization", "Bearer "+secret)
		response, err := t.RoundTripper.RoundTrip(try)
		if err != nil || response.StatusCode != http.StatusUnauthorized {
			return response, err
		}
		t.session.drop(secret)
		if !again {
			return response, nil
		}
		drop(response.Body)
		if r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

// CreateToken asks the node for a bearer token of the identity's. One that signs
// works once the ledger lists its key as the member's delegate.
func (c *Client) CreateToken(ctx context.Context, i *Identity, name string, signs bool, life time.Duration) (v1.NewBearerToken, error) {
	var out v1.NewBearerToken
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	chain, node, err := c.whoAnswers(ctx)
	if err != nil {
		return out, err
	}
	if !i.Chain.IsZero() {
		chain = i.Chain
	}
	wanted, err := i.request(chain, node, name, signs, life)
	if err != nil {
		return out, err
	}
	request, err := c.plain(ctx, http.MethodPost, pathTokens, nil)
	if err != nil {
		return out, err
	}
	if request, err = bound(request, i.Key, wanted); err != nil {
		return out, err
	}
	request.Header.Set("Content-Type", "application/cose")
	response, err := c.stranger.Do(request) //nolint:bodyclose // drop closes it
	if err != nil {
		return out, fmt.Errorf("ask %s: %w", c.base.Host, err)
	}
	defer drop(response.Body)
	if response.StatusCode >= http.StatusMultipleChoices {
		return out, readProblem(response)
	}
	k := call{path: pathTokens, out: &out}
	return out, k.read(response)
}

const pathTokens = "/v1/bearer-tokens" //nolint:gosec // a path

// challenge is the header with which a node tells strangers who it is.
var challenge = regexp.MustCompile(`^Bearer realm="librum", chain="([0-9a-f]{64})", node="([0-9a-f]{32})"$`)

// whoAnswers asks which node of which chain a request for a token must name.
func (c *Client) whoAnswers(ctx context.Context) (chain ledger.Digest, node ledger.ID, err error) {
	request, err := c.plain(ctx, http.MethodGet, "/v1/status", nil)
	if err != nil {
		return chain, node, err
	}
	response, err := c.stranger.Do(request) //nolint:bodyclose // drop closes it
	if err != nil {
		return chain, node, fmt.Errorf("ask %s: %w", c.base.Host, err)
	}
	defer drop(response.Body)
	parts := challenge.FindStringSubmatch(response.Header.Get("WWW-Authenticate"))
	if response.StatusCode != http.StatusUnauthorized || parts == nil {
		if response.StatusCode >= http.StatusMultipleChoices {
			return chain, node, readProblem(response)
		}
		return chain, node, fmt.Errorf("ask %s: it does not say which node it is", c.base.Host)
	}
	if chain, err = ledger.ParseDigest(parts[1]); err != nil {
		return chain, node, err
	}
	node, err = ledger.ParseID(parts[2])
	return chain, node, err
}

// plain returns a request without a token.
func (c *Client) plain(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	u := *c.base
	u.Path += path
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base.Host, err)
	}
	return request, nil
}

// Tokens lists the caller's bearer tokens at this node, oldest first.
func (c *Client) Tokens(ctx context.Context) ([]v1.BearerToken, error) {
	var out v1.BearerTokens
	return out.Tokens, c.do(ctx, get(pathTokens, nil, &out))
}

// RevokeToken revokes a token by its id.
func (c *Client) RevokeToken(ctx context.Context, id ledger.ID) error {
	return c.do(ctx, &call{method: http.MethodDelete, path: pathTokens + "/" + id.String()})
}
