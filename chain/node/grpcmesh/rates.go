package grpcmesh

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/librum/librum/chain/ledger"
)

// How much one node may ask a second, on average: each signature may cost the
// core a check, each height a look into the store. A node that makes blocks as
// fast as it can, or catches up, stays below.
const (
	pushRate  = 1_000
	pushBurst = 2 * signatureQueue
	pullRate  = 1_000
	pullBurst = 2 * signatureQueue
)

// rates bounds what each node asks.
type rates struct {
	now   func() time.Time
	mu    *sync.Mutex
	nodes map[ledger.ID]*nodeRates
}

type nodeRates struct{ pushes, pulls *rate.Limiter }

func newRates(now func() time.Time) rates {
	return rates{now: now, mu: new(sync.Mutex), nodes: map[ledger.ID]*nodeRates{}}
}

func (r *rates) allow(caller ledger.ID, pushes, pulls int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.nodes[caller]
	if !ok {
		if len(r.nodes) >= maxBoxes {
			clear(r.nodes) // most have left the group
		}
		n = &nodeRates{rate.NewLimiter(pushRate, pushBurst), rate.NewLimiter(pullRate, pullBurst)}
		r.nodes[caller] = n
	}
	now := r.now()
	return n.pushes.AllowN(now, pushes) && n.pulls.AllowN(now, pulls)
}
