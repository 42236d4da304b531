package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// librum is the binary under test.
var librum string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if librum = os.Getenv("LIBRUM_BIN"); librum != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "librum-app-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	librum = filepath.Join(dir, "librum")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", librum, "github.com/librum/librum/cmd/librum")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the binary:", err)
		return 1
	}
	return m.Run()
}

// patience bounds waits for what must come: long, for the machine may be busy.
const patience = 5 * time.Minute

// command returns a run of the binary that ends with the test.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), librum, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	return cmd
}

// output runs the binary and returns what it printed and its exit code.
func output(t *testing.T, env []string, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := command(t, env, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("librum %s: %v", strings.Join(args, " "), err)
	}
	t.Logf("librum %s: exit %d\n%s%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), out, errs.String())
	return string(out), cmd.ProcessState.ExitCode()
}

// lastLine decodes the last line that a command printed.
func lastLine[T any](t *testing.T, out string) T {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var v T
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &v); err != nil {
		t.Fatalf("the last line is no JSON object: %v\n%s", err, out)
	}
	return v
}

// dev is a development network in a process of its own.
type dev struct {
	cmd  *exec.Cmd
	base string
	env  []string // what client commands need
	done chan struct{}

	genesis string // digest
}

// startDev starts the network of dir and waits until it listens.
func startDev(t *testing.T, dir string, peers int, listen string) *dev {
	t.Helper()
	return startDevWith(t, dir, "--listen", listen, "--peers", fmt.Sprint(peers))
}

// startDevWith starts the network of dir with more flags.
func startDevWith(t *testing.T, dir string, flags ...string) *dev {
	t.Helper()
	d := &dev{cmd: command(t, nil, append([]string{"dev", "--dir", dir}, flags...)...), done: make(chan struct{})}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(t.ArtifactDir(), "dev.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	d.cmd.Stderr = log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if base, ok := strings.CutPrefix(lines.Text(), "listening at "); ok {
			d.base = base
		}
		if digest, ok := strings.CutPrefix(lines.Text(), "genesis "); ok {
			d.genesis = digest
			break
		}
	}
	if d.base == "" {
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("dev does not listen: %v\n%s", lines.Err(), text)
	}
	d.env = []string{"LIBRUM_SERVER=" + d.base, "LIBRUM_TOKEN_FILE=" + filepath.Join(dir, "token")}
	go func() {
		for lines.Scan() { // so that it never waits for a reader
		}
		_ = d.cmd.Wait() // how it ends is the test's doing
		close(d.done)
	}()
	return d
}

// end sends the signal and waits until the process is gone.
func (d *dev) end(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	select {
	case <-d.done:
	case <-time.After(patience):
		t.Fatalf("dev has not ended %s after %s", patience, signal)
	}
}

// anyPort lets the system choose the port.
const anyPort = "127.0.0.1:0"
