package main

import (
	"testing"
	"time"
)

func TestParseExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-05-04":                time.Date(2026, 5, 4, 23, 59, 59, 999e6, time.UTC),
		"2027-12-31":                time.Date(2027, 12, 31, 23, 59, 59, 999e6, time.UTC),
		"2026-05-04T15:00:01+03:00": time.Date(2026, 5, 4, 12, 0, 1, 0, time.UTC),
		"2026-05-04T12:00:00Z":      {},
		"2026-05-03":                {},
		"2026-02-30":                {},
		"in a year":                 {},
		"":                          {},
	} {
		got, err := parseExpiry(text, now)
		if !got.Equal(want) || (err == nil) == want.IsZero() {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
}
