package main

import (
	"fmt"
	"io"
	"time"
)

// say prints a line for people. That nobody reads it any more is no reason to
// stop the work it tells of.
func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}

// logTime returns log time in ms as people read it.
func logTime(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }
