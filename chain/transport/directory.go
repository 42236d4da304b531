package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/registry"
)

// DirectoryConfig is what a directory is made of.
type DirectoryConfig struct {
	Chain    ledger.Digest
	Self     ledger.ID
	Address  string        // host and port at which the others reach this node
	Term     time.Duration // after which the address of a dead node goes; 0: 15 s
	Retry    time.Duration // between attempts, where the registry is away; 0: 1 s
	Registry registry.Registry
	Logger   *slog.Logger
}

// Directory is the addresses that nodes announce in a registry: this node's, and
// the others' as they change.
type Directory struct {
	config DirectoryConfig
	mu     sync.RWMutex
	known  map[ledger.ID]string
}

// The defaults of a directory.
const (
	defaultTerm  = 15 * time.Second
	defaultRetry = time.Second
)

// maxAddressBytes is a name of DNS, a colon and a port.
const maxAddressBytes = 253 + 1 + 5

// NewDirectory returns a directory that knows nobody yet.
func NewDirectory(config DirectoryConfig) (*Directory, error) {
	if err := checkAddress(config.Address); err != nil {
		return nil, fmt.Errorf("announce node %s: %w", config.Self.Short(), err)
	}
	if config.Term == 0 {
		config.Term = defaultTerm
	}
	if config.Retry == 0 {
		config.Retry = defaultRetry
	}
	return &Directory{config: config, known: map[ledger.ID]string{}}, nil
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if n, no := strconv.ParseUint(port, 10, 16); err != nil || no != nil || n == 0 || host == "" || len(address) > maxAddressBytes {
		return fmt.Errorf("address %.80q: want HOST:PORT, which others can reach", address)
	}
	if ip := net.ParseIP(host); ip != nil && (ip.IsUnspecified() || ip.IsMulticast()) {
		return fmt.Errorf("address %.80q: nobody can be reached at %s; name this machine's address", address, host)
	}
	return nil
}

// Address implements [Addresses]. While the registry is away, what was seen last
// holds.
func (d *Directory) Address(node ledger.ID) (string, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	address, ok := d.known[node]
	return address, ok
}

// Run announces this node and watches the others until ctx ends. A registry that
// is away is tried again.
func (d *Directory) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		d.again(ctx, "announce this node", func(ctx context.Context) error {
			return d.config.Registry.Hold(ctx, d.key(d.config.Self), []byte(d.config.Address), d.config.Term)
		})
		return nil
	})
	group.Go(func() error {
		d.again(ctx, "watch the addresses of nodes", func(ctx context.Context) error {
			return d.config.Registry.Watch(ctx, d.prefix(), d.see)
		})
		return nil
	})
	return group.Wait()
}

// again does something until ctx ends.
func (d *Directory) again(ctx context.Context, what string, do func(context.Context) error) {
	for quiet := false; ctx.Err() == nil; {
		err := do(ctx)
		if ctx.Err() != nil {
			return
		}
		// Held by the process that ran here before, until its term is over.
		if !quiet && !errors.Is(err, registry.ErrConflict) {
			d.config.Logger.Warn("the registry is tried again", "to", what, "error", err)
			quiet = true
		}
		timer := time.NewTimer(d.config.Retry)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

func (d *Directory) prefix() string { return "nodes/" + d.config.Chain.String() + "/" }

func (d *Directory) key(node ledger.ID) string { return d.prefix() + node.String() }

// see takes what stands in the registry. What is no address is passed over.
func (d *Directory) see(entries []registry.Entry) error {
	known := make(map[ledger.ID]string, min(len(entries), registry.MaxEntries))
	for _, e := range entries[:min(len(entries), registry.MaxEntries)] {
		name, ok := bytes.CutPrefix([]byte(e.Key), []byte(d.prefix()))
		if !ok {
			continue
		}
		id, err := ledger.ParseID(string(name))
		if err != nil || checkAddress(string(e.Value)) != nil {
			continue
		}
		known[id] = string(e.Value)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = known
	return nil
}
