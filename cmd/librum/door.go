package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/api"
	"github.com/librum/librum/internal/certfile"
)

// doorFlags say where a server listens and what it speaks there.
type doorFlags struct {
	listen string
	cert   string
	key    string
	plain  bool
}

func addDoorFlags(cmd *cobra.Command) *doorFlags {
	f := &doorFlags{}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of node 0")
	flags.StringVar(&f.cert, "tls-cert", "", "PEM file with the server's certificate and those above it; read again when it changes")
	flags.StringVar(&f.key, "tls-key", "", "PEM file with the certificate's key")
	flags.BoolVar(&f.plain, "insecure-http", false, "allow plain HTTP beyond this machine: whoever sits between reads the token")
	return f
}

// door is where a server is reached.
type door struct {
	net.Listener

	scheme string
	inside net.Listener // plain, on loopback, for peers of this process where the door is anything else; or nil
}

// loopback is a door of plain HTTP for this machine.
func loopback(ctx context.Context) (*door, error) {
	listener, err := listen(ctx, "127.0.0.1:0")
	return &door{Listener: listener, scheme: "http"}, err
}

// base is the URL of the server.
func (d *door) base() string { return d.scheme + "://" + d.Addr().String() }

// insideBase is the URL of the server for this process.
func (d *door) insideBase() string {
	if d.inside == nil {
		return d.base()
	}
	return "http://" + d.inside.Addr().String()
}

// close is for a door that nobody serves.
func (d *door) close() error {
	err := d.Close()
	if d.inside != nil {
		err = errors.Join(err, d.inside.Close())
	}
	return err
}

// open takes the address. Beyond this machine it wants TLS.
func (f *doorFlags) open(ctx context.Context, logger *slog.Logger) (_ *door, err error) {
	if (f.cert == "") != (f.key == "") {
		return nil, wrongUse(errors.New("--tls-cert and --tls-key belong together"))
	}
	listener, err := listen(ctx, f.listen)
	if err != nil {
		return nil, err
	}
	d := &door{Listener: listener, scheme: "http"}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if f.cert == "" {
		if !f.plain && !api.IsLoopback(listener.Addr()) {
			return nil, wrongUse(fmt.Errorf("--listen %s: plain HTTP is for loopback alone; "+
				"give --tls-cert and --tls-key, or --insecure-http if nobody sits between", f.listen))
		}
		if api.IsLoopback(listener.Addr()) {
			return d, nil
		}
	} else {
		source, err := f.certificate(logger)
		if err != nil {
			return nil, wrongUse(err)
		}
		d.Listener, d.scheme = api.TLSListener(listener, source.GetCertificate), "https"
	}
	d.inside, err = listen(ctx, "127.0.0.1:0")
	return d, err
}

func (f *doorFlags) certificate(logger *slog.Logger) (*certfile.Source, error) {
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		return &pair, err
	}
	return certfile.Open([]string{f.cert, f.key}, load, time.Now, logger)
}
