package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/train"
)

// Task names a round that asks the peer. What it is to do stands in the proof
// alone.
type Task struct {
	Job     ledger.Digest
	Round   uint64
	Attempt uint64
	Proof   []byte // encoded [ledger.ResultProof] of the OpenRound
}

// Server is the node that the peer talks to.
type Server interface {
	// Task waits for a task, nil where there is none yet.
	Task(ctx context.Context, peer ledger.ID) (*Task, error)
	// Model opens the file with that digest; the peer checks it.
	Model(ctx context.Context, digest ledger.Digest) (io.ReadCloser, error)
	// Upload hands over an update and returns the receipts for it.
	Upload(ctx context.Context, peer ledger.ID, task *Task, update []byte, digest ledger.Digest) (receipts [][]byte, err error)
	// Wanted reports whether the task's round may still want the peer's answer.
	Wanted(ctx context.Context, peer ledger.ID, task *Task) (bool, error)
	// Groups returns the part of the groups' trail that begins with the end of an
	// epoch, an encoded [ledger.GroupTrail].
	Groups(ctx context.Context, from uint64) ([]byte, error)
	// MaxTTL returns how far ahead of log time an expiry may lie, by the limits in
	// force.
	MaxTTL(ctx context.Context) (time.Duration, error)
	// Submit sends a signed transaction and waits for its execution.
	Submit(ctx context.Context, signed []byte) (code ledger.Code, detail string, err error)
}

// Config is what a peer is made of.
type Config struct {
	ID     ledger.ID
	Key    *identity.Key
	Chain  ledger.Digest
	Shard  uint32
	Group  ledger.Group // of the genesis, which the proofs start from
	Data   data.Dataset
	Server Server
	Now    func() time.Time
	Random io.Reader // nonces
	Logger *slog.Logger

	// HeldOut are rows to evaluate on, none of Data; without any the peer does not.
	HeldOut data.Dataset

	// Watch is how often the peer asks, while it works, whether the round is
	// still wanted; 0 for never.
	Watch time.Duration

	// Renewed, where there is one, is asked before each task whether the peer goes
	// on with another key, and with what it then talks to; nil: as it is.
	Renewed func(context.Context) (*identity.Key, Server)

	// Kept is a folder for the tensors that jobs leave with the peer, made when it
	// is needed; empty: they are held in memory and end with the process.
	Kept string

	Endpoint string // URL of the server, for the egress log
	Consent  Consent
}

// Peer is one participant.
type Peer struct {
	config    Config
	groups    *ledger.Groups
	announced *bool                            // as what it is registered: available or not; nil before
	trainers  map[ledger.Digest]*train.Trainer // by job
	kept      kept
	maxTTL    time.Duration // as it was told last, 0 before
}

// New returns a peer.
func New(config Config) *Peer {
	return &Peer{
		config: config, groups: ledger.NewGroups(config.Chain, config.Shard, config.Group),
		trainers: map[ledger.Digest]*train.Trainer{}, kept: kept{dir: config.Kept, files: map[string][]byte{}},
	}
}

// retry bounds how long a peer rests after an error.
const (
	retryFirst      = 200 * time.Millisecond
	retryLast       = 10 * time.Second
	transactionLife = 5 * time.Minute
)

// Run registers the peer and works until ctx ends. Errors are logged and
// retried with growing rests: a node that is away comes back.
func (p *Peer) Run(ctx context.Context) error {
	wait := retryFirst
	for ctx.Err() == nil {
		err := p.Step(ctx)
		if err == nil {
			wait = retryFirst
			continue
		}
		if ctx.Err() != nil {
			break
		}
		p.config.Logger.Warn("peer rests after an error", "peer", p.config.ID.Short(), "rest", wait, "error", err)
		rest(ctx, wait)
		wait = min(2*wait, retryLast)
	}
	return nil //nolint:nilerr // ctx has ended: whatever broke off with it is no error
}

// Step registers the peer where its standing has changed, then waits for one
// task and does it. Run repeats it; simulations call it themselves. A paused
// peer only waits.
func (p *Peer) Step(ctx context.Context) error {
	p.renew(ctx)
	available := !p.paused()
	if p.announced == nil || *p.announced != available {
		if err := p.Register(ctx, available); err != nil {
			return err
		}
		p.announced = &available
		p.config.Logger.Info("peer is registered", "peer", p.config.ID.Short(), "available", available)
	}
	if !available {
		rest(ctx, pausePoll)
		return nil
	}
	task, err := p.poll(ctx)
	if err != nil || task == nil {
		return err
	}
	if err := p.do(ctx, task); err != nil {
		return fmt.Errorf("round %d of job %s: %w", task.Round, task.Job.Short(), err)
	}
	return nil
}

// renew goes on with another key, where there is one.
func (p *Peer) renew(ctx context.Context) {
	if p.config.Renewed == nil {
		return
	}
	key, server := p.config.Renewed(ctx)
	if key == nil {
		return
	}
	p.config.Logger.Info("peer goes on with another key", "peer", p.config.ID.Short(), "key", key.ID().Short())
	p.config.Key, p.config.Server = key, server
}

// poll waits for a task, nil where there is none yet or the owner pauses.
func (p *Peer) poll(ctx context.Context) (*Task, error) {
	waiting, stop := p.untilPaused(ctx)
	defer stop()
	task, err := p.config.Server.Task(waiting, p.config.ID)
	if err != nil && errors.Is(context.Cause(waiting), ErrPaused) {
		return nil, nil //nolint:nilnil // there is no task for who is paused
	}
	return task, err
}

// Register records on the ledger whether the peer offers to take part.
func (p *Peer) Register(ctx context.Context, available bool) error {
	if err := p.call(ctx, fl.MethodRegisterPeer, &fl.RegisterPeer{Available: available}); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	return nil
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// do trains one round, or declines it where it can't or may not.
func (p *Peer) do(ctx context.Context, task *Task) error {
	opened, err := p.check(ctx, task)
	if err != nil {
		return err // signs nothing: whoever handed it over, it is not the round that asked
	}
	rule, err := p.consent(opened)
	if err != nil {
		return p.decline(ctx, task, fl.DeclinedPolicy, err)
	}
	paused, stop := p.untilPaused(ctx)
	defer stop()
	working, unwatch := p.untilUnwanted(paused, task)
	defer unwatch()
	err = p.work(working, task, opened, rule)
	if errors.Is(err, ErrRoundOver) { // as for those that come after the first in a round which asked more than it wants
		p.config.Logger.Info("peer was not needed: the round closed without its update", "peer", p.config.ID.Short(),
			"job", task.Job.Short(), "round", task.Round)
		return nil
	}
	if err != nil && errors.Is(context.Cause(working), errUnwanted) {
		p.config.Logger.Info("peer leaves a round that is over", "peer", p.config.ID.Short(), "job", task.Job.Short(), "round", task.Round)
		return nil
	}
	if err != nil && errors.Is(context.Cause(working), ErrPaused) {
		return p.decline(ctx, task, fl.DeclinedPolicy, ErrPaused)
	}
	return err
}

// check checks the task's proof, by the group of its epoch.
func (p *Peer) check(ctx context.Context, task *Task) (*fl.RoundOpened, error) {
	opened, err := CheckTask(task, p.config.ID, p.groups)
	if !errors.Is(err, ledger.ErrEpoch) {
		return opened, err
	}
	proof, err := ledger.ParseResultProof(task.Proof)
	if err != nil {
		return nil, err
	}
	epoch, err := proof.Epoch()
	if err != nil {
		return nil, err
	}
	fetch := func(from uint64) ([]byte, error) { return p.config.Server.Groups(ctx, from) }
	if err := p.groups.Reach(epoch, identity.Verify, fetch); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTask, err)
	}
	return CheckTask(task, p.config.ID, p.groups)
}

// work trains and hands in a round that the owner agrees to.
func (p *Peer) work(ctx context.Context, task *Task, opened *fl.RoundOpened, rule string) error {
	params, err := p.model(ctx, opened)
	if errors.Is(err, errModel) {
		return p.decline(ctx, task, fl.DeclinedTraining, err)
	}
	if err != nil {
		return err
	}
	trainer, err := p.trainer(opened)
	if err != nil {
		return p.decline(ctx, task, fl.DeclinedData, err)
	}
	spec := trainer.Spec()
	own, err := p.kept.before(task.Job, opened.Round, spec, train.FromJob(&opened.Spec))
	if err != nil {
		return p.decline(ctx, task, fl.DeclinedTraining, err)
	}
	params = append(params, own...)
	evaluated, err := p.evaluate(ctx, trainer, opened, params)
	var updated []train.Param
	var metrics train.Metrics
	if err == nil {
		updated, metrics, err = p.train(ctx, trainer, opened, params)
	}
	switch {
	case errors.Is(err, errModel):
		return p.decline(ctx, task, fl.DeclinedTraining, err)
	case errors.Is(err, train.ErrInvalid):
		return p.decline(ctx, task, fl.DeclinedData, err)
	case errors.Is(err, train.ErrDiverged):
		return p.decline(ctx, task, fl.DeclinedTraining, err)
	case err != nil:
		return err
	}
	if len(own) > 0 {
		if err := p.kept.after(task.Job, opened.Round, spec.Kept(updated)); err != nil {
			return err
		}
	}
	update, err := train.EncodeFile(spec.Shared(updated))
	if err != nil {
		return err
	}
	digest := ledger.Hash(update)
	examples, told := p.claim(metrics, evaluated, opened)
	if p.paused() {
		return p.decline(ctx, task, fl.DeclinedPolicy, ErrPaused)
	}
	if err := p.depart(opened, digest, len(update), examples, rule); err != nil {
		return err
	}
	receipts, err := p.config.Server.Upload(ctx, p.config.ID, task, update, digest)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return p.call(ctx, fl.MethodSubmitUpdate, &fl.SubmitUpdate{
		Job: task.Job, Round: task.Round, Attempt: task.Attempt, Digest: digest, Size: uint64(len(update)), NumExamples: examples,
		Metrics: told, Receipts: receipts,
	})
}

// depart lists an update that is about to leave.
func (p *Peer) depart(opened *fl.RoundOpened, digest ledger.Digest, size int, examples uint64, rule string) error {
	c := &p.config.Consent
	if c.Egress == nil {
		return nil
	}
	d := Departure{
		Time: p.config.Now().UTC(), Digest: digest, Size: uint64(size), To: p.config.Endpoint, Chain: p.config.Chain,
		Peer: p.config.ID, Job: opened.Job, Creator: opened.Creator, Round: opened.Round, Attempt: opened.Attempt,
		NumExamples: examples, Rule: rule,
	}
	if c.Policy != nil {
		d.Policy = c.Policy.Digest
	}
	return c.Egress.Record(d)
}

// errModel refuses a model that is proven but is none of the job's: trying
// again does not help.
var errModel = errors.New("the round begins with something that is not the job's model")

// model fetches the model that the round begins with. Its size follows from the
// spec, so that nobody can make the peer read more.
func (p *Peer) model(ctx context.Context, opened *fl.RoundOpened) ([]train.Param, error) {
	spec := p.trainSpec(opened)
	layout, err := train.FileLayout(spec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errModel, err)
	}
	if want := layout.Canonical().FileBytes(); opened.ModelSize != uint64(want) {
		return nil, fmt.Errorf("%w: it has %d bytes, want %d", errModel, opened.ModelSize, want)
	}
	b, err := p.fetch(ctx, opened.Model, opened.ModelSize)
	if err != nil {
		return nil, fmt.Errorf("fetch the model: %w", err)
	}
	params, err := train.DecodeFile(bytes.NewReader(b), int64(len(b)), spec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errModel, err)
	}
	return params, nil
}

// fetch gets a file that the round's opening names.
func (p *Peer) fetch(ctx context.Context, digest ledger.Digest, size uint64) (_ []byte, err error) {
	body, err := p.config.Server.Model(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	b, err := io.ReadAll(io.LimitReader(body, int64(size)+1))
	if err != nil {
		return nil, err
	}
	if got := ledger.Hash(b); got != digest {
		return nil, fmt.Errorf("it has digest %s, the round says %s", got, digest)
	}
	return b, nil
}

// train trains from the model in params and returns what the update holds.
func (p *Peer) train(ctx context.Context, trainer *train.Trainer, opened *fl.RoundOpened, params []train.Param) ([]train.Param, train.Metrics, error) {
	rule, err := opened.Spec.Rule()
	if err != nil {
		return nil, train.Metrics{}, fmt.Errorf("%w: %w", errModel, err)
	}
	if opened.Spec.Train.LocalEpochs == 0 { // the round only evaluates
		return params, train.Metrics{}, nil
	}
	if !rule.Needs().Controls {
		return trainer.Train(ctx, params, p.config.Data, opened.Round)
	}
	return p.trainCorrected(ctx, trainer, opened, params)
}

// trainer returns the job's trainer, which keeps its graphs over the rounds.
func (p *Peer) trainer(opened *fl.RoundOpened) (*train.Trainer, error) {
	if t, ok := p.trainers[opened.Job]; ok {
		return t, nil
	}
	t, err := train.New(p.trainSpec(opened))
	if err != nil {
		return nil, err
	}
	clear(p.trainers) // one job at a time: a trainer holds its model several times over
	p.trainers[opened.Job] = t
	return t, nil
}

// trainSpec returns how this peer trains: the job's terms, with a seed of its
// own drawn from the job's, so that no two peers shuffle alike.
func (p *Peer) trainSpec(opened *fl.RoundOpened) train.Spec {
	spec := train.FromJob(&opened.Spec)
	spec.Seed = peerSeed(opened.Spec.Seed, p.config.ID)
	return spec
}

func (p *Peer) decline(ctx context.Context, task *Task, reason fl.Decline, cause error) error {
	p.config.Logger.Warn("peer declines a round", "peer", p.config.ID.Short(),
		"job", task.Job.Short(), "round", task.Round, "reason", reason, "error", cause)
	return p.call(ctx, fl.MethodDeclineUpdate, &fl.DeclineUpdate{
		Job: task.Job, Round: task.Round, Attempt: task.Attempt, Reason: reason,
	})
}

// call signs and submits a call of the contract fl. One that the ledger has
// moved past is no error: the next task says what is wanted now. One that expires
// too late is signed again, by the limit that is in force now.
func (p *Peer) call(ctx context.Context, method string, args any) error {
	code, detail, err := p.submit(ctx, method, args)
	if err == nil && code == contract.CodeExpiryTooFar {
		p.maxTTL = 0
		code, detail, err = p.submit(ctx, method, args)
	}
	switch {
	case err != nil:
		return fmt.Errorf("submit %s: %w", method, err)
	case code == ledger.CodeOK, code == fl.CodeAnswered, code == fl.CodeRoundState, code == fl.CodeJobOver:
		return nil
	}
	return fmt.Errorf("submit %s: refused as %s: %s", method, code, detail)
}

func (p *Peer) submit(ctx context.Context, method string, args any) (ledger.Code, string, error) {
	life, err := p.life(ctx)
	if err != nil {
		return "", "", err
	}
	caller := identity.Caller{
		Chain: p.config.Chain, Shard: p.config.Shard, Sender: p.config.ID, Key: p.config.Key, Random: p.config.Random,
	}
	signed, err := caller.Call(fl.Name, method, args, p.config.Now().Add(life).UnixMilli())
	if err != nil {
		return "", "", err
	}
	return p.config.Server.Submit(ctx, signed)
}

// life returns how long a call that is signed now may wait. Half of what the
// limits allow is for log time, which lags behind the clock.
func (p *Peer) life(ctx context.Context) (time.Duration, error) {
	if p.maxTTL == 0 {
		most, err := p.config.Server.MaxTTL(ctx)
		if err == nil && most <= 0 {
			err = fmt.Errorf("the node says %s", most)
		}
		if err != nil {
			return 0, fmt.Errorf("ask how far ahead an expiry may lie: %w", err)
		}
		p.maxTTL = most
	}
	return min(transactionLife, p.maxTTL/2), nil
}
