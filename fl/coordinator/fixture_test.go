package coordinator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

// chain is one ledger in memory that all nodes of a test share: each call is
// executed at once, by the real contract.
type chain struct {
	mu      sync.Mutex
	ledger  *contracttest.Ledger
	now     func() time.Time
	changed chan struct{}
	events  []ledger.Event

	views  int                             // of the state
	proofs int                             // asked for
	prove  func(ctx context.Context) error // what a proof waits for; nil: nothing
}

// Get implements [contract.State].
func (c *chain) Get(key contract.Key) ([]byte, bool, error) { return c.ledger.Get(key) }

// Scan implements [contract.Range].
func (c *chain) Scan(prefix, after contract.Key, limit int) ([]contract.Row, error) {
	var rows []contract.Row
	for _, k := range c.ledger.Keys(string(prefix)) {
		if k > after && len(rows) < limit {
			rows = append(rows, contract.Row{Key: k, Value: c.ledger.Row(k)})
		}
	}
	return rows, nil
}

func (c *chain) call(sender ledger.ID, method string, args any) (ledger.Code, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ledger.Now = max(c.ledger.Now, c.now().UnixMilli())
	refused, events, err := c.ledger.Call(sender, method, args)
	c.events = append(c.events, events...)
	close(c.changed)
	c.changed = make(chan struct{})
	if refused != nil {
		return refused.Code, refused.Error(), nil
	}
	return ledger.CodeOK, "", err
}

// must makes a call that has to be accepted.
func (c *chain) must(who, method string, args any) error {
	code, detail, err := c.call(contracttest.ID(who), method, args)
	if err == nil && code != ledger.CodeOK {
		err = errors.New(detail)
	}
	if err != nil {
		err = fmt.Errorf("%s of %s: %w", method, who, err)
	}
	return err
}

// seat is the chain as one node sees it.
type seat struct {
	*chain
	self ledger.ID
}

func (s seat) View(_ context.Context, read func(contract.Range, int64) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views++
	return read(s.chain, s.ledger.Now)
}

// Next implements transport.Ledger, as far as rows go.
func (s seat) Next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.events))
}

func (s seat) more() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s seat) Follow(ctx context.Context, ready func() error, visit func(ledger.Event) error) error {
	s.mu.Lock()
	next := len(s.events)
	s.mu.Unlock()
	if err := ready(); err != nil {
		return err
	}
	for {
		changed := s.more()
		s.mu.Lock()
		fresh := slices.Clone(s.events[next:])
		next = len(s.events)
		s.mu.Unlock()
		for _, e := range fresh {
			if err := visit(e); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s seat) Submit(_ context.Context, method string, args any) (ledger.Code, string, error) {
	return s.call(s.self, method, args)
}

func (s seat) Wake(_ context.Context, logTime int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.Now = max(s.ledger.Now, logTime)
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s seat) Proof(ctx context.Context, id ledger.Digest) (ledger.ResultProof, error) {
	s.mu.Lock()
	s.proofs++
	wait := s.prove
	s.mu.Unlock()
	if wait != nil {
		if err := wait(ctx); err != nil {
			return ledger.ResultProof{}, err
		}
	}
	return ledger.ResultProof{Leaf: id[:]}, nil
}

// fleet is the coordinators of a few nodes over one chain.
type fleet struct {
	*chain
	genesis  ledger.Genesis
	mesh     *coordinator.LocalMesh
	meshes   []coordinator.Mesh // of each node, where there is none for all
	services []*coordinator.Service
	blobs    []blob.Store
	spec     job.Spec
	id       ledger.Digest
	peers    int
}

// newFleet returns nodes of as many organisations, and a job that asks all
// peers.
func newFleet(ctx context.Context, nodes, organisations, peers int, now func() time.Time) (*fleet, error) {
	l, err := contracttest.New(nodes, organisations, peers)
	if err != nil {
		return nil, err
	}
	f := &fleet{
		chain: &chain{ledger: l, now: now, changed: make(chan struct{})}, mesh: coordinator.NewLocalMesh(), spec: job.Defaults(), peers: peers,
		genesis: ledger.Genesis{Group: l.Group},
	}
	// Organisations without a node may be listed too.
	for i := range 4 {
		f.genesis.Organisations = append(f.genesis.Organisations, ledger.GenesisOrganisation{ID: ledger.ID{byte(i)}})
	}
	for range nodes {
		store, err := file.Open(ctx, vfs.NewMem(), "blobs", file.Options{})
		if err != nil {
			return nil, err
		}
		f.blobs = append(f.blobs, store)
	}
	f.restart()
	f.spec.NumRounds, f.spec.MinTrainPeers, f.spec.MinAvailablePeers = 2, int64(peers), int64(peers)
	f.spec.Model.Layers = []int64{4, 3}
	f.id = fl.JobID(contracttest.ID("alice"), []byte("job"))
	for i := range peers {
		if err := f.must(contracttest.Peer(i), fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true}); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// restart makes the services anew over ledger and blobs, as a process does.
func (f *fleet) restart() {
	f.services = nil
	for i := range f.blobs {
		f.services = append(f.services, coordinator.New(f.config(i)))
	}
}

// config is what a node's service is made of.
func (f *fleet) config(node int) coordinator.Config {
	name := contracttest.Node(node)
	var mesh coordinator.Mesh = f.mesh
	if f.meshes != nil {
		mesh = f.meshes[node]
	}
	return coordinator.Config{
		Self: contracttest.ID(name), Key: identity.KeyFromSeed(sha256.Sum256([]byte("key " + name))), Genesis: &f.genesis,
		Chain: f.ledger.Chain, Ledger: seat{f.chain, contracttest.ID(name)}, Blobs: f.blobs[node], Mesh: mesh, Now: f.now,
		Logger: slog.New(slog.DiscardHandler), Threads: 1,
	}
}

func (f *fleet) create() error {
	return f.must("alice", fl.MethodCreateJob, &fl.CreateJob{Key: []byte("job"), Spec: f.spec})
}

// open has node 0 take the term and open the first round with the model, which
// only node 0 has.
func (f *fleet) open(ctx context.Context) error {
	if err := f.must(contracttest.Node(0), fl.MethodTakeTerm, &fl.TakeTerm{Job: f.id, Term: 1}); err != nil {
		return err
	}
	model, err := f.model()
	if err != nil {
		return err
	}
	digest, size, err := f.blobs[0].Put(ctx, bytes.NewReader(model), int64(len(model)))
	if err != nil {
		return err
	}
	var roster []ledger.ID
	for i := range f.peers {
		roster = append(roster, contracttest.ID(contracttest.Peer(i)))
	}
	slices.SortFunc(roster, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	return f.must(contracttest.Node(0), fl.MethodOpenRound, &fl.OpenRound{
		Job: f.id, Round: 1, Term: 1, Roster: roster, Model: digest, ModelSize: uint64(size),
	})
}

func (f *fleet) model() ([]byte, error) {
	params, err := train.InitialModel(train.FromJob(&f.spec))
	if err != nil {
		return nil, err
	}
	return train.EncodeFile(params)
}

// peer works for one round at a node: its update is the model it was given.
func (f *fleet) peer(ctx context.Context, i, node int) error {
	return f.peerAt(ctx, i, f.services[node], func() {})
}

// peerAt is peer at a service; it calls train while it has a task.
func (f *fleet) peerAt(ctx context.Context, i int, s *coordinator.Service, train func()) error {
	id := contracttest.ID(contracttest.Peer(i))
	task, err := s.Task(ctx, id)
	if err != nil || task == nil {
		return err
	}
	train()
	receipts, err := s.Receipts(ctx, id, task.Job, task.Round, task.Model, task.ModelSize)
	if err != nil {
		return err
	}
	return f.must(contracttest.Peer(i), fl.MethodSubmitUpdate, &fl.SubmitUpdate{
		Job: task.Job, Round: task.Round, Attempt: task.Attempt, Digest: task.Model, Size: task.ModelSize, NumExamples: uint64(i + 1),
		Metrics: fl.Metrics{"accuracy": 0.5}, Receipts: receipts,
	})
}

// job returns the job's row.
func (f *fleet) job() (*fl.Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, ok, err := fl.LoadJob(f.chain, f.id)
	if err == nil && !ok {
		err = errors.New("no job")
	}
	return j, err
}

// run runs all services until stop is called, which returns how they ended.
func (f *fleet) run(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, len(f.services))
	for _, s := range f.services {
		go func() { ended <- s.Run(ctx) }()
	}
	return func() error {
		cancel()
		errs := make([]error, len(f.services))
		for i := range errs {
			errs[i] = <-ended
		}
		return errors.Join(errs...)
	}
}
