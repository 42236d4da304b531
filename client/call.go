package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// maxAnswerBytes bounds an answer that is held in memory: whole blocks are the
// largest.
const maxAnswerBytes = ledger.MaxSignedBlockBytes

// call is one request and how to read its answer.
type call struct {
	method      string
	path        string
	query       url.Values
	header      map[string]string
	contentType string
	body        []byte
	safe        bool          // may be repeated where its outcome is not known
	timeout     time.Duration // 0: the client's
	out         any           // pointer for JSON, *[]byte for the bytes, nil for nothing
	status      int           // of the answer, set when the call returns
	answer      http.Header   // its header
}

// get returns the call that reads a path as JSON.
func get(path string, query url.Values, out any) *call {
	return &call{method: http.MethodGet, path: path, query: query, safe: true, out: out}
}

// do makes the call, again where that is safe (invariant 1).
func (c *Client) do(ctx context.Context, k *call) error {
	rests := c.rests()
	for {
		err := c.try(ctx, k)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var p *Problem
		refused := errors.As(err, &p)
		if refused && !p.temporary() || !refused && !k.safe {
			return err
		}
		after := time.Duration(0)
		if refused {
			after = p.RetryAfter
			if p.Status == http.StatusGatewayTimeout && !k.safe {
				return err
			}
		}
		if !rests.rest(ctx, after) {
			return err
		}
	}
}

// try makes the call once.
func (c *Client) try(ctx context.Context, k *call) error {
	timeout := k.timeout
	if timeout == 0 {
		timeout = c.options.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	request, err := c.request(ctx, k.method, k.path, k.query, body)
	if err != nil {
		return err
	}
	if k.contentType != "" {
		request.Header.Set("Content-Type", k.contentType)
	}
	for name, value := range k.header {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request) //nolint:bodyclose // drop closes it
	if err != nil {
		return fmt.Errorf("ask %s: %w", c.base.Host, err)
	}
	defer drop(response.Body)
	k.status, k.answer = response.StatusCode, response.Header
	if response.StatusCode >= http.StatusMultipleChoices {
		return readProblem(response)
	}
	return k.read(response)
}

func (k *call) read(response *http.Response) error {
	if k.out == nil || response.StatusCode == http.StatusNoContent {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", k.path, err)
	}
	if len(b) > maxAnswerBytes {
		return fmt.Errorf("read the answer of %s: more than %d bytes", k.path, maxAnswerBytes)
	}
	if raw, ok := k.out.(*[]byte); ok {
		*raw = b
		return nil
	}
	if err := json.Unmarshal(b, k.out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", k.path, err)
	}
	return nil
}

// request returns a request with the token.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	u := *c.base
	u.Path += path
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base.Host, err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return request, nil
}

// drop lets the connection be used again, if little is left on it.
func drop(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10) // only to keep the connection
	_ = body.Close()
}

// rests counts and times the repeats of one call.
type rests struct {
	left int
	next time.Duration
	most int
	base time.Duration
}

func (c *Client) rests() *rests {
	return &rests{left: c.options.Retries, next: c.options.Backoff, most: c.options.Retries, base: c.options.Backoff}
}

// progress starts the count afresh, since something was reached.
func (r *rests) progress() { r.left, r.next = r.most, r.base }

// rest waits before a repeat, at least as long as the server said. It reports
// false when there is none left or the context ends.
func (r *rests) rest(ctx context.Context, after time.Duration) bool {
	if r.left <= 0 {
		return false
	}
	r.left--
	wait := min(max(r.next, after), maxBackoff)
	r.next *= 2
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
