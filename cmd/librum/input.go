package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/librum/librum/internal/durable"
)

// stdinName is the path that stands for standard input, where a command says so.
const stdinName = "-"

// descriptors are the paths of what this process has open already, as the
// shell's <(command) gives. To open such a stream waits for nobody.
var descriptors = []string{"/dev/fd/", "/proc/self/fd/"}

// streamWait bounds how long [readSecret] waits.
const streamWait = time.Minute

// readGiven reads what a flag names: a regular file, or a stream that the shell
// has opened, of at most limit bytes. No other stream is read: to open a pipe
// may wait for ever.
func readGiven(ctx context.Context, path string, limit int64) ([]byte, error) {
	return readOpened(func() error { return context.Cause(ctx) }, path, limit)
}

func readOpened(over func() error, path string, limit int64) (_ []byte, err error) {
	number, ok := descriptor(path)
	if !ok {
		return durable.ReadFile(path, limit)
	}
	number, err = unix.Dup(number)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	file := os.NewFile(uintptr(number), path)
	defer func() { _ = file.Close() }() // it was only read
	return readStream(over, file, path, limit)
}

// readInput is [readGiven] for commands that take standard input as well.
func readInput(ctx context.Context, stdin io.Reader, path string, limit int64) ([]byte, error) {
	if path == stdinName {
		return readStream(func() error { return context.Cause(ctx) }, stdin, "standard input", limit)
	}
	return readGiven(ctx, path, limit)
}

// readSecret is [readGiven] for short files, which takes no context: a stream is
// waited for a while.
func readSecret(path string, limit int64) ([]byte, error) {
	end := time.Now().Add(streamWait)
	return readOpened(func() error {
		if time.Now().After(end) {
			return fmt.Errorf("nothing came in %s", streamWait)
		}
		return nil
	}, path, limit)
}

// descriptor returns the number of what a path says is open.
func descriptor(path string) (number int, ok bool) {
	for _, prefix := range descriptors {
		if text, found := strings.CutPrefix(path, prefix); found {
			number, err := strconv.ParseUint(text, 10, 16)
			return int(number), err == nil
		}
	}
	return 0, path == "/dev/stdin"
}

func readStream(over func() error, stream io.Reader, name string, limit int64) ([]byte, error) {
	if file, ok := stream.(*os.File); ok {
		stream = patient{over, file}
	}
	b, err := io.ReadAll(io.LimitReader(stream, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read %s: more than %d bytes: %w", name, limit, durable.ErrTooLarge)
	}
	return b, nil
}

// patient reads a terminal or pipe and waits for it until it is over. Such a file may be shared with other processes, so that its mode is
// not changed to one that does not wait.
type patient struct {
	over func() error
	file *os.File
}

// pollInterval is how soon it is noticed that it is over.
const pollInterval = 100 * time.Millisecond

// Read implements [io.Reader].
func (p patient) Read(b []byte) (int, error) {
	fds := []unix.PollFd{{Fd: int32(p.file.Fd()), Events: unix.POLLIN}}
	for {
		if err := p.over(); err != nil {
			return 0, err
		}
		n, err := unix.Poll(fds, int(pollInterval.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return 0, fmt.Errorf("wait for input: %w", err)
		}
		if n > 0 {
			return p.file.Read(b)
		}
	}
}
