package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// benchNode is the process that runs the node.
type benchNode struct {
	client  *client.Client
	process *exec.Cmd
	ask     io.WriteCloser
	answers *bufio.Reader
}

// startBenchNode starts the node of a directory and waits until it takes
// transactions.
func (b *benchChain) startBenchNode(ctx context.Context, dir localnet.Dir, progress io.Writer) (*benchNode, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	token, err := dir.ReadToken()
	if err != nil {
		return nil, err
	}
	process := exec.CommandContext(ctx, self, "bench", "serve", "--dir", string(dir), //nolint:gosec // this program
		"--window", strconv.Itoa(b.window()), "--cpu-profile", b.profile)
	process.Stderr = progress
	n := &benchNode{process: process}
	if n.ask, err = process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	n.answers = bufio.NewReader(out)
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	address, err := n.answers.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the node: %w", err), n.stop())
	}
	n.client, err = client.New(strings.TrimSpace(address), token, client.Options{})
	if err == nil {
		err = retryReady(ctx, n.client)
	}
	if err != nil {
		return nil, errors.Join(err, n.stop())
	}
	return n, nil
}

// retryReady waits until the node takes transactions.
func retryReady(ctx context.Context, c *client.Client) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// stop ends the process and waits for it.
func (n *benchNode) stop() error {
	if n.client != nil {
		n.client.Close()
	}
	_ = n.ask.Close() // the process may have ended, which Wait tells
	if err := n.process.Wait(); err != nil {
		return fmt.Errorf("run the node: %w", err)
	}
	return nil
}

// kill ends the process in the middle of what it does.
func (n *benchNode) kill() error {
	n.client.Close()
	if err := n.process.Process.Kill(); err != nil {
		return fmt.Errorf("kill the node: %w", err)
	}
	_ = n.process.Wait() // it was killed
	return nil
}

// tell asks the process and returns its answer.
func (n *benchNode) tell(what string) ([]byte, error) {
	if _, err := io.WriteString(n.ask, what+"\n"); err != nil {
		return nil, fmt.Errorf("ask the node for its %s: %w", what, err)
	}
	line, err := n.answers.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("ask the node for its %s: %w", what, err)
	}
	return line, nil
}

func (n *benchNode) usage() (u benchUsage, err error) {
	line, err := n.tell(benchAskUsage)
	if err == nil {
		err = json.Unmarshal(line, &u)
	}
	return u, err
}

// runSeparate measures a node in a process of its own.
func (b *benchChain) runSeparate(ctx context.Context, dir localnet.Dir, secrets localnet.Secrets, progress io.Writer) (_ []benchResult, err error) {
	_, chain, err := dir.LoadGenesis()
	if err != nil {
		return nil, err
	}
	n, err := b.startBenchNode(ctx, dir, progress)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	bound := measureEd25519(secrets.Key(localnet.KindAccount, 0))
	l := &separateLoad{benchChain: b, node: n, chain: chain, secrets: secrets, progress: progress, disk: -directoryBytes(string(dir))}
	if b.profile != "" {
		if _, err := n.tell(benchAskProfile); err != nil {
			return nil, err
		}
	}
	throughput, err := l.throughput(ctx, bound)
	if err != nil {
		return nil, err
	}
	latency, err := l.latency(ctx, bound)
	if err != nil {
		return nil, err
	}
	l.disk += directoryBytes(string(dir))
	throughput.Conditions += fmt.Sprintf("; disk %.0f bytes per transaction", float64(l.disk)/float64(l.sent))
	if b.profile == "" { // which ends with the process
		if err := n.kill(); err != nil {
			return nil, err
		}
		begin := time.Now()
		again, err := b.startBenchNode(ctx, dir, progress)
		if err != nil {
			return nil, err
		}
		*n = *again
		throughput.Conditions += fmt.Sprintf("; killed, it was ready again after %.2f s", time.Since(begin).Seconds())
	}
	return []benchResult{throughput, latency}, nil
}

// directoryBytes returns what the files below a directory hold.
func directoryBytes(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // a file that has just gone takes no room
		}
		if info, err := entry.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// separateLoad is the load on a node in a process of its own.
type separateLoad struct {
	*benchChain

	node     *benchNode
	chain    ledger.Digest
	secrets  localnet.Secrets
	progress io.Writer
	series   uint64 // of signed transfers
	sent     int
	disk     int64
}

// chunk is how many transfers are signed at once: so many that none expires as
// long as the node takes five hundred a second.
func (l *separateLoad) chunk() int { return min(50_000, int(l.expiry.Seconds()*250)) }

// signed returns transfers, made on all cores.
func (l *separateLoad) signed(n int) ([][]byte, error) {
	const share = 1_000
	parts := make([][][]byte, (n+share-1)/share)
	var group errgroup.Group
	group.SetLimit(8)
	for i := range parts {
		l.series++
		series := l.series
		group.Go(func() (err error) {
			parts[i], err = l.sign(l.chain, l.secrets, min(share, n-i*share), series)
			return err
		})
	}
	err := group.Wait()
	all := make([][]byte, 0, n)
	for _, p := range parts {
		all = append(all, p...)
	}
	l.sent += n
	return all, err
}

// throughput submits as fast as the node takes it. Only while it does so, until
// all is final, do the clock and the node's processor time count.
func (l *separateLoad) throughput(ctx context.Context, bound ed25519Bound) (benchResult, error) {
	var elapsed, cpu time.Duration
	var size, peak int64
	var times []time.Duration
	var resident []int64
	chunk := l.chunk()
	for left := l.transactions; left > 0; left -= chunk {
		signed, err := l.signed(min(left, chunk))
		if err != nil {
			return benchResult{}, err
		}
		for _, s := range signed {
			size += int64(len(s))
		}
		before, err := l.node.usage()
		if err != nil {
			return benchResult{}, err
		}
		begin := time.Now()
		taken, err := l.submitAll(ctx, signed)
		if err != nil {
			return benchResult{}, err
		}
		elapsed += time.Since(begin)
		after, err := l.node.usage()
		if err != nil {
			return benchResult{}, err
		}
		cpu += after.CPU - before.CPU
		times, resident, peak = append(times, taken...), append(resident, after.RSS), after.Peak
		say(l.progress, "%d to go: %.0f/s, %.1f µs of the node's processors each, %d MB resident",
			max(left-chunk, 0), float64(len(signed))/time.Since(begin).Seconds(),
			float64((after.CPU-before.CPU).Microseconds())/float64(len(signed)), after.RSS>>20)
	}
	rate := float64(l.transactions) / elapsed.Seconds()
	to := "over"
	if l.hot {
		to = "all to one of"
	}
	return benchResult{
		What: "chain", RatePerS: rate, BytesPerS: float64(size) / elapsed.Seconds(),
		P50Ms: percentile(times, .5), P99Ms: percentile(times, .99),
		CPUUsPerUnit: float64(cpu.Microseconds()) / float64(l.transactions), PeakRSSBytes: peak,
		Bound: bound.perSecond, BoundName: "Ed25519 checks per second of one core, expanded keys", RatioToBound: rate / bound.perSecond,
		Conditions: fmt.Sprintf("%d transfers of %d bytes %s %d accounts, durable, executed and final, expiry %s; one node in a process of its own, "+
			"whose processor time and memory stand here; batches of %d over HTTP by %d clients; resident %s MB after each %d; "+
			"crypto/ed25519 checks one in %.1f µs, with expanded keys %.1f µs",
			l.transactions, size/int64(l.transactions), to, l.accounts, l.expiry, l.batch, l.clients, megabytes(resident), (len(resident)+9)/10*chunk,
			bound.plain, bound.expanded),
		unit: "transactions",
	}, nil
}

// megabytes lists sizes, of many each so many-th.
func megabytes(sizes []int64) string {
	var texts []string
	step := (len(sizes) + 9) / 10
	for i := step - 1; i < len(sizes); i += step {
		texts = append(texts, strconv.FormatInt(sizes[i]>>20, 10))
	}
	return strings.Join(texts, " ")
}

// submitAll submits in batches, the last of which waits until it is final, and
// with it all before.
func (l *separateLoad) submitAll(ctx context.Context, signed [][]byte) ([]time.Duration, error) {
	batches := make(chan [][]byte, (len(signed)+l.batch-1)/l.batch)
	for len(signed) > 0 {
		k := min(l.batch, len(signed))
		batches <- signed[:k]
		signed = signed[k:]
	}
	close(batches)
	group, running := errgroup.WithContext(ctx)
	var mu sync.Mutex
	var times []time.Duration
	var last [][]byte
	for range l.clients {
		group.Go(func() error {
			for batch := range batches {
				begin := time.Now()
				if err := l.submit(running, batch, client.Executed); err != nil {
					return err
				}
				mu.Lock()
				times, last = append(times, time.Since(begin)), batch
				mu.Unlock()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	// The batch that was answered last stands behind all others, or in the record
	// of those that do not: sent again it is answered once its block is final.
	return times, l.submit(ctx, last[len(last)-1:], client.Final)
}

// submit submits transfers and wants each to take effect.
func (l *separateLoad) submit(ctx context.Context, batch [][]byte, wait client.Wait) error {
	outcomes, err := l.node.client.SubmitBatch(ctx, batch, wait)
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		if o.Code != ledger.CodeOK || wait == client.Final && !o.Final {
			return fmt.Errorf("transfer %s ended with %s: %s (final: %t)", o.ID, o.Code, o.Detail, o.Final)
		}
	}
	return nil
}

// latency submits single transfers at a fixed rate: each is timed from when it
// was due, so that a stall counts for all it delays.
func (l *separateLoad) latency(ctx context.Context, bound ed25519Bound) (benchResult, error) {
	const seconds = 5
	signed, err := l.signed(seconds * l.rate)
	if err != nil {
		return benchResult{}, err
	}
	say(l.progress, "submitting %d transfers at %d/s", len(signed), l.rate)
	before, err := l.node.usage()
	if err != nil {
		return benchResult{}, err
	}
	begin := time.Now()
	times, err := paced(ctx, l.rate, len(signed), func(ctx context.Context, i int) error {
		out, err := l.node.client.Submit(ctx, signed[i], client.Executed)
		if err == nil && out.Code != ledger.CodeOK {
			err = fmt.Errorf("transfer %s ended with %s: %s", out.ID, out.Code, out.Detail)
		}
		return err
	})
	if err != nil {
		return benchResult{}, err
	}
	elapsed := time.Since(begin)
	after, err := l.node.usage()
	if err != nil {
		return benchResult{}, err
	}
	rate := float64(len(signed)) / elapsed.Seconds()
	return benchResult{
		What: "chain", RatePerS: rate, BytesPerS: rate * float64(len(signed[0])),
		P50Ms: percentile(times, .5), P99Ms: percentile(times, .99),
		CPUUsPerUnit: float64((after.CPU - before.CPU).Microseconds()) / float64(len(signed)), PeakRSSBytes: after.Peak,
		Bound: bound.perSecond, BoundName: "Ed25519 checks per second of one core, expanded keys", RatioToBound: rate / bound.perSecond,
		Conditions: fmt.Sprintf("latency of a single transfer over HTTP from when it was due until executed, at %d/s; "+
			"one node in a process of its own, whose processor time and memory stand here", l.rate),
		unit: "transactions",
	}, nil
}
