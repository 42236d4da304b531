package process

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/node"
	nodemesh "github.com/librum/librum/chain/node/grpcmesh"
	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/fl/coordinator"
	jobmesh "github.com/librum/librum/fl/coordinator/grpcmesh"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/internal/certfile"
	"github.com/librum/librum/internal/durable"
)

// meeting is how the node meets those of other processes; without one it meets
// nobody.
type meeting struct {
	transport *transport.Transport
	nodes     *nodemesh.Mesh
	jobs      *jobmesh.Mesh
	directory *transport.Directory
	listener  net.Listener
}

// openMeeting takes the mesh's address and reads what the node shows of itself.
func openMeeting(ctx context.Context, c *config.Mesh, at place, keys []*identity.Key, where registry.Registry, logger *slog.Logger) (_ *meeting, err error) {
	var anchors []*x509.Certificate
	for _, path := range c.Authorities {
		list, err := loadCertificates(path)
		if err != nil {
			return nil, fmt.Errorf("%w: mesh.authorities: %w", ErrConfig, err)
		}
		anchors = append(anchors, list...)
	}
	shown, err := openShown(c, anchors, keys, logger)
	if err != nil {
		return nil, fmt.Errorf("%w: mesh.certificates: %w", ErrConfig, err)
	}
	revoked, err := openRevoked(c.Revoked, anchors, logger)
	if err != nil {
		return nil, fmt.Errorf("%w: mesh.revoked: %w", ErrConfig, err)
	}
	m := &meeting{}
	var listening net.ListenConfig
	if m.listener, err = listening.Listen(ctx, "tcp", c.Listen); err != nil {
		return nil, fmt.Errorf("mesh: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.listener.Close())
		}
	}()
	address := c.Advertise
	if address == "" {
		address = c.Listen
	}
	m.directory, err = transport.NewDirectory(transport.DirectoryConfig{
		Chain: at.chain, Self: at.node, Address: address, Registry: where, Logger: logger,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: mesh.advertise: %w", ErrConfig, err)
	}
	m.transport = transport.New(transport.Config{
		Self: at.node, Chain: at.chain, Certificates: shown, Anchors: anchors, Revoked: revoked,
		Addresses: m.directory, Now: time.Now, Logger: logger, PerAddress: c.AddressConnections,
	})
	m.nodes, m.jobs = nodemesh.New(m.transport, logger), jobmesh.New(m.transport, logger)
	return m, nil
}

// openShown returns what the node shows: a certificate for each of its keys that
// has one, with the authorities of its organisation. The files are followed.
func openShown(c *config.Mesh, anchors []*x509.Certificate, keys []*identity.Key, logger *slog.Logger) (func() []*tls.Certificate, error) {
	var sources []*certfile.Source[tls.Certificate]
	for _, path := range c.Certificates {
		load := func() (*tls.Certificate, error) { return loadShown(path, anchors, keys) }
		source, err := certfile.Open([]string{path}, load, time.Now, logger)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return func() []*tls.Certificate {
		shown := make([]*tls.Certificate, len(sources))
		for i, s := range sources {
			shown[i] = s.Current()
		}
		return shown
	}, nil
}

func loadShown(path string, anchors []*x509.Certificate, keys []*identity.Key) (*tls.Certificate, error) {
	issued, err := loadCertificates(path)
	if err != nil {
		return nil, err
	}
	_, public, _, err := cert.Identity(issued[0])
	if err != nil {
		return nil, err
	}
	var authorities []*x509.Certificate
	for _, a := range anchors {
		if bytes.Equal(a.RawSubject, issued[0].RawIssuer) && issued[0].CheckSignatureFrom(a) == nil {
			authorities = append(authorities, a)
		}
	}
	if len(authorities) == 0 {
		return nil, fmt.Errorf("%s: none of mesh.authorities has issued it", path)
	}
	for _, k := range keys {
		if k.Public() == public {
			return transport.NewCertificate(issued, authorities, k)
		}
	}
	return nil, fmt.Errorf("%s is for another key than those of the node", path)
}

func loadCertificates(path string) ([]*x509.Certificate, error) {
	b, err := durable.ReadFile(path, cert.MaxFileBytes)
	if err != nil {
		return nil, err
	}
	list, err := cert.ParseCertificates(b)
	if err == nil && len(list) == 0 {
		err = cert.ErrMalformed
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// openRevoked returns what the lists of revoked certificates say, nil where none
// is named. The files are followed.
func openRevoked(paths []string, anchors []*x509.Certificate, logger *slog.Logger) (func() *cert.Revoked, error) {
	if len(paths) == 0 {
		return nil, nil //nolint:nilnil // that is what the transport takes for none
	}
	source, err := certfile.Open(paths, func() (*cert.Revoked, error) {
		var all *cert.Revoked
		for _, path := range paths {
			b, err := durable.ReadFile(path, cert.MaxListBytes)
			if err != nil {
				return nil, err
			}
			list, err := cert.ParseRevoked(b, anchors)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			if all == nil {
				all = list
			} else {
				all.Join(list)
			}
		}
		return all, nil
	}, time.Now, logger)
	if err != nil {
		return nil, err
	}
	return source.Current, nil
}

// run carries until ctx ends.
func (m *meeting) run(ctx context.Context, of transport.Ledger) error {
	group, ctx := errgroup.WithContext(ctx)
	listener := m.listener
	m.listener = nil // the transport closes it
	group.Go(func() error { return m.transport.Run(ctx, listener, of, m.nodes, m.jobs) })
	group.Go(func() error { return m.nodes.Run(ctx) })
	group.Go(func() error { return m.jobs.Run(ctx) })
	group.Go(func() error { return m.directory.Run(ctx) })
	return group.Wait()
}

// meshes returns where node and coordinator meet the others.
func (m *meeting) meshes() (node.Mesh, coordinator.Mesh) {
	if m == nil {
		return node.NewLocalMesh(), coordinator.NewLocalMesh()
	}
	return m.nodes, m.jobs
}

// close is for a meeting that did not run.
func (m *meeting) close() error {
	if m.listener == nil {
		return nil
	}
	return m.listener.Close()
}
