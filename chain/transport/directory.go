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
	Now      func() time.Time // nil: the clock's
	Logger   *slog.Logger
}

// Directory is the addresses that nodes announce in a registry: this node's, and
// the others' as they change.
type Directory struct {
	config DirectoryConfig
	mu     sync.RWMutex
	known  map[ledger.ID]string
	taken  bool // another holds this node's name
}

// The defaults of a directory.
const (
	defaultTerm  = 15 * time.Second
	defaultRetry = time.Second
)

// takenAgain is how often it is said that the node's name is taken.
const takenAgain = 10 * time.Minute

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
	if config.Now == nil {
		config.Now = time.Now
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

// Taken reports whether another holds this node's name in the registry, so that
// the other nodes do not find this one: a key put there by hand, or a process
// that runs with this node's key elsewhere.
func (d *Directory) Taken() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.taken && d.known[d.config.Self] != d.config.Address
}

// Run announces this node and watches the others until ctx ends. A registry that
// is away is tried again.
func (d *Directory) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		t := turn{d: d}
		d.again(ctx, "announce this node", t.announce)
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

// turn is how long a node has been waiting for its name.
type turn struct {
	d     *Directory
	since time.Time // zero: it does not wait
	said  time.Time
}

// announce holds the node's name. At first it may be held by the process that
// ran here before, until its term is over; after two terms it is another's.
func (t *turn) announce(ctx context.Context) error {
	c, now := &t.d.config, t.d.config.Now()
	err := c.Registry.Hold(ctx, t.d.key(c.Self), []byte(c.Address), c.Term)
	if !errors.Is(err, registry.ErrConflict) {
		t.d.take(false)
		t.since = time.Time{}
		return err
	}
	if t.since.IsZero() {
		t.since = now
	}
	if now.Sub(t.since) < 2*c.Term {
		return err
	}
	t.d.take(true)
	if t.said.IsZero() || now.Sub(t.said) >= takenAgain {
		t.said = now
		there, _ := t.d.Address(c.Self)
		c.Logger.Warn("another holds this node's name in the registry: the other nodes do not find this one",
			"key", t.d.key(c.Self), "there", there, "address", c.Address, "since", t.since,
			"do", "stop the other process that runs with this node's key; where there is none, delete the key")
	}
	return err
}

func (d *Directory) take(taken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken = taken
}

// again does something until ctx ends.
func (d *Directory) again(ctx context.Context, what string, do func(context.Context) error) {
	for quiet := false; ctx.Err() == nil; {
		err := do(ctx)
		if ctx.Err() != nil {
			return
		}
		if !quiet && !errors.Is(err, registry.ErrConflict) { // of which the turn tells
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

// AddressKey returns the key under which a node announces its address.
func AddressKey(chain ledger.Digest, node ledger.ID) string { return prefix(chain) + node.String() }

func prefix(chain ledger.Digest) string { return "nodes/" + chain.String() + "/" }

func (d *Directory) prefix() string { return prefix(d.config.Chain) }

func (d *Directory) key(node ledger.ID) string { return AddressKey(d.config.Chain, node) }

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
