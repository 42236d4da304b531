package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	client "github.com/cometbft/cometbft/rpc/client/http"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ledger"
)

// load is the client of the running validators.
type load struct {
	*bench

	processes []*process
	door      string // of the first validator
	rpcPort   int
	web       *http.Client
	series    uint64
	sent      uint64
}

// process is a process of validators.
type process struct {
	cmd     *exec.Cmd
	ask     io.WriteCloser
	answers *bufio.Scanner
}

// start starts the validators and waits until all have executed transfers.
func (l *load) start(ctx context.Context, dir string) error {
	l.web = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 4_096}}
	list, err := ports(2 * l.validators)
	if err != nil {
		return err
	}
	o := order{
		Dir: dir, P2P: list[:l.validators], RPC: list[l.validators:], Accounts: l.accounts, Profile: l.profile, Tuning: l.tuning,
	}
	l.rpcPort = o.RPC[0]
	for i := range l.validators {
		o.Indices = append(o.Indices, i)
		if l.together && i < l.validators-1 {
			continue
		}
		p, err := startProcess(ctx, o, l.progress)
		if err != nil {
			return err
		}
		l.processes = append(l.processes, p)
		o.Indices, o.Profile = nil, ""
	}
	for i, p := range l.processes {
		u, err := p.read()
		if err != nil {
			return err
		}
		if i == 0 {
			l.door = u.Door
		}
	}
	signed, err := l.signed(100)
	if err != nil {
		return err
	}
	if err := l.submit(ctx, signed); err != nil {
		return err
	}
	_, _, err = l.await(ctx)
	return err
}

func startProcess(ctx context.Context, o order, progress io.Writer) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self, "serve")}
	p.cmd.Stderr = progress
	if p.ask, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.answers = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start validators: %w", err)
	}
	_, err = p.ask.Write(append(line, '\n'))
	return p, err
}

// read reads an answer.
func (p *process) read() (u usage, err error) {
	if !p.answers.Scan() {
		return u, errors.Join(errors.New("the validators ended"), p.answers.Err())
	}
	return u, json.Unmarshal(p.answers.Bytes(), &u)
}

func (p *process) usage() (usage, error) {
	if _, err := io.WriteString(p.ask, "\n"); err != nil {
		return usage{}, err
	}
	return p.read()
}

func (l *load) stop() error {
	var errs []error
	for _, p := range l.processes {
		_ = p.ask.Close() // it may have ended, which Wait tells
	}
	for _, p := range l.processes {
		errs = append(errs, p.cmd.Wait())
	}
	l.web.CloseIdleConnections()
	return errors.Join(errs...)
}

// usage returns the processor time of all validators and what the slowest did.
func (l *load) usage() (cpu time.Duration, moved uint64, height int64, err error) {
	for i, p := range l.processes {
		u, err := p.usage()
		if err != nil {
			return 0, 0, 0, err
		}
		cpu += u.CPU
		if i == 0 || u.Moved < moved {
			moved, height = u.Moved, u.Height
		}
	}
	return cpu, moved, height, nil
}

// await waits until all validators executed what was sent, and returns their
// processor time and the height.
func (l *load) await(ctx context.Context) (time.Duration, int64, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		cpu, moved, height, err := l.usage()
		if err != nil || moved == l.sent {
			return cpu, height, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		}
	}
}

// signed returns transfers, made on all cores.
func (l *load) signed(n int) ([][]byte, error) {
	const share = 1_000
	parts := make([][][]byte, (n+share-1)/share)
	var group errgroup.Group
	group.SetLimit(8)
	for i := range parts {
		l.series++
		series := l.series
		group.Go(func() (err error) {
			parts[i], err = signTransfers(l.accounts, min(share, n-i*share), series, time.Now().Add(5*time.Minute))
			return err
		})
	}
	err := group.Wait()
	all := make([][]byte, 0, n)
	for _, p := range parts {
		all = append(all, p...)
	}
	l.sent += uint64(n)
	return all, err
}

// submit hands transactions to the first validator's door and wants each to take
// effect.
func (l *load) submit(ctx context.Context, txs [][]byte) error {
	body, err := ledger.Encode(txs)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+l.door, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := l.web.Do(request)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the door answers %s: %s", response.Status, answer)
	}
	var codes []uint32
	if err := ledger.Decode("codes", answer, maxBody, &codes); err != nil {
		return err
	}
	if len(codes) != len(txs) {
		return fmt.Errorf("%d codes for %d transactions", len(codes), len(txs))
	}
	for _, code := range codes {
		if code != codeOK {
			return fmt.Errorf("a transfer ended with code %d", code)
		}
	}
	return nil
}

// throughput submits as fast as the chain takes it, until all validators have
// executed it.
func (l *load) throughput(ctx context.Context) (result, error) {
	signed, err := l.signed(l.transactions)
	if err != nil {
		return result{}, err
	}
	size := 0
	for _, s := range signed {
		size += len(s)
	}
	before, _, first, err := l.usage()
	if err != nil {
		return result{}, err
	}
	begin := time.Now()
	submit := l.submitAll
	if l.rpc {
		submit = l.submitRPC
	}
	times, err := submit(ctx, signed)
	if err != nil {
		return result{}, err
	}
	after, last, err := l.await(ctx)
	if err != nil {
		return result{}, err
	}
	elapsed := time.Since(begin)
	way := "the door"
	if l.rpc {
		way = "broadcast_tx_async"
	}
	return result{
		What: "cometbft", RatePerS: float64(len(signed)) / elapsed.Seconds(), BytesPerS: float64(size) / elapsed.Seconds(),
		P50Ms: percentile(times, .5), P99Ms: percentile(times, .99),
		CPUUsPerUnit: float64((after - before).Microseconds()) / float64(len(signed)),
		Conditions: fmt.Sprintf("%s; %d transfers of %d bytes over %d accounts in %d blocks, executed by all; batches of %d by %d clients through %s",
			l.conditions(), len(signed), size/len(signed), l.accounts, last-first, l.batch, l.clients, way),
	}, nil
}

// submitAll submits batches by the door from several clients.
func (l *load) submitAll(ctx context.Context, signed [][]byte) ([]time.Duration, error) {
	parts := make(chan [][]byte, len(signed)/l.batch+1)
	for part := range slices.Chunk(signed, l.batch) {
		parts <- part
	}
	close(parts)
	var mu sync.Mutex
	var times []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	for range l.clients {
		group.Go(func() error {
			for part := range parts {
				begin := time.Now()
				if err := l.submit(ctx, part); err != nil {
					return err
				}
				mu.Lock()
				times = append(times, time.Since(begin))
				mu.Unlock()
			}
			return nil
		})
	}
	err := group.Wait()
	return times, err
}

// submitRPC submits batches by JSON-RPC over one connection, as far ahead of
// what is executed as the door's clients are.
func (l *load) submitRPC(ctx context.Context, signed [][]byte) ([]time.Duration, error) {
	c, err := client.New(fmt.Sprintf("http://127.0.0.1:%d", l.rpcPort), "/websocket")
	if err != nil {
		return nil, err
	}
	sent := l.sent - uint64(len(signed))
	for len(signed) > 0 {
		k := min(l.batch, len(signed))
		batch := c.NewBatch()
		for _, tx := range signed[:k] {
			if _, err := batch.BroadcastTxAsync(ctx, tx); err != nil {
				return nil, err
			}
		}
		if _, err := batch.Send(ctx); err != nil {
			return nil, err
		}
		signed, sent = signed[k:], sent+uint64(k)
		for {
			u, err := l.processes[0].usage()
			if err != nil {
				return nil, err
			}
			if sent-u.Moved <= uint64(l.batch*l.clients) {
				break
			}
			select {
			case <-time.After(2 * time.Millisecond):
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	}
	return nil, nil
}

// latency submits single transfers at a fixed rate: each is timed from when it
// was due, so that a stall counts for all it delays.
func (l *load) latency(ctx context.Context) (result, error) {
	signed, err := l.signed(l.seconds * l.rate)
	if err != nil {
		return result{}, err
	}
	before, _, first, err := l.usage()
	if err != nil {
		return result{}, err
	}
	begin := time.Now()
	times, err := l.paced(ctx, signed)
	if err != nil {
		return result{}, err
	}
	elapsed := time.Since(begin)
	after, last, err := l.await(ctx)
	if err != nil {
		return result{}, err
	}
	return result{
		What: "cometbft", RatePerS: float64(len(signed)) / elapsed.Seconds(), BytesPerS: float64(len(signed)*len(signed[0])) / elapsed.Seconds(),
		P50Ms: percentile(times, .5), P99Ms: percentile(times, .99),
		CPUUsPerUnit: float64((after - before).Microseconds()) / float64(len(signed)),
		Conditions: fmt.Sprintf("%s; latency of a single transfer through the door from when it was due until its block was committed, at %d/s, %d blocks",
			l.conditions(), l.rate, last-first),
	}, nil
}

// paced submits each transfer when it is due.
func (l *load) paced(ctx context.Context, signed [][]byte) ([]time.Duration, error) {
	times := make([]time.Duration, len(signed))
	group, ctx := errgroup.WithContext(ctx)
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range signed {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(l.rate))
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), group.Wait())
		}
		group.Go(func() error {
			err := l.submit(ctx, signed[i:i+1])
			times[i] = time.Since(due)
			return err
		})
	}
	return times, group.Wait()
}
