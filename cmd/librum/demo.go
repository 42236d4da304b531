package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
	"github.com/librum/librum/localnet"
)

// demoNodes is the number of nodes of the demo, one organisation each.
const demoNodes = 4

// demoTimeout is when the demo gives up.
const demoTimeout = 300 * time.Second

// demoKey is the idempotency key of the demo's job.
const demoKey = "demo"

type demoOptions struct {
	peers  int
	rounds int
	seed   uint64
	dir    string
	keep   bool
	cheat  string
	json   bool

	temporary bool // dir was made for this run
}

func newDemoCommand() *cobra.Command {
	o := &demoOptions{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Train on the digits in one process, record and verify every step",
		Long: `Start four nodes of four organisations over one embedded log and peers that
have the UCI digits split unevenly among them, submit a job over REST, watch
it, print the model card, stop everything, and verify chain and job from the
files alone. Gives up after 300 seconds with exit code 3.

With --cheat somebody breaks the rules, and the demo says in words what became
of it; the exit code is 0 if that was found as documented, and "verified" says
what verification says.
` + cheatHelp(),
		Example: "  librum demo --dir ./demo-data --keep\n  librum demo --cheat aggregator",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.peers, "peers", 10, "peers that train")
	flags.IntVar(&o.rounds, "rounds", 20, "rounds of training")
	flags.Uint64Var(&o.seed, "seed", 1, "keys, initial model, split and training follow from it")
	flags.StringVar(&o.dir, "dir", "", "directory for the data (default a temporary one)")
	flags.BoolVar(&o.keep, "keep", false, "keep a temporary directory; one given by --dir is always kept")
	flags.StringVar(&o.cheat, "cheat", "", "break the rules: "+cheatNames())
	flags.BoolVar(&o.json, "json", false, "print one JSON object on the last line")
	return cmd
}

// demoResult is what the demo prints with --json.
type demoResult struct {
	Job         ledger.Digest `json:"job"`
	Accuracy    float64       `json:"accuracy"` // on rows that no peer has
	NumRounds   uint64        `json:"num_rounds"`
	Verified    bool          `json:"verified"`
	ModelDigest ledger.Digest `json:"model_digest"`
	ChainHash   ledger.Digest `json:"chain_hash"`
	Seconds     float64       `json:"seconds"`
	Dir         string        `json:"dir"`
	Cheat       *cheatResult  `json:"cheat,omitempty"` // with --cheat alone
}

func (o *demoOptions) run(ctx context.Context, out, progress io.Writer) (err error) {
	if o.peers < 1 || o.peers > 100 || o.rounds < 1 || o.rounds > 10_000 || o.seed > job.MaxSeed {
		return &exitError{code: exitUsage, err: fmt.Errorf("--peers is 1 to 100, --rounds 1 to 10000, --seed at most %d", uint64(job.MaxSeed))}
	}
	spec := digitsJob(o.peers, o.rounds, o.seed)
	cheat, err := newCheat(o.cheat, &spec)
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	begin := time.Now()
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "librum-demo-"); err != nil {
			return fmt.Errorf("make a directory for the demo: %w", err)
		}
		if o.temporary = true; !o.keep {
			defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
		}
	}
	text := out
	if o.json {
		text = progress
	}
	secrets := localnet.SecretsFromSeed(o.seed)
	network := localnet.Spec{Nodes: demoNodes, Peers: o.peers, Time: begin}
	if err := localnet.Create(localnet.Dir(o.dir), secrets, network); err != nil {
		if errors.Is(err, localnet.ErrExists) {
			err = fmt.Errorf("%w: remove it, or give another --dir", err)
		}
		return &exitError{code: exitUnknown, err: err}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, demoTimeout, errors.New("gave up after 300 s"))
	defer cancel()
	scene := &cheatScene{dir: localnet.Dir(o.dir), secrets: secrets, out: text}
	result, head, err := o.train(ctx, &spec, cheat, scene, text, progress)
	if err == nil {
		err = cheat.take(ctx, scene, cheat.stopped)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return &exitError{code: exitUnknown, err: err}
	case err != nil:
		return err
	}
	say(text, "\nVerifying chain and job from the files alone:")
	verified, err := verifyDir(ctx, localnet.Dir(o.dir), head, []ledger.Digest{result.Job}, summary{text})
	if err != nil {
		return &exitError{code: exitUnknown, err: err}
	}
	result.Verified = verified.OK
	result.Seconds = time.Since(begin).Seconds()
	result.Cheat = cheat.judge(&verified, text)
	o.print(text, result, head)
	if o.json {
		if err := printJSON(out, result); err != nil {
			return err
		}
	}
	good := verified.OK
	if result.Cheat != nil {
		good = result.Cheat.Found
	}
	if !good {
		return &exitError{code: exitNo}
	}
	return nil
}

// train runs the network until the job has ended everywhere, and returns the
// anchors that verification starts from.
func (o *demoOptions) train(
	ctx context.Context, spec *job.Spec, cheat *cheat, scene *cheatScene, out, progress io.Writer,
) (result *demoResult, anchors verify.Anchors, err error) {
	logger := slog.New(slog.NewTextHandler(progress, &slog.HandlerOptions{Level: slog.LevelWarn}))
	options := localnet.Options{Logger: logger, Cheat: cheat.seats}
	at, err := loopback(ctx)
	if err != nil {
		return nil, anchors, err
	}
	r, ctx, err := runNetwork(ctx, localnet.Dir(o.dir), at, o.seed, options)
	if err != nil {
		return nil, anchors, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	say(out, "%d nodes of %d organisations and %d peers run; node 0 listens at %s", demoNodes, demoNodes, o.peers, r.base)
	scene.network = r.Network
	defer func() { scene.network = nil }()
	if err := cheat.take(ctx, scene, cheat.begin); err != nil {
		return nil, anchors, err
	}
	token, err := r.Dir.ReadToken()
	if err != nil {
		return nil, anchors, err
	}
	c, err := client.New(r.base, token, client.Options{})
	if err != nil {
		return nil, anchors, err
	}
	defer c.Close()
	j, err := c.CreateJob(ctx, *spec, demoKey)
	if err != nil {
		return nil, anchors, fmt.Errorf("submit the job: %w", err)
	}
	say(out, "job %s: %d rounds of FedAvg over the UCI digits, split by Dirichlet(0.5)", j.ID, o.rounds)
	measure, err := newHeldOut(ctx, c, j.ID, *spec)
	if err != nil {
		return nil, anchors, err
	}
	display := measured{progress: newProgress(progress, o.rounds), heldOut: measure}
	end, err := watchJob(ctx, c, &j, display)
	display.Done()
	if err != nil {
		return nil, anchors, fmt.Errorf("watch the job: %w", err)
	}
	if end.State != string(job.StateFinished) {
		return nil, anchors, fmt.Errorf("the job ended as %s (%s)", end.State, end.Reason)
	}
	if measure.err != nil {
		return nil, anchors, measure.err
	}
	if err := printCard(ctx, c, j.ID, out); err != nil {
		return nil, anchors, err
	}
	scene.client, scene.job = c, j.ID
	if _, err := awaitFinal(ctx, r.Network); err != nil {
		return nil, anchors, err
	}
	if err := cheat.take(ctx, scene, cheat.end); err != nil {
		return nil, anchors, err
	}
	status, err := awaitFinal(ctx, r.Network) // a cheat may have waited for more to be said
	if err != nil {
		return nil, anchors, err
	}
	anchors = verify.Anchors{Genesis: r.Chain, Head: status.FinalHash, MinHeight: status.Final}
	result = &demoResult{
		Job: j.ID, Accuracy: measure.accuracy, NumRounds: end.NumRounds, ModelDigest: end.ModelDigest,
		ChainHash: status.FinalHash, Dir: o.dir,
	}
	return result, anchors, nil
}

// awaitFinal waits until all nodes have made final what node 0 has executed.
func awaitFinal(ctx context.Context, network *localnet.Network) (node.Status, error) {
	last := network.Nodes[0].Status().Last
	for _, n := range network.Nodes {
		if err := n.AwaitFinal(ctx, last); err != nil {
			return node.Status{}, fmt.Errorf("wait for the last block at node %s: %w", n.ID().Short(), err)
		}
	}
	status := network.Nodes[0].Status()
	for _, n := range network.Nodes {
		if _, err := n.Await(ctx, func(s node.Status) bool { return s.Final >= status.Final }); err != nil {
			return status, fmt.Errorf("wait for the last block at node %s: %w", n.ID().Short(), err)
		}
	}
	return status, nil
}

// digitsJob is the demo's job.
func digitsJob(peers, rounds int, seed uint64) job.Spec {
	spec, training := job.Defaults(), train.DigitsSpec()
	training.Seed = seed
	training.ToJob(&spec)
	spec.NumRounds = int64(rounds)
	spec.MinTrainPeers, spec.MinAvailablePeers = int64(peers), int64(peers)
	return spec
}

// printCard prints the model card in short.
func printCard(ctx context.Context, c *client.Client, id ledger.Digest, out io.Writer) error {
	raw, err := c.Card(ctx, id)
	if err != nil {
		return fmt.Errorf("fetch the model card: %w", err)
	}
	var card struct {
		Model struct {
			Digest ledger.Digest `json:"digest"`
			Bytes  uint64        `json:"bytes"`
			Format string        `json:"format"`
		} `json:"model"`
		Aggregator struct {
			Strategy  string `json:"strategy"`
			Attesters int    `json:"attesters"`
			Quorum    int    `json:"quorum"`
		} `json:"aggregator"`
		Participants []struct {
			NumExamples uint64 `json:"num_examples"`
		} `json:"participants"`
		Rounds         []json.RawMessage `json:"quantitative_analysis"`
		Considerations []string          `json:"considerations"`
	}
	if err := json.Unmarshal(raw, &card); err != nil {
		return fmt.Errorf("read the model card: %w", err)
	}
	examples := uint64(0)
	for _, p := range card.Participants {
		examples += p.NumExamples
	}
	say(out, "\nModel card")
	say(out, "  model          %s, %d bytes of %s", card.Model.Digest, card.Model.Bytes, card.Model.Format)
	say(out, "  participants   %d peers with %d examples, as they claim", len(card.Participants), examples)
	say(out, "  aggregation    %s over %d rounds, recomputed by %d nodes (quorum %d)",
		card.Aggregator.Strategy, len(card.Rounds), card.Aggregator.Attesters, card.Aggregator.Quorum)
	for _, c := range card.Considerations {
		say(out, "  consider       %s", c)
	}
	return nil
}

// summary passes on all but the lines about single rounds.
type summary struct{ io.Writer }

func (s summary) Write(p []byte) (int, error) {
	if len(p) > 6 && string(p[:6]) == "round " {
		return len(p), nil
	}
	return s.Writer.Write(p)
}

func (o *demoOptions) print(out io.Writer, r *demoResult, head verify.Anchors) {
	verdict := "verified"
	if !r.Verified {
		verdict = "NOT verified"
	}
	say(out, "\n%s: accuracy %.2f %% on 360 rows of other writers, which no peer has; %.1f s", verdict, 100*r.Accuracy, r.Seconds)
	if o.temporary && !o.keep {
		return
	}
	say(out, "\nThe data is in %s. Verify it again, anchored by what you saw here:", r.Dir)
	say(out, "  %s verify chain --dir %s --genesis %s --head %s --min-height %d", os.Args[0], r.Dir, head.Genesis, head.Head, head.MinHeight)
	say(out, "  %s verify job %s --dir %s --genesis %s", os.Args[0], r.Job, r.Dir, head.Genesis)
}
