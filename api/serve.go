package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// The bounds of a connection. What may take longer moves its own deadlines.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = time.Minute
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 10 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Serve answers on the listener until ctx ends, then ends waits and streams,
// lets other requests finish for a while, and returns. It closes the listener.
// Connections are bounded by the [Limits] of a handler that is [New]'s.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	drain, startDrain := context.WithCancel(context.WithoutCancel(ctx))
	defer startDrain()
	base := context.WithValue(context.WithoutCancel(ctx), drainKey{}, drain)
	serving := &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	if s, ok := handler.(*server); ok {
		listener = s.bounded(listener)
	}
	served := make(chan error, 1)
	go func() { served <- serving.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	startDrain()
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := serving.Shutdown(finish)
	if err != nil { // some request hangs on
		err = errors.Join(fmt.Errorf("shut down %s: %w", listener.Addr(), err), serving.Close())
	}
	return errors.Join(err, ended(<-served))
}

// ended drops the error that says that the server was shut down.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
