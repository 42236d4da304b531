package api

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMeterAgainstTwin compares a meter with a bucket counted in Go.
func TestMeterAgainstTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		const perSecond, burst, bytesPerSecond, bytesBurst = 10, 5, 100, 50
		m := newMeters[int](1, Rate{perSecond, burst}, Rate{bytesPerSecond, bytesBurst}).of(0)
		now := time.UnixMilli(1_700_000_000_000)
		tokens, bytes := float64(burst), float64(bytesBurst)
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			passed := time.Duration(rapid.IntRange(0, 300).Draw(r, "ms")) * time.Millisecond
			now = now.Add(passed)
			tokens = min(burst, tokens+passed.Seconds()*perSecond)
			bytes = min(bytesBurst, bytes+passed.Seconds()*bytesPerSecond)
			if rapid.Bool().Draw(r, "charge") {
				n := rapid.IntRange(0, 170).Draw(r, "bytes")
				m.charge(now, n)
				bytes -= float64(n)
				continue
			}
			const near = 1e-6 // either verdict is right at the edge
			wait, ok := m.admit(now)
			switch {
			case bytes < -near:
				if ok || wait < time.Duration(-bytes/bytesPerSecond*float64(time.Second))-time.Microsecond {
					r.Fatalf("with %f bytes to pay for: %t, wait %v", -bytes, ok, wait)
				}
			case bytes < near:
				return
			case tokens < 1-near && ok, tokens > 1+near && !ok:
				r.Fatalf("with %f tokens: %t", tokens, ok)
			}
			if ok {
				tokens--
			}
		}
	})
}

// Memory is bounded by how many are told apart; who asked longest ago is
// forgotten.
func TestMetersForget(t *testing.T) {
	t.Parallel()
	m := newMeters[int](3, Rate{1, 1}, Rate{})
	first := m.of(1)
	for _, key := range []int{2, 3, 1, 4} {
		m.of(key)
	}
	if len(m.byKey) != 3 || m.order.Len() != 3 || m.of(1) != first {
		t.Errorf("%d meters, %d in order, or one that asked lately was forgotten", len(m.byKey), m.order.Len())
	}
	if _, ok := m.byKey[2]; ok {
		t.Error("who asked longest ago is remembered")
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7/32", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[::ffff:192.0.2.7]:1": "192.0.2.7/32",
		"[fe80::1%eth0]:1": "fe80::/64", "@": "invalid Prefix",
	} {
		if got := addressOf(&http.Request{RemoteAddr: remote}).String(); got != want {
			t.Errorf("%s is of %s, want %s", remote, got, want)
		}
	}
}
