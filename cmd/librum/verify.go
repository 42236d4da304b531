package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/verify"
	flverify "github.com/librum/librum/fl/verify"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
)

// verifyOptions are the flags of the verify commands.
type verifyOptions struct {
	dir       string
	genesis   string
	head      string
	minHeight uint64
	server    string
	tokenFile string
	ca        string
	crl       string
	plain     bool
	json      bool
	after     string // of chain and job alone

	dirSet bool // asked for, not the default
}

func newVerifyCommand() *cobra.Command {
	o := &verifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Check a chain, a job or an evidence file, trusting nobody who stored it",
		Example: "  librum verify job.evidence --genesis 7d0a…\n" +
			"  librum verify chain --dir demo-data",
		Args: cobra.ArbitraryArgs,
		RunE: o.runFile,
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&o.dir, "dir", "demo-data", "directory of the network")
	flags.StringVar(&o.genesis, "genesis", "", "anchor: the genesis file, or its digest")
	flags.StringVar(&o.head, "head", "", "anchor: a chain hash that must be in the chain")
	flags.Uint64Var(&o.minHeight, "min-height", 0, "anchor: the chain must be final up to here")
	flags.StringVar(&o.server, "server", "", "URL of a node to verify instead of a directory")
	flags.StringVar(&o.tokenFile, "token-file", "", "with --server: file with the bearer token (default $"+envTokenFile+", else "+defaultTokenFile+" if it exists)")
	flags.StringVar(&o.ca, "ca", "", "with --server: PEM file of those who may vouch for it (default the system's)")
	flags.StringVar(&o.crl, "crl", "", "with --server: PEM file of the certificates that those of --ca have revoked")
	flags.BoolVar(&o.plain, "insecure-http", false, "allow http:// to a server on another machine: whoever sits between reads the token")
	flags.BoolVar(&o.json, "json", false, "print one JSON object on the last line")
	chain, job := &cobra.Command{
		Use:   "chain",
		Short: "Execute every record of every node again and compare",
		Example: "  librum verify chain --dir demo-data --min-height 100\n" +
			"  librum verify chain --server http://127.0.0.1:8080 --genesis 7d0a…",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.dirSet = cmd.Flags().Changed("dir")
			return o.run(cmd.Context(), cmd.OutOrStdout(), "")
		},
	}, &cobra.Command{
		Use:   "job ID",
		Short: "Check the chain, then compute every round of a job again",
		Example: "  librum verify job 5c0d… --dir demo-data\n" +
			"  librum verify job 5c0d… --server http://127.0.0.1:8080 --genesis 7d0a… --after 141.0",
		Args: oneArgument("the job's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.dirSet = cmd.Flags().Changed("dir")
			return o.run(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
	for _, c := range []*cobra.Command{chain, job} {
		c.Flags().StringVar(&o.after, "after", "", "with --server: first wait until this is final there: the position of a transaction (job run --json prints that of the job's end) or the header Librum-Position of an answer")
	}
	cmd.AddCommand(chain, job, newVerifyTxCommand(o))
	return cmd
}

// verifyResult is what a verification prints with --json.
type verifyResult struct {
	OK      bool            `json:"ok"`
	Verdict verify.Verdict  `json:"verdict"`
	Checked verify.Checked  `json:"checked"`
	First   *verify.Finding `json:"first_error"`
	// Floor is the highest block that the verification of a node began with, 0
	// where all began with the genesis.
	Floor uint64 `json:"floor,omitempty"`
	// Delegated are transactions that a node signed with a key that it holds for
	// their sender, the first ones.
	Delegated []verify.Delegated `json:"delegated,omitempty"`
}

// run verifies and returns the exit code as an error.
func (o *verifyOptions) run(ctx context.Context, out io.Writer, jobID string) error {
	anchors, err := o.anchors()
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	var jobs []ledger.Digest
	if jobID != "" {
		id, err := ledger.ParseDigest(jobID)
		if err != nil {
			return &exitError{code: exitUsage, err: fmt.Errorf("job: %w", err)}
		}
		jobs = append(jobs, id)
	}
	text := out
	if o.json {
		text = io.Discard
	}
	result, err := o.verify(ctx, anchors, jobs, text)
	if coded, ok := errors.AsType[*exitError](err); ok && coded.code == exitUsage {
		return err
	}
	return o.finish(out, first(o.server, o.dir), &result, err)
}

// finish prints the result and returns the exit code as an error.
func (o *verifyOptions) finish(out io.Writer, where string, result *verifyResult, err error) error {
	if err != nil {
		result.OK, result.Verdict = false, verify.Incomplete
		result.First = &verify.Finding{Kind: "unavailable", Where: where, Message: err.Error()}
	}
	if o.json {
		if err := printJSON(out, result); err != nil {
			return err
		}
	}
	if err != nil {
		return &exitError{code: exitUnknown, err: err}
	}
	switch result.Verdict {
	case verify.Right:
		return nil
	case verify.Incomplete:
		return &exitError{code: exitUnknown}
	default:
		return &exitError{code: exitNo}
	}
}

// verify asks the source that the flags name.
func (o *verifyOptions) verify(ctx context.Context, anchors verify.Anchors, jobs []ledger.Digest, text io.Writer) (verifyResult, error) {
	if o.server == "" {
		if o.after != "" {
			return verifyResult{}, wrongUse(errors.New("--after is for a node that goes on: give it with --server"))
		}
		return verifyDir(ctx, localnet.Dir(o.dir), anchors, jobs, text)
	}
	if o.dirSet {
		return verifyResult{}, wrongUse(errors.New("--dir and --server: give one of them"))
	}
	if o.after != "" {
		if err := checkPosition(o.after); err != nil {
			return verifyResult{}, wrongUse(fmt.Errorf("--after: %w", err))
		}
	}
	flags := o.serverFlags()
	c, err := flags.open()
	if err != nil {
		return verifyResult{}, err
	}
	defer c.Close()
	if o.after != "" {
		if err := finalAt(ctx, c, o.after); err != nil {
			return verifyResult{}, answered(err)
		}
	}
	return verifyServer(ctx, c, anchors, jobs, text)
}

func (o *verifyOptions) serverFlags() *serverFlags {
	return &serverFlags{server: o.server, tokenFile: o.tokenFile, ca: o.ca, crl: o.crl, plain: o.plain}
}

// anchors reads the anchors from the flags.
func (o *verifyOptions) anchors() (verify.Anchors, error) {
	a := verify.Anchors{MinHeight: o.minHeight}
	var err error
	if o.head != "" {
		if a.Head, err = parseAnchor(o.head); err != nil {
			return a, fmt.Errorf("--head: %w", err)
		}
	}
	if o.genesis == "" {
		return a, nil
	}
	if a.Genesis, err = parseAnchor(o.genesis); err == nil {
		return a, nil
	} else if errors.Is(err, errNoAnchor) {
		return a, fmt.Errorf("--genesis: %w", err)
	}
	b, err := readSecret(o.genesis, ledger.MaxGenesisBytes)
	if err != nil {
		return a, fmt.Errorf("--genesis is neither a digest of 64 digits nor a file: %w", err)
	}
	_, a.Genesis, err = ledger.ParseGenesis(b)
	return a, err
}

var errNoAnchor = errors.New("a digest of zeros is no anchor")

// parseAnchor reads a digest to compare with. Zeros stand for none given in
// what follows, so whoever gives them would be told "right" of any chain.
func parseAnchor(s string) (ledger.Digest, error) {
	d, err := ledger.ParseDigest(s)
	if err == nil && d.IsZero() {
		err = errNoAnchor
	}
	return d, err
}

// verifyDir verifies the chain of every node found in dir, then the jobs on
// the state that execution led to in the newest final block, and prints what it
// checked.
func verifyDir(ctx context.Context, dir localnet.Dir, anchors verify.Anchors, jobs []ledger.Digest, out io.Writer) (result verifyResult, err error) {
	genesis, err := dir.ReadGenesis()
	if err != nil {
		return result, err
	}
	g, chain, err := ledger.ParseGenesis(genesis)
	if err != nil {
		result.fail(verify.Wrong, &verify.Finding{Kind: "genesis", Where: dir.Genesis(), Message: err.Error()}, out)
		return result, nil
	}
	nodes, err := localnet.OpenOffline(ctx, dir, g, chain)
	if err != nil {
		return result, err
	}
	defer func() {
		for _, n := range nodes {
			err = errors.Join(err, n.Close())
		}
	}()
	missing := 0
	for _, member := range g.Group.Nodes {
		if !slices.ContainsFunc(nodes, func(n *localnet.Offline) bool { return n.Node == member.Node }) {
			missing++
		}
	}
	if missing > 0 {
		say(out, "%d of the %d nodes of the genesis have no store here and are not checked", missing, len(g.Group.Nodes))
	}
	if len(jobs) == 0 {
		say(out, "checked are the blocks that the nodes stored, not the log: records behind the last block are covered by nothing here")
	}
	result.OK, result.Verdict = true, verify.Right
	input := verify.Input{
		Genesis: genesis, Contracts: fullnode.Contracts(), Verify: identity.NewVerifier(1 << 14).Verify, Anchors: anchors,
	}
	state, newest, err := result.addChains(ctx, nodes, input, out)
	if err != nil || !result.OK {
		return result, err
	}
	sayHead(&newest, anchors, out)
	files := make([]flverify.Files, 0, len(nodes))
	for _, n := range nodes {
		files = append(files, n.Blobs)
	}
	for _, id := range jobs {
		if err := result.addJob(ctx, flverify.Input{State: state, Job: id, Files: files}, out); err != nil {
			return result, fmt.Errorf("verify job %s as of block %d, the newest final one: %w", id, newest.Height, err)
		}
	}
	return result, nil
}

// maxSaid bounds the lines about single transactions.
const maxSaid = 20

// sayDelegated says which transactions nodes have signed for members.
func sayDelegated(r *verify.Report, out io.Writer) {
	for i, d := range r.Delegated {
		if i == maxSaid {
			break
		}
		say(out, "delegated: transaction %s, %s for member %s, was signed by node %s with a key that it holds for it", d.ID.Short(), d.Call, d.Member, d.Node)
	}
	if more := r.Checked.Delegated - min(r.Checked.Delegated, uint64(min(maxSaid, len(r.Delegated)))); more > 0 {
		say(out, "delegated: %d more", more)
	}
}

// sayHead says which chain was verified, and what nobody vouches for.
func sayHead(r *verify.Report, anchors verify.Anchors, out io.Writer) {
	sayDelegated(r, out)
	say(out, "genesis    %s", r.Genesis)
	say(out, "chain hash %s at height %d, log time %s", r.Head, r.Height, logTime(r.LogTime))
	if !anchors.Any() {
		say(out, "no anchor was given (--genesis, --head, --min-height): that the chain was rewritten or shortened is not excluded")
	}
}

// addChains verifies the chain of each node, and then all against each other.
// It returns the state after the newest block that is final at any of them.
func (r *verifyResult) addChains(
	ctx context.Context, nodes []*localnet.Offline, in verify.Input, out io.Writer,
) (state *verify.State, newest verify.Report, err error) {
	copies := make([]verify.Copy, 0, len(nodes))
	for _, n := range nodes {
		in.Store = n.Store
		report, replayed, err := verify.Chain(ctx, in)
		if err != nil {
			return nil, newest, fmt.Errorf("verify the chain of %s: %w", n.Name, err)
		}
		r.addChain(n.Name, &report, out)
		copies = append(copies, verify.Copy{Name: n.Name, Store: n.Store, Report: report})
		if state == nil || report.Height > newest.Height {
			state, newest = replayed, report
		}
	}
	found, err := verify.Fork(ctx, copies)
	if err != nil {
		return nil, newest, fmt.Errorf("compare the nodes' chains: %w", err)
	}
	if found != nil {
		r.fail(verify.Wrong, found, out)
	}
	for _, c := range copies {
		if c.Report.First == nil && c.Report.Height < newest.Height {
			say(out, "%s: final up to height %d, others up to %d: it stopped before them, or was cut short", c.Name, c.Report.Height, newest.Height)
		}
	}
	return state, newest, nil
}

func (r *verifyResult) addChain(name string, report *verify.Report, out io.Writer) {
	r.Checked.Blocks += report.Checked.Blocks
	r.Checked.Transactions += report.Checked.Transactions
	r.Checked.Signatures += report.Checked.Signatures
	r.Checked.Delegated += report.Checked.Delegated
	if len(report.Delegated) > len(r.Delegated) { // each node has the same, or fewer
		r.Delegated = report.Delegated
	}
	if report.First != nil {
		first := *report.First
		first.Where = name + ", " + first.Where
		r.fail(report.Verdict, &first, out)
		return
	}
	if report.Floor > 0 {
		say(out, "%s: begins with block %d, whose state a quorum vouches for: blocks below are not kept there, and were not looked at", name, report.Floor)
		r.Floor = max(r.Floor, report.Floor)
	}
	say(out, "%s: right: %d blocks, %d transactions, %d signatures, final up to height %d",
		name, report.Checked.Blocks, report.Checked.Transactions, report.Checked.Signatures, report.Height)
	if report.Stored > report.Height {
		say(out, "%s: blocks above height %d, up to %d, have no quorum: not final, and nothing below rests on them", name, report.Height, report.Stored)
	}
}

func (r *verifyResult) addJob(ctx context.Context, in flverify.Input, out io.Writer) error {
	report, err := flverify.Job(ctx, in)
	if err == nil {
		r.sayJob(in.Job, &report, out)
	}
	return err
}

// sayJob prints what was found out about a job, and notes it.
func (r *verifyResult) sayJob(id ledger.Digest, report *flverify.Report, out io.Writer) {
	r.Checked.Rounds += report.Rounds
	r.Checked.Updates += report.Updates
	r.Checked.Averages += report.Averages
	for _, l := range report.Lines {
		about := "job"
		if l.Round != 0 {
			about = fmt.Sprintf("round %d", l.Round)
		}
		say(out, "%s: %s: %s", about, l.Basis, l.What)
	}
	switch {
	case report.First != nil:
		r.fail(verify.Wrong, &verify.Finding{Kind: report.First.Kind, Where: report.First.Where, Message: report.First.Message}, out)
	case report.Incomplete:
		r.worsen(verify.Incomplete, nil)
		say(out, "job %s: incomplete: not all could be recomputed", id)
	case report.Attested > 0:
		say(out, "job %s: right: %d rounds, %d averages recomputed, %d on the word of a quorum alone", id, report.Rounds, report.Averages, report.Attested)
	default:
		say(out, "job %s: right: %d rounds, %d updates, %d averages", id, report.Rounds, report.Updates, report.Averages)
	}
}

// fail says what is wrong or missing, and notes it.
func (r *verifyResult) fail(verdict verify.Verdict, f *verify.Finding, out io.Writer) {
	say(out, "%s: %s at %s: %s", verdict, f.Kind, f.Where, f.Message)
	r.worsen(verdict, f)
}

// worsen keeps the worst verdict, and the first finding that led to it.
func (r *verifyResult) worsen(verdict verify.Verdict, f *verify.Finding) {
	if verdict.Worse(r.Verdict) {
		r.OK, r.Verdict, r.First = false, verdict, f
	}
}
