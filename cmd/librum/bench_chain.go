package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/localnet"
)

// benchChain measures signed transfers through the whole chain.
type benchChain struct {
	transactions int
	accounts     int
	nodes        int
	batch        int // transactions a client sends at once
	clients      int
	rate         int // transactions per second of the latency case
	dir          string
	profile      string // file of the CPU profile
	separate     bool   // each node is a process of its own, asked over HTTP
	kafka        []string
	search       string
	servers      []int // processes whose processor time is shown apart
	hot          bool  // all transfers go to one account
	expiry       time.Duration
	json         bool
}

func newBenchChainCommand() *cobra.Command {
	b := &benchChain{}
	cmd := &cobra.Command{
		Use:   "chain",
		Short: "Measure signed transfers, durable and executed",
		Long: `Start nodes over an embedded log, sign transfers beforehand, and submit them:
first as fast as they are taken, then at a fixed rate for the latency. Every
transfer is checked to have taken effect. Beside it stands what this machine's
cores can verify of Ed25519 in the same minute.

With --separate each node runs in a process of its own and the first is asked over
HTTP in batches; processor time and memory are those processes' alone. Memory is
read while they work; a single node is killed at the end and started again.
With --kafka they order over a topic that is removed afterwards. Several nodes
need it. They meet by gRPC with mutual TLS, and all must have executed and signed
what counts.`,
		Example: "  librum bench chain --transactions 100000 --json\n" +
			"  librum bench chain --separate --rate 2000\n" +
			"  librum bench chain --separate --hot\n" +
			"  librum bench chain --separate --transactions 1000000 --expiry 20s\n" +
			"  librum bench chain --separate --nodes 4 --kafka $LIBRUM_TEST_KAFKA",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			results, err := b.run(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return printBenchResults(cmd.OutOrStdout(), b.json, results...)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&b.transactions, "transactions", 100_000, "transfers of the throughput case")
	flags.IntVar(&b.accounts, "accounts", 10_000, "accounts they go between, each with a key of its own")
	flags.IntVar(&b.nodes, "nodes", 1, "nodes, of an organisation each")
	flags.IntVar(&b.batch, "batch", 256, "transactions a client submits at once")
	flags.IntVar(&b.clients, "clients", 16, "clients at once")
	flags.IntVar(&b.rate, "rate", 1_000, "transactions per second of the latency case")
	flags.BoolVar(&b.separate, "separate", false, "run each node in a process of its own and ask the first over HTTP")
	flags.StringVar(&b.search, "search", config.DriverNone, "index of final blocks, none or sqlite, with --separate: it shares the processors with the node")
	flags.StringSliceVar(&b.kafka, "kafka", nil, "brokers (host:port) of a Kafka with plain listeners; order over it, with --separate")
	flags.IntSliceVar(&b.servers, "servers", nil, "process numbers of servers, whose processor time is shown apart, with --separate")
	flags.BoolVar(&b.hot, "hot", false, "all transfers go to one account")
	flags.DurationVar(&b.expiry, "expiry", 5*time.Minute, "how long after its signing a transfer expires; at most 10m")
	flags.StringVar(&b.dir, "dir", "", "directory for the network, removed afterwards (default the system's)")
	flags.StringVar(&b.profile, "cpu-profile", "", "write a CPU profile to this file, for go tool pprof; with --separate those of further nodes beside it, with their number")
	flags.BoolVar(&b.json, "json", false, "print the results as JSON on the last line")
	return cmd
}

func (b *benchChain) run(ctx context.Context, progress io.Writer) (results []benchResult, err error) {
	if b.expiry < time.Second || b.expiry > 10*time.Minute {
		return nil, wrongUse(errors.New("bench chain: --expiry is 1s to 10m"))
	}
	if b.separate && b.nodes != 1 && len(b.kafka) == 0 {
		return nil, wrongUse(errors.New("bench chain: several nodes in processes of their own need --kafka"))
	}
	if !b.separate && len(b.kafka)+len(b.servers) > 0 {
		return nil, wrongUse(errors.New("bench chain: --kafka and --servers go with --separate"))
	}
	if b.transactions < 1 || b.accounts < 2 || b.nodes < 1 || b.batch < 1 || b.clients < 1 || b.rate < 1 {
		return nil, wrongUse(errors.New("bench chain: --accounts is at least 2, all other numbers at least 1"))
	}
	dir, err := os.MkdirTemp(b.dir, "librum-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the network: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	secrets := localnet.SecretsFromSeed(1)
	spec := localnet.Spec{Nodes: b.nodes, Accounts: b.accounts, Time: time.Now()}
	if err := localnet.Create(localnet.Dir(dir), secrets, spec); err != nil {
		return nil, err
	}
	if b.separate {
		return b.runSeparate(ctx, localnet.Dir(dir), secrets, progress)
	}
	network, err := localnet.Open(ctx, localnet.Dir(dir), localnet.Options{Window: b.window()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	group, runCtx := errgroup.WithContext(ctx)
	runCtx, stop := context.WithCancel(runCtx)
	defer stop()
	group.Go(func() error { return network.Run(runCtx) })
	group.Go(func() error {
		defer stop()
		results, err = b.cases(runCtx, network, secrets, progress)
		return err
	})
	return results, group.Wait()
}

// window has room for all that the clients send at once, should it all come from
// one account, which has a quarter.
func (b *benchChain) window() int { return 4 * b.clients * b.batch * 4 }

func (b *benchChain) cases(ctx context.Context, network *localnet.Network, secrets localnet.Secrets, progress io.Writer) ([]benchResult, error) {
	bound := measureEd25519(secrets.Key(localnet.KindAccount, 0))
	throughput, err := b.throughput(ctx, network, secrets, bound, progress)
	if err != nil {
		return nil, err
	}
	latency, err := b.latency(ctx, network, secrets, bound, progress)
	if err != nil {
		return nil, err
	}
	return []benchResult{throughput, latency}, nil
}

// sign returns n transfers between the accounts, none to oneself.
func (b *benchChain) sign(chain ledger.Digest, secrets localnet.Secrets, n int, series uint64) ([][]byte, error) {
	keys := make([]*identity.Key, b.accounts)
	ids := make([]ledger.ID, b.accounts)
	for i := range keys {
		keys[i], ids[i] = secrets.Key(localnet.KindAccount, i), secrets.ID(localnet.KindAccount, i)
	}
	random := rand.New(rand.NewPCG(series, 1)) //nolint:gosec // a repeatable load, not a secret
	expiry := time.Now().Add(b.expiry).UnixMilli()
	signed := make([][]byte, n)
	for i := range signed {
		from := random.IntN(b.accounts)
		to := (from + 1 + random.IntN(b.accounts-1)) % b.accounts
		if b.hot {
			from, to = 1+random.IntN(b.accounts-1), 0
		}
		args, err := ledger.Encode(&token.Transfer{To: ids[to], Amount: ledger.NewAmount(1)})
		if err != nil {
			return nil, err
		}
		t := ledger.Transaction{
			Version: ledger.Version, Chain: chain, Sender: ids[from],
			Contract: token.Name, Method: "transfer", Args: args, Expiry: expiry,
		}
		for j := range t.Nonce {
			t.Nonce[j] = byte(random.Uint32())
		}
		e, err := t.Sign(keys[from].ID(), keys[from].Sign)
		if err != nil {
			return nil, err
		}
		signed[i] = e.Bytes()
	}
	return signed, nil
}

// throughput submits as fast as the node takes it, until all are final.
func (b *benchChain) throughput(
	ctx context.Context, network *localnet.Network, secrets localnet.Secrets, bound ed25519Bound, progress io.Writer,
) (benchResult, error) {
	var result benchResult
	_, _ = fmt.Fprintf(progress, "signing %d transfers\n", b.transactions) // progress only
	signed, err := b.sign(network.Chain, secrets, b.transactions, 1)
	if err != nil {
		return result, err
	}
	_, _ = fmt.Fprintln(progress, "submitting them")
	n := network.Nodes[0].Node
	stopProfile, err := b.startProfile()
	if err != nil {
		return result, err
	}
	stagesBefore := n.StageTimes()
	cpuBefore, err := processCPU()
	if err != nil {
		return result, err
	}
	begin := time.Now()
	times, last, err := b.submitAll(ctx, n, signed)
	if err != nil {
		return result, err
	}
	if err := n.AwaitFinal(ctx, last); err != nil {
		return result, err
	}
	elapsed := time.Since(begin)
	cpu, err := processCPU()
	if err != nil {
		return result, err
	}
	cpu -= cpuBefore
	if err := stopProfile(); err != nil {
		return result, err
	}
	size := 0
	for _, s := range signed {
		size += len(s)
	}
	rss, err := peakRSS()
	if err != nil {
		return result, err
	}
	stages := n.StageTimes()
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(len(signed)) }
	rate := float64(len(signed)) / elapsed.Seconds()
	return benchResult{
		What: "chain", RatePerS: rate, BytesPerS: float64(size) / elapsed.Seconds(),
		P50Ms: percentile(times, .5), P99Ms: percentile(times, .99),
		CPUUsPerUnit: per(cpu), PeakRSSBytes: rss,
		Bound: bound.perSecond, BoundName: "Ed25519 checks per second of one core, expanded keys", RatioToBound: rate / bound.perSecond,
		Conditions: fmt.Sprintf("%d transfers of %d bytes over %d accounts, %d nodes, durable, executed and final; "+
			"batches of %d by %d clients in the process; wall µs per transaction by stage of node 0: validate %.1f, execute and group %.1f, store %.1f; "+
			"crypto/ed25519 checks one in %.1f µs, with expanded keys %.1f µs, signs in %.1f µs",
			len(signed), size/len(signed), b.accounts, b.nodes, b.batch, b.clients,
			per(stages.Validating-stagesBefore.Validating), per(stages.Executing-stagesBefore.Executing), per(stages.Storing-stagesBefore.Storing),
			bound.plain, bound.expanded, bound.sign),
		unit: "transactions",
	}, nil
}

// startProfile writes a CPU profile until the result is called, where one was
// asked for.
func (b *benchChain) startProfile() (stop func() error, err error) {
	if b.profile == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(b.profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("profile: %w", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// submitAll submits in batches from several clients and returns how long each
// batch took and the last position.
func (b *benchChain) submitAll(ctx context.Context, n *node.Node, signed [][]byte) ([]time.Duration, ledger.Position, error) {
	batches := make(chan [][]byte)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(batches)
		for len(signed) > 0 {
			k := min(b.batch, len(signed))
			select {
			case batches <- signed[:k]:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			signed = signed[k:]
		}
		return nil
	})
	var mu sync.Mutex
	var times []time.Duration
	var last ledger.Position
	for range b.clients {
		group.Go(func() error {
			for batch := range batches {
				begin := time.Now()
				position, err := submitOK(ctx, n, batch)
				if err != nil {
					return err
				}
				mu.Lock()
				times = append(times, time.Since(begin))
				if last.Less(position) {
					last = position
				}
				mu.Unlock()
			}
			return nil
		})
	}
	err := group.Wait()
	return times, last, err
}

// submitOK submits transactions and wants each to take effect.
func submitOK(ctx context.Context, n *node.Node, batch [][]byte) (ledger.Position, error) {
	outcomes, err := n.Submit(ctx, batch)
	if err != nil {
		return ledger.Position{}, err
	}
	var last ledger.Position
	for _, o := range outcomes {
		if o.Code != ledger.CodeOK {
			return last, fmt.Errorf("transfer %s ended with %s: %s", o.ID, o.Code, o.Detail)
		}
		if last.Less(o.Position) {
			last = o.Position
		}
	}
	return last, nil
}

// latency submits single transactions at a fixed rate: each is timed from when
// it was due, so that a stall counts for all it delays.
func (b *benchChain) latency(
	ctx context.Context, network *localnet.Network, secrets localnet.Secrets, bound ed25519Bound, progress io.Writer,
) (benchResult, error) {
	const seconds = 5
	var result benchResult
	signed, err := b.sign(network.Chain, secrets, seconds*b.rate, 2)
	if err != nil {
		return result, err
	}
	_, _ = fmt.Fprintf(progress, "submitting %d transfers at %d/s\n", len(signed), b.rate)
	n := network.Nodes[0].Node
	cpuBefore, err := processCPU()
	if err != nil {
		return result, err
	}
	begin := time.Now()
	times, err := paced(ctx, b.rate, len(signed), func(ctx context.Context, i int) error {
		_, err := submitOK(ctx, n, signed[i:i+1])
		return err
	})
	if err != nil {
		return result, err
	}
	elapsed := time.Since(begin)
	cpu, err := processCPU()
	if err != nil {
		return result, err
	}
	rss, err := peakRSS()
	if err != nil {
		return result, err
	}
	rate := float64(len(signed)) / elapsed.Seconds()
	return benchResult{
		What: "chain", RatePerS: rate, BytesPerS: rate * float64(len(signed[0])),
		P50Ms: percentile(times, .5), P99Ms: percentile(times, .99),
		CPUUsPerUnit: float64((cpu - cpuBefore).Microseconds()) / float64(len(signed)), PeakRSSBytes: rss,
		Bound: bound.perSecond, BoundName: "Ed25519 checks per second of one core, expanded keys", RatioToBound: rate / bound.perSecond,
		Conditions: fmt.Sprintf("latency of a single transfer from when it was due until executed, at %d/s", b.rate),
		unit:       "transactions",
	}, nil
}

// paced calls f for 0 … n-1 at a rate, each when it is due, and returns how long
// after that each ended.
func paced(ctx context.Context, rate, n int, f func(context.Context, int) error) ([]time.Duration, error) {
	times := make([]time.Duration, n)
	group, ctx := errgroup.WithContext(ctx)
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range n {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), group.Wait())
		}
		group.Go(func() error {
			err := f(ctx, i)
			times[i] = time.Since(due)
			return err
		})
	}
	return times, group.Wait()
}

// ed25519Bound is what one core can do, µs per operation.
type ed25519Bound struct {
	plain, expanded, sign float64
	perSecond             float64 // checks with expanded keys
}

func measureEd25519(key *identity.Key) ed25519Bound {
	message := make([]byte, 250)
	signature := key.Sign(message)
	verifier := identity.NewVerifier(1)
	ok := true
	bound := ed25519Bound{
		sign:     microseconds(func() { signature = key.Sign(message) }),
		plain:    microseconds(func() { ok = ok && key.Check(message, signature) }),
		expanded: microseconds(func() { ok = ok && verifier.Verify(key.Public(), message, signature) }),
	}
	if !ok {
		panic("an own signature does not hold") // the key's arithmetic would be broken
	}
	bound.perSecond = 1e6 / bound.expanded
	return bound
}

// microseconds returns how long f takes, the best of several rounds.
func microseconds(f func()) float64 {
	const rounds, calls = 5, 400
	best := time.Duration(1 << 62)
	for range rounds {
		begin := time.Now()
		for range calls {
			f()
		}
		best = min(best, time.Since(begin))
	}
	return float64(best.Nanoseconds()) / calls / 1e3
}
