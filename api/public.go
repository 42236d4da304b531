package api

import (
	"context"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// public finds out which blobs the door gives away: models that rounds began
// with or ended in, and model cards. Updates are read by the nodes that attest
// them and by nobody else.
//
// It is an index from digest to size, about 100 bytes a round, that is brought
// up to date when a digest is not in it. Whoever asks for digests that do not
// exist shares one such pass with all who ask meanwhile, and passes take no
// more than a tenth of a core's time.
type public struct {
	state contract.Range
	turn  chan struct{} // held by who touches what follows
	sizes map[ledger.Digest]uint64
	seen  map[ledger.Digest]seen // by job
	begun time.Time              // of the newest pass
	rest  time.Duration          // from that to the next
}

// seen is what the index holds of a job.
type seen struct {
	rounds uint64 // those up to this one
	all    bool   // the job has ended: nothing follows
}

// minRest is the least time between the beginnings of two passes.
const minRest = 100 * time.Millisecond

func newPublic(state contract.Range) *public {
	return &public{
		state: state, turn: make(chan struct{}, 1),
		sizes: map[ledger.Digest]uint64{}, seen: map[ledger.Digest]seen{},
	}
}

// find returns the file with that digest if it is public.
func (p *public) find(ctx context.Context, digest ledger.Digest) (v1.File, bool, error) {
	asked := time.Now()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return v1.File{}, false, context.Cause(ctx)
	}
	size, ok := p.sizes[digest]
	if !ok && !p.begun.After(asked) { // a pass begun since saw all there was
		if err := p.pass(ctx); err != nil {
			return v1.File{}, false, err
		}
		size, ok = p.sizes[digest]
	}
	return v1.File{Digest: digest, Size: size}, ok, nil
}

// pass brings the index up to date, once it has rested.
func (p *public) pass(ctx context.Context) error {
	timer := time.NewTimer(time.Until(p.begun.Add(p.rest)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.begun = time.Now()
	err := p.readJobs()
	p.rest = max(minRest, 10*time.Since(p.begun))
	return err
}

// readJobs visits the jobs page by page, and of each what is new.
func (p *public) readJobs() error {
	const page = 256
	for after := contract.Key(""); ; {
		rows, more, err := scan(p.state, fl.PrefixJob, after, page)
		if err != nil {
			return err
		}
		for _, r := range rows {
			after = r.Key
			id := ledger.Digest([]byte(r.Key[len(fl.PrefixJob):]))
			if p.seen[id].all {
				continue
			}
			if err := p.readJob(id, r.Value); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

func (p *public) readJob(id ledger.Digest, value []byte) error {
	var j fl.Job
	if err := ledger.Decode("job", value, contract.MaxWriteBytes, &j); err != nil {
		return err
	}
	p.add(j.Model, j.ModelSize)
	p.add(j.Card, j.CardSize)
	for n := p.seen[id].rounds + 1; n <= j.Round; n++ {
		r, ok, err := fl.LoadRound(p.state, id, n)
		if err != nil {
			return err
		}
		if ok {
			p.add(r.Model, r.ModelSize)
		}
	}
	p.seen[id] = seen{rounds: j.Round, all: j.State.Terminal()}
	return nil
}

func (p *public) add(digest ledger.Digest, size uint64) {
	if !digest.IsZero() {
		p.sizes[digest] = size
	}
}
