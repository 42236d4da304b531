package pebble

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// logger hands Pebble's messages on: its chatter as debug.
type logger struct {
	log *slog.Logger
}

var _ pebble.LoggerAndTracer = (*logger)(nil)

// Infof implements [pebble.Logger].
func (l *logger) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("pebble", "message", fmt.Sprintf(format, args...))
	}
}

// Errorf implements [pebble.Logger].
func (l *logger) Errorf(format string, args ...any) {
	l.log.Error("pebble", "message", fmt.Sprintf(format, args...))
}

// fatal is what Fatalf panics with.
type fatal struct{ message string }

func (f fatal) Error() string { return f.message }

// Fatalf implements [pebble.Logger]. It must not return (package comment).
func (l *logger) Fatalf(format string, args ...any) {
	f := fatal{message: fmt.Sprintf(format, args...)}
	l.log.Error("pebble stops", "message", f.message)
	panic(f)
}

// Eventf implements [pebble.LoggerAndTracer]; nothing is traced.
func (l *logger) Eventf(context.Context, string, ...any) {}

// IsTracingEnabled implements [pebble.LoggerAndTracer].
func (l *logger) IsTracingEnabled(context.Context) bool { return false }
