package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/api"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/fullnode/process"
	"github.com/librum/librum/internal/durable"
)

// benchServe is a node's side of bench chain --separate: one node behind HTTP
// that tells on its standard input's demand what it uses, and ends with it, so
// that it does not outlive who started it.
type benchServe struct {
	config  string
	profile string
}

// benchUsage is what the node's process used since it began.
type benchUsage struct {
	CPU  time.Duration `json:"cpu_ns"`
	RSS  int64         `json:"rss_bytes"`
	Peak int64         `json:"peak_bytes"`
}

// What the node's process is asked, a line each; the answer is a line.
const (
	benchAskUsage   = "usage"
	benchAskProfile = "profile" // starts it; it ends with the process
	benchAskSettle  = "settle"  // and an offset: waits until all before it is executed and final
)

func newBenchServeCommand() *cobra.Command {
	b := &benchServe{}
	cmd := &cobra.Command{
		Use: "serve", Hidden: true, Args: noArguments,
		Short:   "Serve a node for bench chain --separate",
		Example: "  librum bench serve --config node.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return b.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.config, "config", "", "file with the node's configuration")
	flags.StringVar(&b.profile, "cpu-profile", "", "file of the CPU profile")
	return cmd
}

func (b *benchServe) run(ctx context.Context, in io.Reader, out, log io.Writer) (err error) {
	c, err := config.Load(b.config, nil)
	if err != nil {
		return wrongUse(err)
	}
	unbounded := api.Rate{PerSecond: 1e12, Burst: 1e12} // one token stands for all accounts here
	n, err := process.Open(ctx, c, process.Options{
		Logger: newLogger(log, &c.Log), Limits: api.Limits{MemberRequests: unbounded, MemberBytes: unbounded},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	group, running := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(running)
	defer stop()
	group.Go(func() error {
		defer stop()
		return n.Run(running)
	})
	say(out, "%s", n.URL)
	err = b.answer(running, n, in, out)
	stop()
	return errors.Join(err, group.Wait())
}

// answer answers until the input ends.
func (b *benchServe) answer(ctx context.Context, n *process.Process, in io.Reader, out io.Writer) (err error) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		asked, of, _ := strings.Cut(lines.Text(), " ")
		switch asked {
		case benchAskSettle:
			if err := settleNode(ctx, n, of); err != nil {
				return err
			}
			say(out, "")
		case benchAskUsage:
			usage, err := b.usage()
			if err != nil {
				return err
			}
			line, err := json.Marshal(usage)
			if err != nil {
				return fmt.Errorf("encode what the process used: %w", err)
			}
			say(out, "%s", line)
		case benchAskProfile:
			file, err := os.Create(b.profile)
			if err != nil {
				return err
			}
			if err := pprof.StartCPUProfile(file); err != nil {
				return errors.Join(fmt.Errorf("profile: %w", err), file.Close())
			}
			defer func() { //nolint:gocritic // asked once
				pprof.StopCPUProfile()
				err = errors.Join(err, file.Close())
			}()
			say(out, "")
		default:
			return fmt.Errorf("asked %.40q", lines.Text())
		}
	}
	return nil
}

// settleNode waits until a node has executed all before an offset and has it in
// final blocks.
func settleNode(ctx context.Context, n *process.Process, offset string) error {
	next, err := strconv.ParseUint(offset, 10, 64)
	if err != nil {
		return err
	}
	status, err := n.Await(ctx, func(s node.Status) bool { return s.Next >= next })
	if err != nil {
		return err
	}
	return n.AwaitFinal(ctx, status.Last)
}

func (b *benchServe) usage() (benchUsage, error) {
	cpu, err := processCPU()
	if err != nil {
		return benchUsage{}, err
	}
	rss, err := residentNow()
	if err != nil {
		return benchUsage{}, err
	}
	peak, err := peakRSS()
	return benchUsage{CPU: cpu, RSS: rss, Peak: peak}, err
}

// residentNow returns the memory that this process has resident, in bytes.
func residentNow() (int64, error) {
	b, err := durable.ReadFile("/proc/self/statm", 4<<10)
	if err != nil {
		return 0, fmt.Errorf("read resident memory: %w", err)
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, fmt.Errorf("read resident memory: /proc/self/statm holds %q", b)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read resident memory: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}
