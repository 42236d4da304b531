package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// bench measures the chain from outside.
type bench struct {
	validators, transactions, accounts, batch, clients, rate, seconds int
	together, rpc, json                                               bool
	tuning                                                            tuning
	dir, profile                                                      string
	progress                                                          io.Writer
}

// result is what was found out about one case, in the fields of librum bench.
type result struct {
	What         string  `json:"what"`
	RatePerS     float64 `json:"rate_per_s"`
	BytesPerS    float64 `json:"bytes_per_s"`
	P50Ms        float64 `json:"p50_ms"`
	P99Ms        float64 `json:"p99_ms"`
	CPUUsPerUnit float64 `json:"cpu_us_per_unit"`
	Conditions   string  `json:"conditions"`
}

func (b *bench) run(ctx context.Context) (_ []result, err error) {
	if min(b.validators, b.transactions, b.batch, b.clients, b.rate, b.seconds) < 1 || b.accounts < 2 {
		return nil, errors.New("-accounts is at least 2, all other numbers at least 1")
	}
	dir, err := os.MkdirTemp(b.dir, "cometbft-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := found(dir, b.validators); err != nil {
		return nil, fmt.Errorf("found the chain: %w", err)
	}
	l := &load{bench: b}
	defer func() { err = errors.Join(err, l.stop()) }()
	if err := l.start(ctx, dir); err != nil {
		return nil, err
	}
	throughput, err := l.throughput(ctx)
	if err != nil {
		return nil, fmt.Errorf("measure the throughput: %w", err)
	}
	latency, err := l.latency(ctx)
	if err != nil {
		return nil, fmt.Errorf("measure the latency: %w", err)
	}
	return []result{throughput, latency}, nil
}

// ports returns free ports of this machine.
func ports(n int) (list []int, err error) {
	var open []net.Listener
	defer func() {
		for _, l := range open {
			err = errors.Join(err, l.Close())
		}
	}()
	for range n {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		open = append(open, l)
		list = append(list, l.Addr().(*net.TCPAddr).Port)
	}
	return list, nil
}

func (b *bench) conditions() string {
	var c strings.Builder
	processes := "in processes of their own"
	if b.together {
		processes = "in one process"
	}
	_, _ = fmt.Fprintf(&c, "CometBFT 0.38, %d validators %s; timeout_commit %s, gossip sleep %s, flush %s; ",
		b.validators, processes, b.tuning.Pause, b.tuning.Gossip, b.tuning.Flush)
	if b.tuning.Early {
		c.WriteString("signatures one by one as transactions come")
	} else {
		c.WriteString("signatures by block in a batch")
	}
	return c.String()
}

func (b *bench) print(out io.Writer, results []result) error {
	if b.json {
		line, err := json.Marshal(results)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s\n", line)
		return err
	}
	for _, r := range results {
		_, err := fmt.Fprintf(out, "%s\n  rate  %.4g transactions/s\n  time  p50 %.4g ms, p99 %.4g ms\n  CPU   %.4g µs per transaction, all validators\n",
			r.Conditions, r.RatePerS, r.P50Ms, r.P99Ms, r.CPUUsPerUnit)
		if err != nil {
			return err
		}
	}
	return nil
}

// percentile returns the smallest of the durations that at least the share p of
// them does not exceed, in milliseconds.
func percentile(durations []time.Duration, p float64) float64 {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	at := int(p*float64(len(sorted))+0.999999) - 1
	return float64(sorted[min(max(at, 0), len(sorted)-1)].Nanoseconds()) / 1e6
}
