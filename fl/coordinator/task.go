package coordinator

import (
	"context"
	"fmt"
	"sync"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// Task is what a peer is asked to do.
type Task struct {
	Job       ledger.Digest
	Round     uint64
	Attempt   uint64
	Spec      job.Spec
	Model     ledger.Digest // the model to begin with
	ModelSize uint64        // bytes
	Proof     []byte        // encoded [ledger.ResultProof] of the OpenRound
	Deadline  int64         // log time, ms

	state fl.State // what the server remembers, which some peers fetch too; zero for nothing
}

// Task waits until a round asks the peer and returns what it asks; nil where
// ctx ends first.
func (s *Service) Task(ctx context.Context, peer ledger.ID) (*Task, error) {
	for {
		opened := s.opening()
		task, err := s.TaskNow(ctx, peer)
		if ctx.Err() != nil {
			return nil, nil //nolint:nilerr,nilnil // the poll ends without a task
		}
		if err != nil || task != nil {
			return task, err
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return nil, nil //nolint:nilnil // the poll ends without a task
		}
	}
}

// TaskNow returns what is asked of the peer now, nil where nothing is. It waits
// for no more than the proof.
func (s *Service) TaskNow(ctx context.Context, peer ledger.ID) (*Task, error) {
	s.hear(peer)
	task, opened, err := s.asked(ctx, peer)
	if err != nil || task == nil {
		return nil, err
	}
	// Whoever opened the round has the model; the peer asks this node for it.
	if err := s.Ensure(ctx, task.Model, task.ModelSize); err != nil {
		return nil, err
	}
	if began := task.state; !began.Digest.IsZero() {
		if err := s.Ensure(ctx, began.Digest, began.Size); err != nil {
			return nil, err
		}
	}
	task.Proof, err = s.proofs.get(ctx, opened)
	return task, err
}

// asked returns the task of the first open round that waits for the peer, and
// the transaction that opened the round.
func (s *Service) asked(ctx context.Context, peer ledger.ID) (task *Task, opened ledger.Digest, err error) {
	err = s.config.Ledger.View(ctx, func(state contract.Range, _ int64) error {
		for _, id := range s.active() {
			if task, opened, err = askedIn(state, id, peer); err != nil || task != nil {
				return err
			}
		}
		return nil
	})
	return task, opened, err
}

// active returns the jobs that have a worker.
func (s *Service) active() []ledger.Digest {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]ledger.Digest, 0, len(s.workers))
	for id := range s.workers {
		ids = append(ids, id)
	}
	return ids
}

func askedIn(state contract.State, id ledger.Digest, peer ledger.ID) (*Task, ledger.Digest, error) {
	j, ok, err := fl.LoadJob(state, id)
	if err != nil || !ok || j.Round == 0 || j.State.Terminal() {
		return nil, ledger.Digest{}, err
	}
	r, ok, err := fl.LoadRound(state, id, j.Round)
	if err != nil || !ok || r.State != job.RoundOpen {
		return nil, ledger.Digest{}, err
	}
	u, ok, err := fl.LoadUpdate(state, id, j.Round, peer)
	if err != nil || !ok || u.Attempt != r.Attempt || u.State != fl.UpdateExpected {
		return nil, ledger.Digest{}, err
	}
	began, _, err := fl.LoadStateAfter(state, id, j.Round-1)
	if err != nil {
		return nil, ledger.Digest{}, err
	}
	return &Task{
		state: began, Job: id, Round: j.Round, Attempt: r.Attempt, Spec: j.Spec, Model: r.Model, ModelSize: r.ModelSize,
		Deadline: r.Opened + 1000*j.Spec.RoundTimeoutS,
	}, r.OpenedBy, nil
}

// proofs makes the proof of an opening once for all its peers.
type proofs struct {
	ledger Ledger
	mu     sync.Mutex
	newest map[ledger.Digest]*proof
}

type proof struct {
	done    chan struct{}
	encoded []byte
	err     error
}

// maxProofs bounds the proofs kept; they are forgotten all at once, since only
// those of open rounds are asked for.
const maxProofs = 256

func newProofs(l Ledger) *proofs { return &proofs{ledger: l, newest: map[ledger.Digest]*proof{}} }

func (p *proofs) get(ctx context.Context, id ledger.Digest) ([]byte, error) {
	for {
		made, mine := p.claim(id)
		if mine {
			p.make(ctx, id, made)
		}
		select {
		case <-made.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if made.err == nil {
			return made.encoded, nil
		}
		if mine {
			return nil, fmt.Errorf("prove the opening of the round: %w", made.err)
		}
		// Whoever made it gave up; try for oneself.
	}
}

// claim returns the proof with that id, and whether the caller must make it.
func (p *proofs) claim(id ledger.Digest) (made *proof, mine bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if made, ok := p.newest[id]; ok {
		return made, false
	}
	if len(p.newest) >= maxProofs {
		clear(p.newest)
	}
	made = &proof{done: make(chan struct{})}
	p.newest[id] = made
	return made, true
}

func (p *proofs) make(ctx context.Context, id ledger.Digest, made *proof) {
	defer close(made.done)
	result, err := p.ledger.Proof(ctx, id)
	if err == nil {
		made.encoded, err = ledger.Encode(&result)
	}
	if made.err = err; err != nil {
		p.mu.Lock()
		delete(p.newest, id)
		p.mu.Unlock()
	}
}
