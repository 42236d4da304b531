package kafka

import (
	"context"
	"net"
)

// WithDial has connections made by that function.
func WithDial(c Config, dial func(ctx context.Context, network, address string) (net.Conn, error)) Config {
	c.dial = dial
	return c
}
