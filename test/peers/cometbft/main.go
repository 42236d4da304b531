package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			_, _ = fmt.Fprintln(os.Stderr, "cometbft:", err)
		}
		os.Exit(3)
	}
}

const usageText = `cometbft: signed transfers through CometBFT 0.38, beside librum bench chain --separate

Example:
  cometbft -validators 4 -rate 1000 -json

`

func run(ctx context.Context, args []string, in io.Reader, out, progress io.Writer) error {
	if len(args) == 1 && args[0] == "serve" { // what bench starts
		return serve(in, out)
	}
	b := &bench{progress: progress}
	flags := flag.NewFlagSet("cometbft", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Usage = func() {
		_, _ = io.WriteString(progress, usageText)
		flags.PrintDefaults()
	}
	flags.IntVar(&b.validators, "validators", 1, "validators")
	flags.BoolVar(&b.together, "together", false, "run them in one process, not one each")
	flags.IntVar(&b.transactions, "transactions", 100_000, "transfers of the throughput case")
	flags.IntVar(&b.accounts, "accounts", 10_000, "accounts they go between, each with a key of its own")
	flags.IntVar(&b.batch, "batch", 256, "transactions a client submits at once")
	flags.IntVar(&b.clients, "clients", 16, "clients at once")
	flags.IntVar(&b.rate, "rate", 1_000, "transactions per second of the latency case")
	flags.IntVar(&b.seconds, "seconds", 5, "how long the latency case lasts")
	flags.BoolVar(&b.rpc, "rpc", false, "submit by JSON-RPC, broadcast_tx_async in batches, not by the door")
	flags.DurationVar(&b.tuning.Pause, "pause", 10*time.Millisecond, "timeout_commit: how long transactions gather after a block")
	flags.DurationVar(&b.tuning.Gossip, "gossip", 10*time.Millisecond, "peer_gossip_sleep_duration")
	flags.DurationVar(&b.tuning.Flush, "flush", time.Millisecond, "flush_throttle_timeout")
	flags.BoolVar(&b.tuning.Early, "early", false, "check signatures one by one as transactions come, not by block in a batch")
	flags.StringVar(&b.dir, "dir", "", "directory for the validators, removed afterwards (default the system's)")
	flags.StringVar(&b.profile, "cpu-profile", "", "write a CPU profile of the first process to this file")
	flags.BoolVar(&b.json, "json", false, "print the results as JSON on the last line")
	if err := flags.Parse(args); err != nil {
		return err
	}
	results, err := b.run(ctx)
	if err != nil {
		return err
	}
	return b.print(out, results)
}
