package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// runSeparate measures nodes in processes of their own.
func (b *benchChain) runSeparate(ctx context.Context, dir localnet.Dir, secrets localnet.Secrets, progress io.Writer) (_ []benchResult, err error) {
	cluster, err := b.layCluster(ctx, dir, secrets)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cluster.close(ctx)) }()
	if err := cluster.start(ctx, progress); err != nil {
		return nil, err
	}
	bound := measureEd25519(secrets.Key(localnet.KindAccount, 0))
	l := &separateLoad{benchChain: b, benchCluster: cluster, secrets: secrets, progress: progress, disk: -directoryBytes(string(dir))}
	if b.profile != "" {
		for _, n := range l.running {
			if _, err := n.tell(benchAskProfile); err != nil {
				return nil, err
			}
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
	if b.profile == "" && b.nodes == 1 { // a profile ends with the process, and others go on without one node
		took, err := cluster.killFirst(ctx, progress)
		if err != nil {
			return nil, err
		}
		throughput.Conditions += fmt.Sprintf("; killed, it was ready again after %.2f s", took.Seconds())
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
	*benchCluster

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
	var elapsed, cpu, servers time.Duration
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
		before, err := l.usage()
		if err != nil {
			return benchResult{}, err
		}
		begin := time.Now()
		taken, err := l.submitAll(ctx, signed)
		if err != nil {
			return benchResult{}, err
		}
		elapsed += time.Since(begin)
		after, err := l.usage()
		if err != nil {
			return benchResult{}, err
		}
		cpu, servers = cpu+after.CPU-before.CPU, servers+after.Servers-before.Servers
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
		ServersCPUUsPerUnit: float64(servers.Microseconds()) / float64(l.transactions),
		Bound:               bound.perSecond, BoundName: "Ed25519 checks per second of one core, expanded keys", RatioToBound: rate / bound.perSecond,
		Conditions: fmt.Sprintf("%d transfers of %d bytes %s %d accounts, durable, executed and final, expiry %s; %s; batches of %d over HTTP by %d clients; resident %s MB after each %d; "+
			"crypto/ed25519 checks one in %.1f µs, with expanded keys %.1f µs",
			l.transactions, size/int64(l.transactions), to, l.accounts, l.expiry, l.describe(), l.batch, l.clients, megabytes(resident), (len(resident)+9)/10*chunk,
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
	if err := l.submit(ctx, last[len(last)-1:], client.Final); err != nil {
		return nil, err
	}
	return times, l.settle(ctx)
}

// submit submits transfers and wants each to take effect.
func (l *separateLoad) submit(ctx context.Context, batch [][]byte, wait client.Wait) error {
	outcomes, err := l.running[0].client.SubmitBatch(ctx, batch, wait)
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
	first, err := l.running[0].position(ctx)
	if err != nil {
		return benchResult{}, err
	}
	before, err := l.usage()
	if err != nil {
		return benchResult{}, err
	}
	begin := time.Now()
	times, err := paced(ctx, l.rate, len(signed), func(ctx context.Context, i int) error {
		out, err := l.running[0].client.Submit(ctx, signed[i], client.Executed)
		if err == nil && out.Code != ledger.CodeOK {
			err = fmt.Errorf("transfer %s ended with %s: %s", out.ID, out.Code, out.Detail)
		}
		return err
	})
	if err != nil {
		return benchResult{}, err
	}
	elapsed := time.Since(begin)
	if err := l.settle(ctx); err != nil {
		return benchResult{}, err
	}
	after, err := l.usage()
	if err != nil {
		return benchResult{}, err
	}
	last, err := l.running[0].position(ctx)
	if err != nil {
		return benchResult{}, err
	}
	rate := float64(len(signed)) / elapsed.Seconds()
	return benchResult{
		What: "chain", RatePerS: rate, BytesPerS: rate * float64(len(signed[0])),
		P50Ms: percentile(times, .5), P99Ms: percentile(times, .99),
		CPUUsPerUnit: float64((after.CPU - before.CPU).Microseconds()) / float64(len(signed)), PeakRSSBytes: after.Peak,
		ServersCPUUsPerUnit: float64((after.Servers - before.Servers).Microseconds()) / float64(len(signed)),
		Bound:               bound.perSecond, BoundName: "Ed25519 checks per second of one core, expanded keys", RatioToBound: rate / bound.perSecond,
		Conditions: fmt.Sprintf("latency of a single transfer over HTTP from when it was due until executed, at %d/s, %d in %d records, clocks and markers among them; %s",
			l.rate, len(signed), last-first, l.describe()),
		unit: "transactions",
	}, nil
}
