package coordinator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/recompute"
)

// Receipts vouches for an update that a peer uploaded to this node, and has a
// node of another organisation do the same, as SubmitUpdate wants it.
func (s *Service) Receipts(
	ctx context.Context, peer ledger.ID, id ledger.Digest, number uint64, digest ledger.Digest, size uint64,
) ([][]byte, error) {
	s.hear(peer)
	_, group, err := s.asks(ctx, peer, id, number)
	if err != nil {
		return nil, err
	}
	own, err := s.receipt(ctx, peer, id, number, digest, size)
	if err != nil {
		return nil, err
	}
	receipts := [][]byte{own}
	if alone(group) {
		return receipts, nil
	}
	self, _ := group.Find(s.config.Self)
	strangers := slices.DeleteFunc(s.inTurn(), func(other ledger.ID) bool {
		vouches, ok := group.Find(other)
		return !ok || vouches.Organisation == self.Organisation
	})
	second, err := s.firstToHold(ctx, strangers, Upload{Peer: peer, Job: id, Round: number, Digest: digest, Size: size})
	if err != nil {
		return nil, fmt.Errorf("have the update vouched for by another organisation: %w", err)
	}
	return append(receipts, second), nil
}

// hedgeTime is how long a node is waited for before the next one is asked as well:
// one that is stuck must not keep a peer from being vouched for by another (Dean,
// Barroso: The Tail at Scale, 2013). A large file may go to several for that, all
// of which are to have it in the end.
const hedgeTime = 5 * time.Second

// firstToHold has an update vouched for by one of some nodes, whichever is first.
func (s *Service) firstToHold(ctx context.Context, nodes []ledger.ID, u Upload) ([]byte, error) {
	if len(nodes) == 0 {
		return nil, errAlone
	}
	type answer struct {
		receipt []byte
		err     error
	}
	answers := make(chan answer, len(nodes))
	var asked sync.WaitGroup
	defer asked.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ask := func(node ledger.ID) {
		defer s.asking(node)()
		receipt, err := s.link.Hold(ctx, node, u)
		if err != nil {
			err = fmt.Errorf("node %s: %w", node.Short(), err)
		}
		answers <- answer{receipt, err}
	}
	due := time.NewTimer(0)
	defer due.Stop()
	next := 0
	var tried []error
	for {
		select {
		case <-due.C:
			if next < len(nodes) {
				node := nodes[next]
				asked.Go(func() { ask(node) })
				next++
				due.Reset(hedgeTime)
			}
		case a := <-answers:
			if a.err == nil {
				return a.receipt, nil
			}
			if tried = append(tried, a.err); len(tried) == len(nodes) {
				return nil, reasons(tried)
			}
			due.Reset(0)
		}
	}
}

// ErrTooMany tells that too many files of a peer were copied in one attempt.
var ErrTooMany = errors.New("too many updates of one peer in one attempt")

// maxCopies bounds the files of one peer that a node copies for another node in
// one attempt. A peer submits one; it may have started anew with other rows.
const maxCopies = 4

// copies are the files of a peer of a job that were copied for a node.
type copies struct {
	round, attempt uint64
	digests        []ledger.Digest
}

// place is a peer's in a job, as a node speaks for it. Nothing shows that a file
// is the peer's, so that what one node asks for takes no place of another's.
type place struct {
	job         ledger.Digest
	peer, asker ledger.ID
}

// count lets a file be copied unless there were too many.
func (s *Service) count(at place, number, attempt uint64, digest ledger.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.copied[at]
	if c.round != number || c.attempt != attempt {
		c = copies{round: number, attempt: attempt}
	}
	if slices.Contains(c.digests, digest) {
		return nil
	}
	if len(c.digests) >= maxCopies {
		return fmt.Errorf("%w: %d of peer %s", ErrTooMany, maxCopies, at.peer.Short())
	}
	c.digests = append(c.digests, digest)
	s.copied[at] = c
	return nil
}

// Hold fetches an update that the round asks for and vouches for it, for another
// node, the asker.
func (s *Service) Hold(ctx context.Context, asker ledger.ID, u Upload) ([]byte, error) {
	attempt, _, err := s.asks(ctx, u.Peer, u.Job, u.Round)
	if err != nil {
		return nil, err
	}
	if err := s.fits(ctx, u); err != nil {
		return nil, err
	}
	if err := s.count(place{u.Job, u.Peer, asker}, u.Round, attempt, u.Digest); err != nil {
		return nil, err
	}
	if err := s.Ensure(ctx, u.Digest, u.Size); err != nil {
		return nil, err
	}
	return s.receipt(ctx, u.Peer, u.Job, u.Round, u.Digest, u.Size)
}

// fits refuses a file that is larger than any update of the job's model.
func (s *Service) fits(ctx context.Context, u Upload) error {
	var spec job.Spec
	err := s.config.Ledger.View(ctx, func(state contract.Range, _ int64) error {
		j, ok, err := fl.LoadJob(state, u.Job)
		if err == nil && !ok {
			err = fmt.Errorf("%w: job %s", ErrNotFound, u.Job.Short())
		}
		if err == nil {
			spec = j.Spec
		}
		return err
	})
	if err != nil {
		return err
	}
	layout, err := recompute.UpdateLayout(&spec)
	if err != nil {
		return fmt.Errorf("lay out the model of job %s: %w", u.Job.Short(), err)
	}
	if most := uint64(aggregator.MaxUpdateBytes(layout)); u.Size > most {
		return fmt.Errorf("%w: %d bytes, an update of job %s has at most %d", blob.ErrTooLarge, u.Size, u.Job.Short(), most)
	}
	return nil
}

// receipt signs that this node holds the update (invariant 2).
func (s *Service) receipt(
	ctx context.Context, peer ledger.ID, id ledger.Digest, number uint64, digest ledger.Digest, size uint64,
) ([]byte, error) {
	attempt, group, err := s.asks(ctx, peer, id, number)
	if err != nil {
		return nil, err
	}
	have, ok, err := s.config.Blobs.Has(ctx, digest)
	if err != nil {
		return nil, err
	}
	if !ok || uint64(have) != size {
		return nil, fmt.Errorf("%w: %s of %d bytes", ErrUnavailable, digest.Short(), size)
	}
	key := identity.KeyIn(group, s.config.Self, append([]*identity.Key{s.config.Key}, s.config.OtherKeys...)...)
	if key == nil {
		return nil, fmt.Errorf("%w: this node is not in the group of round %d", ErrNotAsked, number)
	}
	r := ledger.Receipt{
		Version: ledger.Version, Chain: s.config.Chain, Shard: s.config.Genesis.Shard, Epoch: group.Epoch,
		Node: s.config.Self, Blob: digest, Size: size, Subject: fl.ReceiptSubject(id), Round: number, Attempt: attempt, Sender: peer,
	}
	e, err := r.Sign(key.ID(), key.Sign)
	if err != nil {
		return nil, err
	}
	return e.Bytes(), nil
}

// asks returns the attempt in which the job's open round asks the peer, and the
// group that was frozen with it; [ErrNotAsked] where it does not.
func (s *Service) asks(ctx context.Context, peer ledger.ID, id ledger.Digest, number uint64) (attempt uint64, group *ledger.Group, err error) {
	err = s.config.Ledger.View(ctx, func(state contract.Range, _ int64) error {
		r, ok, err := fl.LoadRound(state, id, number)
		if err != nil {
			return err
		}
		if !ok || r.State != job.RoundOpen {
			return fmt.Errorf("%w: round %d of job %s is not open", ErrNotAsked, number, id.Short())
		}
		u, ok, err := fl.LoadUpdate(state, id, number, peer)
		if err != nil {
			return err
		}
		if !ok || u.Attempt != r.Attempt || u.State != fl.UpdateExpected {
			return fmt.Errorf("%w: peer %s in round %d of job %s", ErrNotAsked, peer.Short(), number, id.Short())
		}
		attempt = r.Attempt
		if group, ok, err = fl.LoadGroup(state, id, number); err == nil && !ok {
			err = fmt.Errorf("read the group of round %d of job %s: it is missing", number, id.Short())
		}
		return err
	})
	return attempt, group, err
}

// alone reports whether all nodes of a round's group are of one organisation, so
// that nobody else can vouch and the contract wants nobody else.
func alone(group *ledger.Group) bool {
	return !slices.ContainsFunc(group.Nodes, func(n ledger.GroupNode) bool { return n.Organisation != group.Nodes[0].Organisation })
}
