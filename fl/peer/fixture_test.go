package peer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/fl/train"
)

const nodes = 4

// opening is a round that really opened on a ledger in memory, and the model it
// begins with.
type opening struct {
	*contracttest.Ledger
	spec   job.Spec
	id     ledger.Digest
	model  []byte
	event  fl.RoundOpened
	events []ledger.Event
}

// open opens the first round of a job for two peers. The model is the initial
// one unless another is given.
func open(change func(*job.Spec), model []byte) (*opening, error) {
	l, err := contracttest.New(nodes, nodes, 3)
	if err != nil {
		return nil, err
	}
	o := &opening{Ledger: l, spec: job.Defaults(), model: model}
	o.spec.MinTrainPeers, o.spec.MinAvailablePeers, o.spec.Model.Layers = 2, 2, []int64{4, 3}
	if change != nil {
		change(&o.spec)
	}
	if o.model == nil {
		params, err := train.InitialModel(train.FromJob(&o.spec))
		if err != nil {
			return nil, err
		}
		if o.model, err = train.EncodeFile(params); err != nil {
			return nil, err
		}
	}
	o.id = fl.JobID(contracttest.ID("alice"), []byte("job"))
	roster := []ledger.ID{contracttest.ID(contracttest.Peer(0)), contracttest.ID(contracttest.Peer(1))}
	slices.SortFunc(roster, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	opening := &fl.OpenRound{
		Job: o.id, Round: 1, Term: 1, Roster: roster, Model: ledger.Hash(o.model), ModelSize: uint64(len(o.model)),
	}
	if o.spec.Draws() {
		if err := l.CommitChains(); err != nil {
			return nil, err
		}
		opening.Nodes = l.Nodes()
	}
	for _, step := range []struct {
		who, method string
		args        any
	}{
		{"alice", fl.MethodCreateJob, &fl.CreateJob{Key: []byte("job"), Spec: o.spec}},
		{contracttest.Peer(0), fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true}},
		{contracttest.Peer(1), fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true}},
		{contracttest.Node(0), fl.MethodTakeTerm, &fl.TakeTerm{Job: o.id, Term: 1}},
		{contracttest.Node(0), fl.MethodOpenRound, opening},
	} {
		refused, events, err := l.Call(contracttest.ID(step.who), step.method, step.args)
		if err == nil && refused != nil {
			err = refused
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.method, err)
		}
		o.events = events
	}
	if o.spec.Draws() {
		if o.events, err = l.Draw(o.id, 1, 1, contracttest.Node(0), nodes); err != nil {
			return nil, err
		}
	}
	return o, ledger.Decode("event", o.events[0].Data, ledger.MaxProofBytes, &o.event)
}

// block is what a proof is made of; tests change it before it is signed.
type block struct {
	results []ledger.Result
	index   int
	header  ledger.Header
	signers []int // indices of nodes, in the order they sign
}

// proof returns the proof that the round opened, changed as told.
func (o *opening) proof(change func(*block), afterwards func(*ledger.ResultProof)) ([]byte, error) {
	b := block{
		results: []ledger.Result{
			{ID: ledger.Digest{1}, Code: ledger.CodeOK, Events: []ledger.Event{{Type: fl.EventJobCreated, Data: []byte{0xa0}}}},
			{ID: ledger.Digest{2}, Code: ledger.CodeOK, Events: o.events},
			{ID: ledger.Digest{3}, Code: "conflict"},
		},
		index:   1,
		header:  ledger.Header{Version: ledger.Version, Chain: o.Chain, Epoch: o.Group.Epoch, Height: 1},
		signers: []int{0, 1, 2},
	}
	if change != nil {
		change(&b)
	}
	leaves := make([][]byte, len(b.results))
	for i := range b.results {
		leaf, err := ledger.Encode(&b.results[i])
		if err != nil {
			return nil, err
		}
		leaves[i] = leaf
	}
	b.header.Results = ledger.MerkleRoot(leaves)
	header, err := b.header.Bytes()
	if err != nil {
		return nil, err
	}
	p := ledger.ResultProof{
		Leaf: leaves[b.index], Index: uint64(b.index), Size: uint64(len(leaves)), Path: ledger.MerklePath(leaves, b.index), Header: header,
	}
	for _, i := range b.signers {
		key := keyOf(contracttest.Node(i))
		p.Signatures = append(p.Signatures, ledger.SignHeader(1, header, contracttest.ID(contracttest.Node(i)), key.ID(), key.Sign))
	}
	if afterwards != nil {
		afterwards(&p)
	}
	return ledger.Encode(&p)
}

// groups returns what the genesis says of groups.
func (o *opening) groups() *ledger.Groups { return ledger.NewGroups(o.Chain, 0, o.Group) }

// keyOf returns the key that contracttest gives a name.
func keyOf(name string) *identity.Key {
	return identity.KeyFromSeed(sha256.Sum256([]byte("key " + name)))
}

// server is a node that hands out one task and remembers what it is told.
type server struct {
	task      *peer.Task
	model     io.Reader
	code      ledger.Code // of every submission but the registration
	taskErr   func() error
	uploadErr error

	maxTTL  []time.Duration // what it says, the last again and again; none: ten minutes
	expires []time.Duration // how far ahead the calls expired
	trail   []byte          // of the groups
	asked   int             // times it was asked for
	models  int             // times the model was asked for
	update  []byte
	calls   []ledger.Transaction
	keys    []ledger.Digest // that signed them
	submits int
}

func (s *server) Task(context.Context, ledger.ID) (*peer.Task, error) {
	if s.taskErr != nil {
		return nil, s.taskErr()
	}
	return s.task, nil
}

func (s *server) Model(context.Context, ledger.Digest) (io.ReadCloser, error) {
	s.models++
	return io.NopCloser(s.model), nil
}

func (s *server) Upload(_ context.Context, _ ledger.ID, _ *peer.Task, update []byte, digest ledger.Digest) ([][]byte, error) {
	if ledger.Hash(update) != digest {
		return nil, errors.New("the digest is another file's")
	}
	s.update = update
	return [][]byte{{1}, {2}}, s.uploadErr
}

func (s *server) Wanted(context.Context, ledger.ID, *peer.Task) (bool, error) { return true, nil }

func (s *server) MaxTTL(context.Context) (time.Duration, error) {
	if len(s.maxTTL) == 0 {
		return 10 * time.Minute, nil
	}
	most := s.maxTTL[0]
	if len(s.maxTTL) > 1 {
		s.maxTTL = s.maxTTL[1:]
	}
	return most, nil
}

func (s *server) Groups(context.Context, uint64) ([]byte, error) {
	s.asked++
	return s.trail, nil
}

func (s *server) Submit(_ context.Context, signed []byte) (ledger.Code, string, error) {
	t, envelope, err := ledger.ParseTransaction(signed)
	if err != nil {
		return "", "", err
	}
	s.keys = append(s.keys, envelope.Key)
	s.submits++
	s.calls = append(s.calls, t)
	ahead := time.Duration(t.Expiry-contracttest.Start) * time.Millisecond
	s.expires = append(s.expires, ahead)
	if len(s.maxTTL) > 0 && ahead > s.maxTTL[len(s.maxTTL)-1] {
		return contract.CodeExpiryTooFar, "as by the limits in force", nil
	}
	if t.Method == fl.MethodRegisterPeer || s.code == "" {
		return ledger.CodeOK, "", nil
	}
	return s.code, "as the test wants it", nil
}

// last returns the arguments of the newest call of a method.
func last[A any](s *server, method string) (*A, error) {
	for _, t := range slices.Backward(s.calls) {
		if t.Method == method {
			args := new(A)
			return args, ledger.Decode("arguments", t.Args, ledger.MaxTransactionBytes, args)
		}
	}
	return nil, fmt.Errorf("%s was not called", method)
}

// rows returns a table that fits a model of that many features.
func rows(n, columns, classes int) data.Dataset {
	d := data.Dataset{Rows: n, Columns: columns, Classes: classes}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		for range columns {
			d.Features = append(d.Features, random.Float32())
		}
		d.Labels = append(d.Labels, int32(i%classes))
	}
	return d
}

// newPeer returns a peer of the fixture.
func (o *opening) newPeer(i int, s peer.Server, d data.Dataset) *peer.Peer {
	return o.newPeerWith(i, s, d, func(*peer.Config) {})
}

func (o *opening) newPeerWith(i int, s peer.Server, d data.Dataset, change func(*peer.Config)) *peer.Peer {
	name := contracttest.Peer(i)
	config := peer.Config{
		ID: contracttest.ID(name), Key: keyOf(name), Chain: o.Chain, Group: o.Group, Data: d, Server: s,
		Now: func() time.Time { return time.UnixMilli(contracttest.Start) }, Random: rand.NewChaCha8([32]byte{1}),
		Logger: slog.New(slog.DiscardHandler), Watch: time.Millisecond,
	}
	change(&config)
	return peer.New(config)
}

// asked opens a round of the usual job and has a server ask for its update.
func asked(t *testing.T) (*opening, *server) {
	t.Helper()
	o, err := open(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.ask()
	if err != nil {
		t.Fatal(err)
	}
	return o, s
}

// ask returns a server that asks what was opened.
func (o *opening) ask() (*server, error) {
	proof, err := o.proof(nil, nil)
	return &server{task: &peer.Task{Job: o.id, Round: 1, Attempt: 1, Proof: proof}, model: bytes.NewReader(o.model)}, err
}
