package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/card"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/recompute"
	"github.com/librum/librum/fl/train"
	"github.com/librum/librum/fl/verify"
)

const (
	nodes  = 4
	peers  = 3
	rounds = 2
	liar   = 2 // the peer whose update of the second round holds a NaN
)

// recorded is a job on a ledger in memory whose steps were all really made, and
// the store that its files are in. What a ledger would never hold is laid over
// its rows.
type recorded struct {
	*contracttest.Ledger
	disk  *vfs.MemFS
	blobs *file.Store
	spec  job.Spec
	id    ledger.Digest
	model []byte
	card  []byte
	over  map[contract.Key][]byte // nil: the row is gone
	how   course
}

// course is how a job goes.
type course struct {
	lie    bool // the second round's commit names another model, and is outvoted
	liars  int  // peers from the last on whose second update holds a NaN
	begin  bool // the first round begins with another model
	card   bool // the holder writes a card of its own
	draws  bool // cohorts of two of three are drawn, and the last node withholds
	silent bool // nobody attests the second round, and time runs out
}

// record runs a job to its end: two rounds, one refusal.
func record(ctx context.Context) (*recorded, error) { return play(ctx, course{liars: 1}) }

// play runs a job the given course.
func play(ctx context.Context, how course) (*recorded, error) {
	l, err := contracttest.New(nodes, nodes, peers)
	if err != nil {
		return nil, err
	}
	r := &recorded{how: how, Ledger: l, disk: vfs.NewMem(), spec: job.Defaults(), over: map[contract.Key][]byte{}}
	r.spec.NumRounds, r.spec.MinTrainPeers, r.spec.MinAvailablePeers, r.spec.MaxTerms = rounds, 2, peers, 1
	r.spec.Model.Layers = []int64{4, 3}
	if how.draws {
		r.spec.FractionTrain = 0.5
		if err := l.CommitChains(); err != nil {
			return nil, err
		}
	}
	if r.blobs, err = file.Open(ctx, r.disk, "blobs", file.Options{}); err != nil {
		return nil, err
	}
	alice := contracttest.ID("alice")
	r.id = fl.JobID(alice, []byte("job"))
	if err := r.do("alice", fl.MethodCreateJob, &fl.CreateJob{Key: []byte("job"), Spec: r.spec}); err != nil {
		return nil, err
	}
	for i := range peers {
		if err := r.do(contracttest.Peer(i), fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true}); err != nil {
			return nil, err
		}
	}
	if err := r.do(contracttest.Node(0), fl.MethodTakeTerm, &fl.TakeTerm{Job: r.id, Term: 1}); err != nil {
		return nil, err
	}
	params, err := train.InitialModel(train.FromJob(&r.spec))
	if err != nil {
		return nil, err
	}
	if r.model, err = train.EncodeFile(params); err != nil {
		return nil, err
	}
	if how.begin {
		r.model[len(r.model)-1] ^= 1
		if _, err := r.put(ctx, r.model); err != nil {
			return nil, err
		}
	}
	for number := uint64(1); number <= rounds; number++ {
		if err := r.round(ctx, number); err != nil {
			return nil, fmt.Errorf("round %d: %w", number, err)
		}
		j, _, err := fl.LoadJob(r, r.id)
		if err != nil {
			return nil, err
		}
		if j.Finals < number {
			return r, r.giveUp(number)
		}
	}
	return r, r.finish(ctx)
}

// giveUp ends a job whose round nobody attests.
func (r *recorded) giveUp(number uint64) error {
	if !r.how.silent {
		return nil
	}
	r.Now += 1000 * r.spec.AttestTimeoutS
	return r.do(contracttest.Node(0), fl.MethodExpireCommit, &fl.ExpireCommit{Job: r.id, Round: number, Term: 1})
}

// do makes a call that must be accepted.
func (r *recorded) do(who, method string, args any) error {
	r.Now += 10
	refused, _, err := r.Call(contracttest.ID(who), method, args)
	if err == nil && refused != nil {
		err = refused
	}
	if err != nil {
		err = fmt.Errorf("%s of %s: %w", method, who, err)
	}
	return err
}

func (r *recorded) put(ctx context.Context, b []byte) (ledger.Digest, error) {
	digest, _, err := r.blobs.Put(ctx, bytes.NewReader(b), int64(len(b)))
	return digest, err
}

func (r *recorded) round(ctx context.Context, number uint64) error {
	var roster []ledger.ID
	for i := range peers {
		roster = append(roster, contracttest.ID(contracttest.Peer(i)))
	}
	slices.SortFunc(roster, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	open := fl.OpenRound{
		Job: r.id, Round: number, Term: 1, Roster: roster, Model: ledger.Hash(r.model), ModelSize: uint64(len(r.model)),
	}
	if r.how.draws {
		open.Nodes = r.Nodes()
	}
	if err := r.do(contracttest.Node(0), fl.MethodOpenRound, &open); err != nil {
		return err
	}
	if r.how.draws {
		if _, err := r.Draw(r.id, number, 1, contracttest.Node(0), nodes-1); err != nil {
			return err
		}
		cohort, _, err := fl.LoadCohort(r, r.id, number)
		if err != nil {
			return err
		}
		roster = cohort.Peers
	}
	var set []fl.Averaged
	for i := range peers {
		if !slices.Contains(roster, contracttest.ID(contracttest.Peer(i))) {
			continue
		}
		u, err := r.submit(ctx, number, i)
		if err != nil {
			return err
		}
		set = append(set, u)
	}
	slices.SortFunc(set, func(a, b fl.Averaged) int { return bytes.Compare(a.Peer[:], b.Peer[:]) })
	closed := fl.CloseRound{Job: r.id, Round: number, Attempt: 1, Term: 1, Set: roster}
	if err := r.do(contracttest.Node(0), fl.MethodCloseRound, &closed); err != nil {
		return err
	}
	return r.commit(ctx, number, set)
}

// submit sends a peer's update: the model with every weight moved by a little.
func (r *recorded) submit(ctx context.Context, number uint64, i int) (fl.Averaged, error) {
	spec := train.FromJob(&r.spec)
	params, err := train.DecodeFile(bytes.NewReader(r.model), int64(len(r.model)), spec)
	if err != nil {
		return fl.Averaged{}, err
	}
	for _, p := range params {
		for j := range p.Values {
			p.Values[j] += float32(i+1) / 64
		}
	}
	if number == 2 && i >= peers-r.how.liars {
		params[0].Values[0] = float32(math.NaN())
	}
	b, err := train.EncodeFile(params)
	if err != nil {
		return fl.Averaged{}, err
	}
	digest, err := r.put(ctx, b)
	if err != nil {
		return fl.Averaged{}, err
	}
	peer := contracttest.ID(contracttest.Peer(i))
	update := fl.SubmitUpdate{
		Job: r.id, Round: number, Attempt: 1, Digest: digest, Size: uint64(len(b)), NumExamples: uint64(10 * (i + 1)),
		Metrics: fl.Metrics{"accuracy": 0.5},
	}
	for n := range 2 {
		update.Receipts = append(update.Receipts, r.Receipt(contracttest.Node(n), contracttest.Node(n), func(c *ledger.Receipt) {
			c.Blob, c.Size, c.Subject, c.Round, c.Attempt, c.Sender = digest, update.Size, fl.ReceiptSubject(r.id), number, 1, peer
		}))
	}
	return fl.Averaged{Peer: peer, Digest: digest, Weight: update.NumExamples}, r.do(contracttest.Peer(i), fl.MethodSubmitUpdate, &update)
}

// commit computes the round, and all nodes agree.
func (r *recorded) commit(ctx context.Context, number uint64, set []fl.Averaged) (err error) {
	s, err := recompute.New(&r.spec, r.blobs.Get)
	if err != nil {
		return err
	}
	defer func() { err = s.Close() }()
	c := fl.CommitRound{Job: r.id, Round: number, Attempt: 1, Term: 1, Metrics: fl.Metrics{"accuracy": 0.5}}
	if c.Refused, err = s.Check(ctx, set); err != nil {
		return err
	}
	set = slices.DeleteFunc(set, func(u fl.Averaged) bool {
		return slices.ContainsFunc(c.Refused, func(f fl.Refused) bool { return f.Peer == u.Peer })
	})
	if int64(len(set)) >= r.spec.MinTrainPeers {
		var model bytes.Buffer
		if _, err := s.Average(ctx, recompute.Start{}, set, strategy.Output{Model: &model}, 1); err != nil {
			return err
		}
		r.model = model.Bytes()
		if c.Model, err = r.put(ctx, r.model); err != nil {
			return err
		}
		c.ModelSize = uint64(len(r.model))
	}
	right := c.Model
	if r.how.lie && number == 2 {
		c.Model[0] ^= 1
	}
	if c.Set, err = fl.SetDigest(set); err != nil {
		return err
	}
	if c.Weights, err = fl.WeightsDigest(set); err != nil {
		return err
	}
	if err := r.do(contracttest.Node(0), fl.MethodCommitRound, &c); err != nil {
		return err
	}
	if r.how.silent && number == 2 {
		return nil
	}
	for i := 1; i < nodes; i++ {
		a := fl.AttestRound{Job: r.id, Round: number, Attempt: 1, Term: 1, Set: c.Set, Weights: c.Weights, Model: right}
		switch {
		case r.how.begin:
			a.Dissent = fl.DissentInput
		case right != c.Model:
			a.Dissent = fl.DissentModel
		}
		if r.how.draws && i == nodes-1 {
			continue
		}
		if err := r.do(contracttest.Node(i), fl.MethodAttestRound, &a); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorded) finish(ctx context.Context) error {
	var err error
	if r.card, err = card.Bytes(r, r.id); err != nil {
		return err
	}
	if r.how.card {
		r.card = bytes.Replace(r.card, []byte(`"participants"`), []byte(`"Participants"`), 1)
	}
	digest, err := r.put(ctx, r.card)
	if err != nil {
		return err
	}
	return r.do(contracttest.Node(0), fl.MethodCloseJob, &fl.CloseJob{
		Job: r.id, Round: rounds, Term: 1, State: job.StateFinished, Model: ledger.Hash(r.model), ModelSize: uint64(len(r.model)),
		Card: digest, CardSize: uint64(len(r.card)),
	})
}

// Get implements [contract.State] with what was laid over.
func (r *recorded) Get(key contract.Key) ([]byte, bool, error) {
	if b, ok := r.over[key]; ok {
		return b, b != nil, nil
	}
	return r.Ledger.Get(key)
}

func (r *recorded) verify(ctx context.Context) (verify.Report, error) {
	return verify.Job(ctx, verify.Input{State: r, Job: r.id, Files: []verify.Files{r.blobs}, Threads: 1})
}

// damage flips a bit of a file behind the store's back.
func (r *recorded) damage(digest ledger.Digest) error {
	path := r.disk.PathJoin("blobs", digest.String()[:2], digest.String())
	f, err := r.disk.Open(path)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	b[len(b)-1] ^= 1
	w, err := r.disk.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	return w.Close()
}

// change lays a changed row over the one that is there.
func change[T any](r *recorded, key contract.Key, how func(*T)) error {
	row, ok, err := contract.LoadFrom[T](r, key)
	if err != nil || !ok {
		return fmt.Errorf("change row %q: found %t, error %w", key, ok, err)
	}
	how(row)
	r.over[key], err = ledger.Encode(row)
	return err
}

// agree lays a changed commit over a round's, and attestations of all nodes
// that agree with it: what a quorum of liars could sign.
func (r *recorded) agree(number uint64, how func(*fl.Commit)) error {
	var c fl.Commit
	err := change(r, fl.CommitRow(r.id, number, 1), func(row *fl.Commit) {
		how(row)
		c = *row
	})
	for i := range nodes {
		key := fl.AttestRow(r.id, number, 1, contracttest.ID(contracttest.Node(i)))
		if err == nil {
			err = change(r, key, func(a *fl.Attestation) { a.Set, a.Weights, a.Model = c.Set, c.Weights, c.Model })
		}
	}
	return err
}

// refuse lays a commit over a round's that refuses some peers, with set,
// weights and count to match.
func (r *recorded) refuse(number uint64, refused []fl.Refused) error {
	var set []fl.Averaged
	for i := range peers {
		id := contracttest.ID(contracttest.Peer(i))
		u, ok, err := fl.LoadUpdate(r, r.id, number, id)
		if err != nil || !ok {
			return fmt.Errorf("read the update of peer %d: found %t, error %w", i, ok, err)
		}
		if !slices.ContainsFunc(refused, func(f fl.Refused) bool { return f.Peer == id }) {
			set = append(set, fl.Averaged{Peer: id, Digest: u.Digest, Weight: u.NumExamples})
		}
	}
	slices.SortFunc(refused, func(a, b fl.Refused) int { return bytes.Compare(a.Peer[:], b.Peer[:]) })
	files, err := fl.SetDigest(set)
	if err != nil {
		return err
	}
	weights, err := fl.WeightsDigest(set)
	if err != nil {
		return err
	}
	return r.agree(number, func(c *fl.Commit) {
		c.Refused, c.Set, c.Weights, c.Count = refused, files, weights, uint64(len(set))
	})
}

var nan = fl.Refused{Peer: contracttest.ID(contracttest.Peer(liar)), Reason: aggregator.RefusedNaN}
