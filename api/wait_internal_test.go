package api

import (
	"testing"
	"time"
)

func TestBytesMustComeSteadily(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1_000, 0)
	for name, c := range map[string]struct {
		after    time.Duration
		received int64
		want     time.Duration // from begun
	}{
		"at first":                 {0, 0, 30 * time.Second},
		"nothing came":             {20 * time.Second, 0, 30 * time.Second},
		"a little came":            {20 * time.Second, 5_000, 35 * time.Second},
		"all is well":              {20 * time.Second, 1_000_000, 50 * time.Second},
		"slow since the start":     {time.Minute, 40_000, 70 * time.Second},
		"steady, and for too long": {10*time.Minute - time.Second, 1 << 40, 10 * time.Minute},
	} {
		r := steadyReader{idle: 30 * time.Second, rate: 1_000, most: 10 * time.Minute, begun: begun, received: c.received}
		if got := r.deadline(begun.Add(c.after)).Sub(begun); got != c.want {
			t.Errorf("%s: the next bytes must come within %v, want %v", name, got, c.want)
		}
	}
}
