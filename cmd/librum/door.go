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
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/internal/certfile"
)

// doorFlags say where a server listens and what it speaks there.
type doorFlags struct {
	listen string
	tls    bool
	cert   string
	key    string
	plain  bool
}

func addDoorFlags(cmd *cobra.Command) *doorFlags {
	f := &doorFlags{}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of node 0")
	flags.BoolVar(&f.tls, "tls", false, "speak TLS with a certificate for this machine by an authority in DIR/ca, made if it is missing")
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
func (f *doorFlags) open(ctx context.Context, ask keyfile.Ask, logger *slog.Logger) (_ *door, err error) {
	if (f.cert == "") != (f.key == "") {
		return nil, wrongUse(errors.New("--tls-cert and --tls-key belong together"))
	}
	if f.tls && f.cert != "" {
		return nil, wrongUse(errors.New("--tls makes its own certificate; leave --tls-cert and --tls-key out"))
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
	switch {
	case f.cert != "":
		if err := d.speakTLS(f.cert, f.key, ask, logger); err != nil {
			return nil, wrongUse(err)
		}
	case f.tls: // as soon as there is a network whose authority certifies
	case api.IsLoopback(listener.Addr()):
		return d, nil
	case !f.plain:
		return nil, wrongUse(fmt.Errorf("--listen %s: plain HTTP is for loopback alone; "+
			"give --tls-cert and --tls-key, or --insecure-http if nobody sits between", f.listen))
	}
	d.inside, err = listen(ctx, "127.0.0.1:0")
	return d, err
}

// speakTLS has the door speak TLS with a certificate that follows its files.
func (d *door) speakTLS(certPath, keyPath string, ask keyfile.Ask, logger *slog.Logger) error {
	load := func() (*tls.Certificate, error) { return api.LoadPair(certPath, keyPath, ask) }
	source, err := certfile.Open([]string{certPath, keyPath}, load, time.Now, logger)
	if err != nil {
		return err
	}
	d.Listener, d.scheme = api.TLSListener(d.Listener, certfile.GetCertificate(source)), "https"
	return nil
}
