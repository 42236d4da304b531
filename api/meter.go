package api

import (
	"container/list"
	"math"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/librum/librum/internal/netlimit"
)

// Rate is how much may come in the long run, and how much at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// meter counts what one member or address asks.
type meter struct {
	requests *rate.Limiter
	bytes    *rate.Limiter // nil: not counted
}

// admit counts a request, or says after which time to come again: where the
// requests are too many, or the bytes of those before are not paid for yet.
func (m *meter) admit(now time.Time) (wait time.Duration, ok bool) {
	if m.bytes != nil {
		if debt := m.bytes.TokensAt(now); debt < 0 {
			return time.Duration(math.Ceil(-debt / float64(m.bytes.Limit()) * float64(time.Second))), false
		}
	}
	r := m.requests.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// charge counts bytes that have moved. Nothing waits for it: who took too much
// asks no more until it is paid for.
func (m *meter) charge(now time.Time, n int) {
	if m.bytes == nil {
		return
	}
	for n > 0 {
		part := min(n, m.bytes.Burst())
		m.bytes.ReserveN(now, part)
		n -= part
	}
}

// meters holds the meters of those who asked last. Who comes again after many
// others begins afresh: memory is bounded by that.
type meters[K comparable] struct {
	most     int
	requests Rate
	bytes    Rate // PerSecond 0: not counted

	mu    sync.Mutex
	byKey map[K]*list.Element
	order list.List // of *metered[K], the last that asked in front
}

type metered[K comparable] struct {
	key K
	meter
}

func newMeters[K comparable](most int, requests, bytes Rate) *meters[K] {
	return &meters[K]{most: most, requests: requests, bytes: bytes, byKey: map[K]*list.Element{}}
}

func limiter(r Rate) *rate.Limiter { return rate.NewLimiter(rate.Limit(r.PerSecond), max(1, r.Burst)) }

// of returns the meter of a key.
func (m *meters[K]) of(key K) *meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.byKey[key]; ok {
		m.order.MoveToFront(e)
		return &e.Value.(*metered[K]).meter //nolint:forcetypeassert // the list holds nothing else
	}
	if len(m.byKey) >= m.most {
		last := m.order.Back()
		delete(m.byKey, m.order.Remove(last).(*metered[K]).key) //nolint:forcetypeassert // see above
	}
	fresh := &metered[K]{key: key, meter: meter{requests: limiter(m.requests)}}
	if m.bytes.PerSecond > 0 {
		fresh.bytes = limiter(m.bytes)
	}
	m.byKey[key] = m.order.PushFront(fresh)
	return &fresh.meter
}

// addressOf returns the network that a request comes from.
func addressOf(r *http.Request) netip.Prefix {
	port, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{} // of a test, or a socket without addresses: all are one
	}
	return netlimit.Network(port.Addr())
}

// tooMany tells a client to slow down.
func tooMany(wait time.Duration) *failure {
	return fail("too_many_requests", "slow down; what is allowed is counted over time").retry(wait + time.Second - 1)
}
