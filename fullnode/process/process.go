package process

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/api"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/internal/certfile"
	"github.com/librum/librum/internal/durable"
)

// What callers can act on.
var (
	// ErrConfig: the configuration does not fit what it names; change it.
	ErrConfig = errors.New("the configuration does not fit")
	// ErrRunning: another process uses the node's directory.
	ErrRunning = errors.New("another process runs this node")
)

// Options are what a configuration cannot say.
type Options struct {
	Logger *slog.Logger
	Ask    keyfile.Ask // opens keys that are encrypted or on tokens
	Limits api.Limits  // of the door; zero for the defaults
}

// Process is one node with all that it stands on.
type Process struct {
	*fullnode.Node

	Chain ledger.Digest
	URL   string // of the door

	engines *engines
	meeting *meeting // nil for a node that meets nobody
	door    net.Listener
	api     api.Config
	closers []func() error // in the order of opening
}

// Open opens engines, node and door. Close must be called after.
func Open(ctx context.Context, c config.Config, o Options) (_ *Process, err error) {
	p := &Process{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	file, genesis, chain, err := loadGenesis(&c)
	if err != nil {
		return nil, err
	}
	dir := fullnode.Dir(c.Dir)
	keys, self, err := loadKeys(dir, genesis, o.Ask)
	if err != nil {
		return nil, err
	}
	if c.Order.Driver == config.DriverLocal && len(genesis.Group.Nodes) > 1 {
		return nil, fmt.Errorf("%w: order.driver: a local log is one node's alone, and the genesis has %d nodes; use kafka",
			ErrConfig, len(genesis.Group.Nodes))
	}
	if info, err := os.Stat(dir.Key()); err == nil && info.Mode().Perm()&0o077 != 0 {
		o.Logger.Warn("the node's key may be read by others", "file", dir.Key(), "mode", info.Mode().Perm().String(),
			"do", "chmod 600; then think of who may have read it")
	}
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, lock.Close)
	at := place{chain: chain, shard: genesis.Shard, node: self}
	if p.engines, err = openEngines(ctx, &c, at, o.Logger); err != nil {
		if owner, ok := errors.AsType[*store.OwnerError](err); ok && owner.Field == "log" {
			err = fmt.Errorf("%w: it is topic %s, this node executed %s", node.ErrLogRewritten, owner.Want, owner.Have)
		}
		return nil, fmt.Errorf("open the engines: %w", err)
	}
	p.closers = append(p.closers, p.engines.close)
	if c.Mesh.Listen != "" {
		if p.meeting, err = openMeeting(ctx, &c.Mesh, at, keys, p.engines.registry, o.Logger); err != nil {
			return nil, err
		}
		p.closers = append(p.closers, p.meeting.close)
	} else if len(genesis.Group.Nodes) > 1 {
		return nil, fmt.Errorf("%w: mesh.listen: the genesis has %d nodes; name the address at which they meet this one", ErrConfig, len(genesis.Group.Nodes))
	}
	nodes, jobs := p.meeting.meshes()
	p.Node, err = fullnode.Open(ctx, fullnode.Config{
		Dir: dir, Self: self, Keys: keys, Genesis: genesis, Chain: chain,
		Log: p.engines.log, Store: p.engines.store, Blobs: p.engines.blobs, Index: p.engines.index, Retain: c.Search.Retain,
		Mesh: nodes, Meeting: jobs,
		Verifier: identity.NewVerifier(fullnode.VerifierKeys),
		Logger:   o.Logger, MarkerDelay: c.Limits.MarkerDelay, Window: c.Limits.Window, ReadAhead: p.engines.readAhead,
	})
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.Node.Close)
	p.Chain, p.api = chain, p.Door(file, o.Logger)
	if p.meeting != nil {
		p.api.NameTaken = p.meeting.directory.Taken
	}
	p.api.Limits = o.Limits
	p.api.Limits.Connections, p.api.Limits.AddressConnections = c.Door.Connections, c.Door.AddressConnections
	return p, p.listen(ctx, &c.Door, o)
}

// lockDir takes the directory for this process.
func lockDir(dir string) (io.Closer, error) {
	lock, err := vfs.Default.Lock(filepath.Join(dir, "lock"))
	if _, ok := errors.AsType[*os.PathError](err); ok {
		return nil, fmt.Errorf("lock the node's directory, which must be its own to write: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%s): %w", ErrRunning, dir, err)
	}
	return lock, nil
}

// loadGenesis reads the genesis and compares it with the digest that was agreed
// on.
func loadGenesis(c *config.Config) ([]byte, *ledger.Genesis, ledger.Digest, error) {
	agreed, err := ledger.ParseDigest(c.Chain)
	if err != nil {
		return nil, nil, agreed, fmt.Errorf("%w: chain: %w", ErrConfig, err)
	}
	file, err := durable.ReadFile(c.Genesis, ledger.MaxGenesisBytes)
	if err != nil {
		return nil, nil, agreed, fmt.Errorf("%w: genesis: %w", ErrConfig, err)
	}
	genesis, digest, err := ledger.ParseGenesis(file)
	if err != nil {
		return nil, nil, agreed, fmt.Errorf("%w: genesis: read %s: %w", ErrConfig, c.Genesis, err)
	}
	if digest != agreed {
		return nil, nil, agreed, fmt.Errorf("%w: the digest of %s is %s, chain says %s: ask the others which was agreed on",
			ErrConfig, c.Genesis, digest, agreed)
	}
	return file, genesis, digest, nil
}

// loadKeys reads the node's keys, and which node it is.
func loadKeys(dir fullnode.Dir, genesis *ledger.Genesis, ask keyfile.Ask) ([]*identity.Key, ledger.ID, error) {
	keys, err := dir.Keys(ask)
	if err != nil {
		return nil, ledger.ID{}, fmt.Errorf("%w: dir: %w", ErrConfig, err)
	}
	self, err := dir.NodeID(genesis, keys[0])
	if err != nil {
		return nil, self, fmt.Errorf("%w: dir: %w", ErrConfig, err)
	}
	return keys, self, nil
}

// listen takes the door's address. Beyond this machine it wants TLS.
func (p *Process) listen(ctx context.Context, c *config.Door, o Options) error {
	var listening net.ListenConfig
	var err error
	if p.door, err = listening.Listen(ctx, "tcp", c.Listen); err != nil {
		return fmt.Errorf("door: %w", err)
	}
	p.URL = "http://" + p.door.Addr().String()
	if c.Certificate == "" {
		if !c.InsecureHTTP && !api.IsLoopback(p.door.Addr()) {
			return fmt.Errorf("%w: door: plain HTTP is for loopback alone; name certificate and key", ErrConfig)
		}
		return nil
	}
	load := func() (*tls.Certificate, error) { return api.LoadPair(c.Certificate, c.Key, o.Ask) }
	source, err := certfile.Open([]string{c.Certificate, c.Key}, load, time.Now, o.Logger)
	if err != nil {
		return fmt.Errorf("%w: door: %w", ErrConfig, err)
	}
	p.door, p.URL = api.TLSListener(p.door, certfile.GetCertificate(source)), "https://"+p.door.Addr().String()
	return nil
}

// Run runs the node and serves its door until ctx ends or something must stop.
func (p *Process) Run(ctx context.Context) error {
	handler, err := api.New(p.api) //nolint:contextcheck // requests bring their own
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.Node.Run(ctx) })
	if p.meeting != nil {
		group.Go(func() error { return p.meeting.run(ctx, p.Node.Node) })
	}
	door := p.door
	p.door = nil // Serve closes it
	group.Go(func() error { return api.Serve(ctx, door, handler) })
	return group.Wait()
}

// Close closes all that Open opened; Run must have returned.
func (p *Process) Close() error {
	var errs []error
	if p.door != nil {
		errs = append(errs, p.door.Close())
		p.door = nil
	}
	for _, c := range slices.Backward(p.closers) {
		errs = append(errs, c())
	}
	p.closers = nil
	return errors.Join(errs...)
}
