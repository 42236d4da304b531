package api

import (
	"context"
	"slices"
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
// It is an index from digest to size and jobs, about 200 bytes a round, that is brought
// up to date when a digest is not in it. Whoever asks for digests that do not
// exist shares one such pass with all who ask meanwhile, and passes take no
// more than a tenth of a core's time.
type public struct {
	state func(context.Context) contract.Range // as of now
	turn  chan struct{}                        // held by who touches what follows
	files map[ledger.Digest]*publicFile
	seen  map[ledger.Digest]seen // by job
	begun time.Time              // of the newest pass
	rest  time.Duration          // from that to the next
}

// publicFile is a file with the jobs that it belongs to: jobs with one seed
// begin with the same model.
type publicFile struct {
	v1.File

	jobs []ledger.Digest
}

// seen is what the index holds of a job.
type seen struct {
	rounds uint64 // those up to this one
	all    bool   // the job has ended: nothing follows
}

// minRest is the least time between the beginnings of two passes.
const minRest = 100 * time.Millisecond

func newPublic(state func(context.Context) contract.Range) *public {
	return &public{
		state: state, turn: make(chan struct{}, 1),
		files: map[ledger.Digest]*publicFile{}, seen: map[ledger.Digest]seen{},
	}
}

// find returns the file with that digest, or nil where no job has it, and
// whether sees accepts one of its jobs; a nil sees accepts any. What a new job
// shares with an old one is found by a pass too.
func (p *public) find(
	ctx context.Context, digest ledger.Digest, sees func(jobs []ledger.Digest) (bool, error),
) (file *publicFile, seen bool, err error) {
	asked := time.Now()
	for _, renew := range []bool{false, true} {
		var fresh bool
		if file, fresh, err = p.look(ctx, digest, asked, renew); err != nil {
			return nil, false, err
		}
		if file != nil {
			if sees == nil {
				return file, true, nil
			}
			if seen, err := sees(file.jobs); err != nil || seen {
				return file, seen, err
			}
		}
		if fresh { // it holds all there was when it was asked
			break
		}
	}
	return file, false, nil
}

// look returns what the index says, after a pass where that is wanted, and whether a pass
// has begun after the given time.
func (p *public) look(ctx context.Context, digest ledger.Digest, asked time.Time, renew bool) (*publicFile, bool, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	if renew && !p.begun.After(asked) {
		if err := p.pass(ctx); err != nil {
			return nil, false, err
		}
	}
	file, ok := p.files[digest]
	if !ok {
		return nil, p.begun.After(asked), nil
	}
	return &publicFile{File: file.File, jobs: slices.Clone(file.jobs)}, p.begun.After(asked), nil
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
	err := p.readJobs(p.state(ctx))
	p.rest = max(minRest, 10*time.Since(p.begun))
	return err
}

// readJobs visits the jobs page by page, and of each what is new.
func (p *public) readJobs(state contract.Range) error {
	const page = 256
	for after := contract.Key(""); ; {
		rows, more, err := scan(state, fl.PrefixJob, after, page)
		if err != nil {
			return err
		}
		for _, r := range rows {
			after = r.Key
			id := ledger.Digest([]byte(r.Key[len(fl.PrefixJob):]))
			if p.seen[id].all {
				continue
			}
			if err := p.readJob(state, id, r.Value); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

func (p *public) readJob(state contract.Range, id ledger.Digest, value []byte) error {
	var j fl.Job
	if err := ledger.Decode("job", value, contract.MaxWriteBytes, &j); err != nil {
		return err
	}
	p.add(id, j.Model, j.ModelSize)
	p.add(id, j.Card, j.CardSize)
	rule, err := j.Spec.Rule()
	remembers := err == nil && rule.Needs().State
	for n := p.seen[id].rounds + 1; n <= j.Round; n++ {
		r, ok, err := fl.LoadRound(state, id, n)
		if err != nil {
			return err
		}
		if ok {
			p.add(id, r.Model, r.ModelSize)
		}
		if ok && remembers { // peers and whoever computes the job again read it
			began, _, err := fl.LoadStateAfter(state, id, n-1)
			if err != nil {
				return err
			}
			p.add(id, began.Digest, began.Size)
		}
	}
	p.seen[id] = seen{rounds: j.Round, all: j.State.Terminal()}
	return nil
}

func (p *public) add(job, digest ledger.Digest, size uint64) {
	if digest.IsZero() {
		return
	}
	file, ok := p.files[digest]
	if !ok {
		file = &publicFile{File: v1.File{Digest: digest, Size: size}}
		p.files[digest] = file
	}
	if !slices.Contains(file.jobs, job) {
		file.jobs = append(file.jobs, job)
	}
}
