package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	v1 "github.com/librum/librum/api/v1"
)

// Problem is what the server refused a request with.
type Problem struct { //nolint:errname // RFC 9457 calls it so
	v1.Problem

	RetryAfter time.Duration // when to try again, 0 where the server does not say
}

// Error tells it in one line of printable text: a server's words reach the
// user's terminal, and must not steer it.
func (p *Problem) Error() string {
	parts := []string{p.Title}
	if p.Detail != "" {
		parts = append(parts, p.Detail)
	}
	if len(p.Errors) > 0 {
		fields := make([]string, len(p.Errors))
		for i, e := range p.Errors {
			fields[i] = e.Field + ": " + e.Message
		}
		parts = append(parts, strings.Join(fields, "; "))
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, fmt.Sprintf("%s (%s)", strings.Join(parts, ": "), p.Code()))
}

// IsCode reports whether err is a problem of that kind, such as "not_found".
func IsCode(err error, code string) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code() == code
}

// temporary reports whether the server may answer otherwise in a while.
func (p *Problem) temporary() bool {
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

const maxProblemBytes = 1 << 20

// readProblem reads a refusal. What is not a problem of ours, from a proxy say,
// is told by its status.
func readProblem(r *http.Response) error {
	p := &Problem{}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxProblemBytes))
	if err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/problem+json") || json.Unmarshal(b, &p.Problem) != nil {
		p.Problem = v1.Problem{Type: "about:blank", Title: http.StatusText(r.StatusCode)}
	}
	p.Status = r.StatusCode
	if s, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && s > 0 {
		p.RetryAfter = time.Duration(s) * time.Second
	}
	return p
}
