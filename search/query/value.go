package query

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
)

// value reads a field's value; one that is compared may be a bound.
func (p *parser) value(f document.Field, t token, bound bool) (any, error) {
	v, expected := ParseValue(f, t.text, bound)
	if expected != "" {
		return nil, p.fail(t.at, expected, quoteShort(t.text))
	}
	return v, nil
}

// ParseValue reads a value of a field, as a bound or as itself. What it expects
// is empty where the text fits.
func ParseValue(f document.Field, text string, bound bool) (v any, expected string) {
	switch f.Type {
	case document.Keyword:
		if bound && f.Many {
			return nil, fmt.Sprintf("no order: %s has many values", f.Name)
		}
		if text == "" || len(text) > document.MaxKeywordBytes {
			return nil, fmt.Sprintf("1 to %d bytes", document.MaxKeywordBytes)
		}
		return text, ""
	case document.Integer:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, ""
		}
		return nil, "a whole number"
	case document.Time:
		if ms, ok := parseTime(text); ok {
			return ms, ""
		}
		return nil, "a time, as 2026-01-31, 2026-01-31T12:00:00Z or milliseconds"
	case document.Number:
		if x, ok := parseNumber(text); ok {
			return x, ""
		}
		return nil, "a number"
	case document.Amount:
		a, err := ledger.ParseAmount(text)
		if err != nil {
			return nil, "an amount: a decimal number in the smallest units"
		}
		if bound {
			return AmountNumber(a.String()), ""
		}
		return a.String(), ""
	case document.Flag:
		if bound || text != "true" && text != "false" {
			return nil, "true or false"
		}
		return text == "true", ""
	case document.Text:
	}
	return nil, fmt.Sprintf("words: %s is text and has no order", f.Name)
}

func parseNumber(text string) (float64, bool) {
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil && !math.IsInf(x, 0) && !math.IsNaN(x) && !strings.ContainsAny(text, "xXpP_")
}

func parseTime(text string) (int64, bool) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ms, ms > -document.MaxTime && ms < document.MaxTime
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}

// AmountNumber is an amount in double precision, never above the largest amount;
// 0 where the text is none.
func AmountNumber(text string) float64 {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return min(x, math.Nextafter(0x1p256, 0))
}

// ParseInterval reads an interval of a histogram: a whole number with ms, s, m, h
// or d; nothing is none.
func ParseInterval(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[text[len(number):]]
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 1 || unit == 0 || time.Duration(n) > maxInterval/unit {
		return 0, fmt.Errorf("%w: interval: %.20q, want a whole number with ms, s, m, h or d, at most 3650d", ErrRequest, text)
	}
	return time.Duration(n) * unit, nil
}

const maxInterval = 3650 * 24 * time.Hour
