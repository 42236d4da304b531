package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/librum/librum/search/query"
)

// client asks the server.
type client struct {
	transport esapi.Transport
	timeout   time.Duration
	closeIdle func()
}

// refusal is an answer that says no.
type refusal struct {
	Status int
	Type   string // of the error, in Elasticsearch's words
	Reason string
	all    string // types of all that was said
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("Elasticsearch answers %d, %s: %.300s", r.Status, r.Type, r.Reason)
	if advice := r.advice(); advice != "" {
		text += "; " + advice
	}
	return text
}

// advice is what to do about it.
func (r *refusal) advice() string {
	switch {
	case r.Status == http.StatusUnauthorized:
		return "see that user and password, or the API key, are right"
	case r.is("cluster_block_exception"):
		return "the index is read-only: free space on its disks, then set index.blocks.read_only_allow_delete to null"
	case r.Status == http.StatusForbidden:
		return "the user needs the privileges that docs/search.md lists"
	case r.is("parsing_exception"), r.is("strict_dynamic_mapping_exception"), r.is("illegal_argument_exception"):
		return "its mapping is not Librum's: delete the index, and it is built again"
	}
	return ""
}

// is reports whether a type of error is among those that were said.
func (r *refusal) is(kind string) bool { return strings.Contains(r.all, kind) }

// Is has errors.Is know what the server cannot answer now from what it never will.
func (r *refusal) Is(target error) bool {
	switch target {
	case query.ErrAway:
		return r.Status >= http.StatusInternalServerError || r.Status == http.StatusTooManyRequests ||
			r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden
	case query.ErrTooManyGroups:
		return r.is("too_many_buckets_exception")
	case query.ErrRequest:
		return r.is("too_many_buckets_exception") || r.is("too_many_clauses") || strings.Contains(r.Reason, "maxClauseCount")
	}
	return false
}

// isMissing reports whether the server has no index, document or point in time
// of that name.
func isMissing(err error) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && (r.Status == http.StatusNotFound || r.is("index_not_found_exception"))
}

// maxAnswerBytes bounds what is read of an answer.
const maxAnswerBytes = 512 << 20

// ask does a request and decodes the answer, unless into is nil.
func (c *client) ask(ctx context.Context, doing string, r esapi.Request, into any) error {
	err := c.try(ctx, r, into)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	if _, said := errors.AsType[*refusal](err); said {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, query.ErrAway, err)
}

func (c *client) try(ctx context.Context, r esapi.Request, into any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := r.Do(ctx, c.transport)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer within %s", c.timeout)
		}
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.IsError() {
		return refusalOf(answer)
	}
	if answer.Header.Get("X-Elastic-Product") != "Elasticsearch" {
		return errors.New("the server is not Elasticsearch 8")
	}
	if into == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswerBytes))
		return err
	}
	d := json.NewDecoder(io.LimitReader(answer.Body, maxAnswerBytes))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// cause is an error as Elasticsearch tells it.
type cause struct {
	Type      string  `json:"type"`
	Reason    string  `json:"reason"`
	RootCause []cause `json:"root_cause"`
	CausedBy  *cause  `json:"caused_by"`
	Failed    []struct {
		Reason cause `json:"reason"`
	} `json:"failed_shards"`
}

// types are those of an error and of all that lie below it.
func (c *cause) types() string {
	if c == nil {
		return ""
	}
	all := []string{c.Type, c.CausedBy.types()}
	for i := range c.RootCause {
		all = append(all, c.RootCause[i].types())
	}
	for i := range c.Failed {
		all = append(all, c.Failed[i].Reason.types())
	}
	return strings.Join(all, " ")
}

// innermost is the error that tells most.
func (c *cause) innermost() *cause {
	switch {
	case len(c.RootCause) > 0 && c.RootCause[0].Type != "":
		return c.RootCause[0].innermost()
	case c.CausedBy != nil && c.CausedBy.Reason != "":
		return c.CausedBy.innermost()
	}
	return c
}

func refusalOf(answer *esapi.Response) error {
	const most = 1 << 20
	r := &refusal{Status: answer.StatusCode, Type: "no reason"}
	var body struct {
		Error json.RawMessage `json:"error"`
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil || json.Unmarshal(b, &body) != nil {
		return r
	}
	r.read(body.Error)
	return r
}

// read takes what the error says; an error may be a text alone.
func (r *refusal) read(b json.RawMessage) {
	var c cause
	if json.Unmarshal(b, &c) != nil {
		r.Reason = string(b)
		return
	}
	r.all = c.types()
	inner := c.innermost()
	r.Type, r.Reason = inner.Type, inner.Reason
}

// body is a value as the body of a request.
func body(v any) (*bytes.Reader, error) {
	b, err := json.Marshal(v)
	return bytes.NewReader(b), err
}
