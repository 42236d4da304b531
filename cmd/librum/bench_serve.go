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
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/localnet"
)

// benchServe is the node's side of bench chain --separate: one node behind HTTP
// that tells on its standard input's demand what it uses, and ends with it, so
// that it does not outlive who started it.
type benchServe struct {
	dir     string
	window  int
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
)

func newBenchServeCommand() *cobra.Command {
	b := &benchServe{}
	cmd := &cobra.Command{
		Use: "serve", Hidden: true, Args: noArguments,
		Short:   "Serve the network of a directory for bench chain --separate",
		Example: "  librum bench serve --dir DIR",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return b.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.dir, "dir", "", "directory of the network")
	flags.IntVar(&b.window, "window", 0, "transactions let in and not yet executed, 0 for the default")
	flags.StringVar(&b.profile, "cpu-profile", "", "file of the CPU profile")
	return cmd
}

func (b *benchServe) run(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	network, err := localnet.Open(ctx, localnet.Dir(b.dir), localnet.Options{Window: b.window})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	config, err := network.Door(0, nil)
	if err != nil {
		return err
	}
	// One token stands for all accounts here.
	unbounded := api.Rate{PerSecond: 1e12, Burst: 1e12}
	config.Limits.MemberRequests, config.Limits.MemberBytes = unbounded, unbounded
	handler, err := api.New(config) //nolint:contextcheck // requests bring their own
	if err != nil {
		return err
	}
	listener, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	group, running := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(running)
	defer stop()
	group.Go(func() error { return network.Run(running) })
	group.Go(func() error { return api.Serve(running, listener, handler) })
	say(out, "http://%s", listener.Addr())
	err = b.answer(in, out)
	stop()
	return errors.Join(err, group.Wait())
}

// answer answers until the input ends.
func (b *benchServe) answer(in io.Reader, out io.Writer) (err error) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		switch lines.Text() {
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
			return fmt.Errorf("asked %q", lines.Text())
		}
	}
	return nil
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
