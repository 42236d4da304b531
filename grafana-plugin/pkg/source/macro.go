package source

import (
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// noTimeField in place of a field says that a query is not narrowed to the panel's
// times.
const noTimeField = "none"

// macroHelp lists the macros for who wrote another.
const macroHelp = "$__timeFilter, $__timeFilter(FIELD), $__timeFrom, $__timeTo, $__interval, $__interval_ms or $__in(FIELD, VALUE, …)"

// narrowed returns the query with its macros expanded, narrowed to the panel's
// times by a field unless it says itself where it wants that.
func narrowed(text, timeField string, a *asked) (string, error) {
	m := expansion{rest: text, at: a.query}
	if err := m.expand(); err != nil {
		return "", err
	}
	expanded := strings.TrimSpace(m.out.String())
	switch {
	case m.filtered || timeField == noTimeField:
		return expanded, nil
	case expanded == "":
		return timeRange(timeField, a.query.TimeRange), nil
	}
	return "(" + expanded + ") AND " + timeRange(timeField, a.query.TimeRange), nil
}

func timeRange(field string, r backend.TimeRange) string {
	if field == "" {
		field = "time"
	}
	return field + ":[" + millis(r.From) + " TO " + millis(r.To) + "]"
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// expansion replaces macros, but not inside quotes, where $__ is text.
type expansion struct {
	rest     string
	out      strings.Builder
	at       backend.DataQuery
	filtered bool // $__timeFilter was there
}

func (m *expansion) expand() error {
	for m.rest != "" {
		quote, macro := strings.IndexByte(m.rest, '"'), strings.Index(m.rest, "$__")
		switch {
		case quote < 0 && macro < 0:
			m.take(len(m.rest))
		case macro < 0 || quote >= 0 && quote < macro:
			m.take(quote)
			m.take(quotedLength(m.rest))
		default:
			m.take(macro)
			if err := m.macro(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *expansion) take(n int) {
	m.out.WriteString(m.rest[:n])
	m.rest = m.rest[n:]
}

// quotedLength is how long the string is that the text begins with, or the text
// where it has no end: the node says so.
func quotedLength(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// macro replaces the one that the rest begins with.
func (m *expansion) macro() error {
	n := len("$__")
	for n < len(m.rest) && (m.rest[n] == '_' || m.rest[n] >= 'a' && m.rest[n] <= 'z' || m.rest[n] >= 'A' && m.rest[n] <= 'Z') {
		n++
	}
	name := m.rest[:n]
	m.rest = m.rest[n:]
	args, err := m.arguments(name)
	if err != nil {
		return err
	}
	switch {
	case name == "$__timeFilter" && len(args) <= 1:
		field := ""
		if len(args) == 1 {
			field = args[0]
		}
		m.filtered = true
		m.out.WriteString(timeRange(field, m.at.TimeRange))
	case name == "$__timeFrom" && len(args) == 0:
		m.out.WriteString(millis(m.at.TimeRange.From))
	case name == "$__timeTo" && len(args) == 0:
		m.out.WriteString(millis(m.at.TimeRange.To))
	case name == "$__interval_ms" && len(args) == 0:
		m.out.WriteString(strconv.FormatInt(max(1, m.at.Interval.Milliseconds()), 10))
	case name == "$__interval" && len(args) == 0:
		m.out.WriteString(interval(m.at.Interval))
	case name == "$__in" && len(args) > 0:
		return m.in(args)
	default:
		return wrongAsk("the query has %s with %d arguments: want %s", name, len(args), macroHelp)
	}
	return nil
}

// in writes that a field has one of the values; of none there is nothing to find,
// which is said rather than shown as an empty panel.
func (m *expansion) in(args []string) error {
	if len(args) < 2 {
		return wrongAsk("$__in(%s) has no values: choose some of the variable", args[0])
	}
	terms := make([]string, 0, len(args)-1)
	for _, value := range args[1:] {
		terms = append(terms, args[0]+":"+quoted(value))
	}
	m.out.WriteString("(" + strings.Join(terms, " OR ") + ")")
	return nil
}

// arguments reads what stands in parentheses behind a macro, each without its
// quotes.
func (m *expansion) arguments(name string) ([]string, error) {
	if !strings.HasPrefix(m.rest, "(") {
		return nil, nil
	}
	var args []string
	for at, start := 1, 1; at < len(m.rest); {
		switch m.rest[at] {
		case '"':
			at += quotedLength(m.rest[at:])
		case ',', ')':
			if arg := strings.TrimSpace(m.rest[start:at]); arg != "" {
				args = append(args, unquoted(arg))
			}
			if m.rest[at] == ')' {
				m.rest = m.rest[at+1:]
				return args, nil
			}
			at++
			start = at
		default:
			at++
		}
	}
	return nil, wrongAsk("the query has %s( without its )", name)
}

// quoted makes a string of the query language, in which nothing is a sign.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func unquoted(text string) string {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	var out strings.Builder
	for i := 1; i < len(text)-1; i++ {
		if text[i] == '\\' && i+1 < len(text)-1 {
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// interval writes a duration as the node reads it.
func interval(d time.Duration) string {
	return strconv.FormatInt(max(1, d.Milliseconds()), 10) + "ms"
}
