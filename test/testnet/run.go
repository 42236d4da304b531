package testnet

import (
	"context"
	"errors"
	"fmt"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// Outcome is where a simulation ended.
type Outcome struct {
	Job       *fl.Job
	ChainHash ledger.Digest // of the newest header that is final at every node
	Height    uint64
	LogTime   int64
}

// maxTicks bounds a simulation.
const maxTicks = 50_000

// Train runs a job to its end and until its last transaction is final at every
// node.
func (n *Net) Train(ctx context.Context, spec job.Spec) (Outcome, error) {
	if err := n.Begin(ctx, spec); err != nil {
		return Outcome{}, err
	}
	return n.End(ctx)
}

// Begin puts the job on the ledger.
func (n *Net) Begin(ctx context.Context, spec job.Spec) error {
	signed, err := n.sign(n.member(), n.secrets.Key(localnet.KindMember, 0), fl.MethodCreateJob,
		&fl.CreateJob{Key: []byte(jobName), Spec: spec})
	if err != nil {
		return err
	}
	if err := n.accepted(n.alive().send(ctx, signed)); err != nil {
		return fmt.Errorf("create the job: %w", err)
	}
	n.job = n.JobID()
	for _, node := range n.nodes {
		node.stepper = node.service.Stepper(n.job)
	}
	return nil
}

// Cancel ends the job in its creator's name.
func (n *Net) Cancel(ctx context.Context) error {
	signed, err := n.sign(n.member(), n.secrets.Key(localnet.KindMember, 0), fl.MethodCancelJob, &fl.CancelJob{Job: n.job})
	if err != nil {
		return err
	}
	return n.accepted(n.alive().send(ctx, signed))
}

func (n *Net) accepted(result ledger.Result, detail string, err error) error {
	if err == nil && result.Code != ledger.CodeOK {
		err = fmt.Errorf("refused as %s: %s", result.Code, detail)
	}
	return err
}

// End goes on until the job has ended and its last transaction is final at
// every node that is up.
func (n *Net) End(ctx context.Context) (Outcome, error) {
	var ended *fl.Job
	err := n.Until(ctx, func() (bool, error) {
		j, err := n.Job()
		ended = j
		return err == nil && j.State.Terminal() && n.settled(), err
	})
	if err != nil {
		return Outcome{}, err
	}
	first := n.alive()
	return Outcome{Job: ended, ChainHash: first.finalHash, Height: first.final, LogTime: first.core.Clock().Now}, nil
}

// ErrStuck tells that what was waited for did not come about.
var ErrStuck = errors.New("the simulation does not get there")

// Until lets everybody act until done says so.
func (n *Net) Until(ctx context.Context, done func() (bool, error)) error {
	for range maxTicks {
		if ok, err := done(); err != nil || ok {
			return err
		}
		if err := n.step(ctx); err != nil {
			return err
		}
	}
	j, err := n.Job()
	return errors.Join(fmt.Errorf("%w in %d ticks; the job is %+v", ErrStuck, maxTicks, j), err, errors.Join(n.peerErrors...))
}

// step lets everybody act once, in an order drawn by chance.
func (n *Net) step(ctx context.Context) error {
	n.tick()
	length, posted, next := len(n.log), len(n.post), int64(0)
	for _, i := range n.random.Perm(len(n.nodes)) {
		node := n.nodes[i]
		if node.down {
			continue
		}
		if err := node.turn(ctx); err != nil {
			return err
		}
		if node.stepper == nil {
			continue
		}
		_, wake, err := node.stepper.Step(ctx)
		if err != nil {
			return err
		}
		switch {
		case wake == 0:
		case n.now >= wake:
			if err := node.Wake(ctx, wake); err != nil {
				return err
			}
		case next == 0 || wake < next:
			next = wake
		}
	}
	if len(n.peers) > 0 {
		if err := n.peers[n.random.IntN(len(n.peers))].Step(ctx); err != nil {
			n.peerErrors = append(n.peerErrors, err)
		}
	}
	n.skip(len(n.log) == length && posted+len(n.post) == 0, next)
	return nil
}

// skip moves the clock on to the time that somebody waits for once all have
// been idle for long enough to be sure that nothing else will happen.
func (n *Net) skip(idle bool, next int64) {
	if n.quiet++; !idle {
		n.quiet = 0
	}
	if n.quiet > 8+6*len(n.peers) && next > n.now {
		n.now, n.quiet = next, 0
	}
}

// settled reports whether every node that is up has made the same height final
// and holds nothing that is in no block.
func (n *Net) settled() bool {
	first := n.alive()
	for _, node := range n.nodes {
		if node.down {
			continue
		}
		stats := node.core.Machine.Stats()
		if node.final != first.final || stats.Final != stats.Height || stats.OpenTransactions != 0 || node.next != uint64(len(n.log)) {
			return false
		}
	}
	return true
}

// JobID returns the id of the simulation's job.
func (n *Net) JobID() ledger.Digest { return fl.JobID(n.member(), []byte(jobName)) }

func (n *Net) member() ledger.ID { return n.secrets.ID(localnet.KindMember, 0) }

// Job returns the job's row as the first node that is up has it.
func (n *Net) Job() (*fl.Job, error) {
	j, ok, err := fl.LoadJob(n.State(), n.job)
	if err == nil && !ok {
		err = fmt.Errorf("no job %s", n.job)
	}
	return j, err
}

// State returns the state as the first node that is up has it.
func (n *Net) State() contract.Range { return n.alive().core }

// Now returns the simulated time, ms.
func (n *Net) Now() int64 { return n.now }

// Group returns the group of the genesis.
func (n *Net) Group() *ledger.Group { return &n.genesis.Group }

// NodeID returns the id of a node.
func (n *Net) NodeID(i int) ledger.ID { return n.nodes[i].config.Self }

// NodeIndex returns which node has the id, -1 where none has.
func (n *Net) NodeIndex(id ledger.ID) int {
	for i, node := range n.nodes {
		if node.config.Self == id {
			return i
		}
	}
	return -1
}

// PeerID returns the id of a peer.
func (n *Net) PeerID(i int) ledger.ID { return n.secrets.ID(localnet.KindPeer, i) }

// Blobs returns a node's blob store.
func (n *Net) Blobs(i int) blob.Store { return n.nodes[i].blobs }

// AllBlobs returns the blob stores of all nodes.
func (n *Net) AllBlobs() []blob.Store {
	all := make([]blob.Store, len(n.nodes))
	for i, node := range n.nodes {
		all[i] = node.blobs
	}
	return all
}

// alive returns the first node that is up and in the group.
func (n *Net) alive() *simNode {
	for _, node := range n.nodes {
		if !node.down && !node.outside() {
			return node
		}
	}
	return n.nodes[0]
}

// PeerErrors returns what went wrong at peers. A peer tries again, as one that
// runs by itself does.
func (n *Net) PeerErrors() []error { return n.peerErrors }

// Records returns how many records are on the log.
func (n *Net) Records() int { return len(n.log) }
