package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/node"
)

// The query parameters that every read takes.
const (
	queryAfter       = "after"
	queryConsistency = "consistency"
	linearizable     = "linearizable"
)

// takesPosition reports whether requests to a route may say what they must see.
func takesPosition(method, path string) bool {
	return (method == http.MethodGet || method == http.MethodHead) && strings.HasPrefix(path, "/v1/")
}

// positionParams documents them.
func positionParams() []*huma.Param {
	return []*huma.Param{{
		Name: queryAfter, In: "query",
		Description: "Wait until this node has executed the log up to here: the header " + v1.PositionHeader + " of an answer, of any node, or the position of a transaction.",
		Schema:      &huma.Schema{Type: "string", Pattern: `^[0-9]{1,19}(\.[0-9]{1,9})?$`},
	}, {
		Name: queryConsistency, In: "query",
		Description: "linearizable: ask the log where it ends, and wait until this node has executed all of that.",
		Schema:      &huma.Schema{Type: "string", Enum: []any{linearizable}},
	}}
}

// settle waits until this node has executed what a read must see, and takes the
// question out of the request.
func (s *server) settle(r *http.Request) (*http.Request, error) {
	if r.URL.RawQuery == "" || !takesPosition(r.Method, r.URL.Path) {
		return r, nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return r, fail("bad_request", "the query cannot be read")
	}
	after, consistency := query[queryAfter], query[queryConsistency]
	if after == nil && consistency == nil {
		return r, nil
	}
	next, err := parseAfter(after)
	if err != nil {
		return r, err
	}
	if len(consistency) > 1 || len(consistency) == 1 && consistency[0] != linearizable {
		return r, invalidField("query."+queryConsistency, "want "+linearizable)
	}
	if err := s.awaitExecuted(r.Context(), next, len(consistency) == 1); err != nil {
		return r, err
	}
	query.Del(queryAfter)
	query.Del(queryConsistency)
	r = r.WithContext(r.Context()) // a copy, whose URL may be changed
	u := *r.URL
	u.RawQuery = query.Encode()
	r.URL = &u
	return r, nil
}

// parseAfter returns the offset of the next record to execute, which is at least
// this once a position was executed.
func parseAfter(values []string) (uint64, error) {
	if len(values) == 0 {
		return 0, nil
	}
	offset, index, isTransaction := strings.Cut(values[0], ".")
	next, err := strconv.ParseUint(offset, 10, 63)
	if err == nil && isTransaction {
		_, err = strconv.ParseUint(index, 10, 32)
		next++
	}
	if err != nil || len(values) > 1 {
		return 0, invalidField("query."+queryAfter, "want an offset of the log, or a position offset.index")
	}
	return next, nil
}

// awaitExecuted waits until the records before next, and where toEnd is set all
// that are on the log now, were executed here. What the log does not hold is not
// waited for: nobody can have seen it.
func (s *server) awaitExecuted(ctx context.Context, next uint64, toEnd bool) error {
	if !toEnd && s.Node.Status().Next >= next {
		return nil
	}
	leave, err := s.reads.enter(callerOf(ctx).Member)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := waiting(ctx, s.Limits.Wait)
	defer cancel()
	end, err := s.Node.LogEnd(ctx)
	if err != nil {
		return fmt.Errorf("ask the log's end: %w", err)
	}
	if next > end {
		return invalidField("query."+queryAfter, fmt.Sprintf("the log ends before: the next record will be %d", end))
	}
	if toEnd {
		next = end
	}
	_, err = s.Node.Await(ctx, func(st node.Status) bool { return st.Next >= next })
	return err
}
