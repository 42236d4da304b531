package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"syscall"
	"time"
)

// order is what a process of validators is told at its start, a line of JSON on
// its standard input.
type order struct {
	Dir      string
	Indices  []int // the validators that it runs
	P2P, RPC []int // ports of all validators
	Accounts int
	Profile  string
	Tuning   tuning
}

// usage is what a process used since it began, and where its first validator
// stands.
type usage struct {
	CPU    time.Duration
	Moved  uint64 // transfers that took effect, the least of its validators
	Height int64
	Door   string // address of the first validator's
}

// serve runs validators until the input ends. Each further line is answered by
// the usage.
func serve(in io.Reader, out io.Writer) (err error) {
	lines := bufio.NewScanner(in)
	var o order
	if !lines.Scan() {
		return errors.New("read the order: there is none")
	}
	if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	// They end with the process: stopped, CometBFT 0.38 panics at times, since its
	// routines still read stores that it has closed.
	var running []*validator
	for _, i := range o.Indices {
		c, err := settings(o.Dir, i, o.P2P, o.RPC, o.Tuning)
		if err != nil {
			return err
		}
		v, err := openValidator(c, o.Accounts, o.Tuning.Early)
		if err != nil {
			return err
		}
		if err := v.node.Start(); err != nil {
			return errors.Join(err, v.app.close())
		}
		running = append(running, v)
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(running[0].door), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		_ = server.Close() // nobody waits for an answer any more
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
	}()
	if o.Profile != "" {
		file, err := os.Create(o.Profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for {
		u, err := used(running)
		if err != nil {
			return err
		}
		u.Door = listener.Addr().String()
		line, err := json.Marshal(u)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			return err
		}
		if !lines.Scan() {
			return lines.Err()
		}
	}
}

func used(running []*validator) (u usage, err error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, err
	}
	u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	for i, v := range running {
		moved, height := v.app.count()
		if i == 0 || moved < u.Moved {
			u.Moved, u.Height = moved, height
		}
	}
	return u, nil
}
