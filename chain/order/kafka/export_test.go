package kafka

import (
	"context"
	"net"
	"time"
)

// WithDial has connections made by that function.
func WithDial(c Config, dial func(ctx context.Context, network, address string) (net.Conn, error)) Config {
	c.dial = dial
	return c
}

// SeenMissing notes that a broker said at that time that there is no such topic.
func SeenMissing(l *Log, at time.Time) { l.missing.Store(&at) }

// IsMissing reports whether that still counts.
func IsMissing(l *Log) bool { return l.missing.Load() != nil }

// UntilKnown asks until the brokers know the topic.
var UntilKnown = untilKnown
