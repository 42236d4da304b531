// Command librum is the node, the tools and the demonstration of Librum in one
// binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set when the binary is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRootCommand().ExecuteContext(ctx)
	stop()
	os.Exit(report(err))
}

// report prints the error of a command and returns the exit code it stands
// for: 0 yes, 1 no, 2 wrong use, 3 could not tell.
func report(err error) int {
	if err == nil {
		return 0
	}
	if coded, ok := errors.AsType[*exitError](err); ok {
		if coded.err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "librum:", coded.err)
		}
		return coded.code
	}
	_, _ = fmt.Fprintln(os.Stderr, "librum:", err)
	return exitNo
}
