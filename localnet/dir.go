package localnet

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/internal/durable"
)

// Dir is the directory of a network.
type Dir string

// ErrNoNetwork tells that a directory holds no network.
var ErrNoNetwork = errors.New("no Librum network here")

// Genesis is the path of the genesis file.
func (d Dir) Genesis() string { return filepath.Join(string(d), "genesis.cbor") }

// Token is the path of the bearer token.
func (d Dir) Token() string { return filepath.Join(string(d), "token") }

// Log is the path of the embedded log.
func (d Dir) Log() string { return filepath.Join(string(d), "log") }

// Node is the path of the index-th node.
func (d Dir) Node(index int) string { return filepath.Join(string(d), "node-"+strconv.Itoa(index)) }

// Store is the path of the index-th node's store.
func (d Dir) Store(index int) string { return fullnode.Dir(d.Node(index)).Store() }

// Blobs is the path of the index-th node's blobs.
func (d Dir) Blobs(index int) string { return fullnode.Dir(d.Node(index)).Blobs() }

// Diverged is the path of the evidence that the index-th node's header differed
// from the quorum's. While it is there the node signs nothing.
func (d Dir) Diverged(index int) string { return fullnode.Dir(d.Node(index)).Diverged() }

// Audit is the path of the index-th node's log of administrative acts.
func (d Dir) Audit(index int) string { return fullnode.Dir(d.Node(index)).Audit() }

// Key is the path of the index-th node's key.
func (d Dir) Key(index int) string { return fullnode.Dir(d.Node(index)).Key() }

// OfficerKey is the path of the key of the officer of the index-th node's
// organisation.
func (d Dir) OfficerKey(index int) string { return filepath.Join(d.Node(index), "officer-key") }

// Tokens is the path of the bearer tokens that the index-th node knows.
func (d Dir) Tokens(index int) string { return fullnode.Dir(d.Node(index)).Tokens() }

// MemberKey is the path of the key of the member who owns the token.
func (d Dir) MemberKey() string { return filepath.Join(string(d), "member-key") }

// PeerKey is the path of the index-th peer's key.
func (d Dir) PeerKey(index int) string {
	return filepath.Join(string(d), "peers", "peer-"+strconv.Itoa(index)+"-key")
}

// ExternalKey is the path of the key of the index-th peer that runs in a
// process of its own.
func (d Dir) ExternalKey(index int) string {
	return filepath.Join(string(d), "peers", "external-"+strconv.Itoa(index)+"-key")
}

// ReadGenesis reads the genesis file of a network.
func (d Dir) ReadGenesis() ([]byte, error) {
	b, err := durable.ReadFile(d.Genesis(), ledger.MaxGenesisBytes)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s does not exist", ErrNoNetwork, d.Genesis())
	}
	return b, err
}

// LoadGenesis reads the genesis of a network.
func (d Dir) LoadGenesis() (*ledger.Genesis, ledger.Digest, error) {
	b, err := d.ReadGenesis()
	if err != nil {
		return nil, ledger.Digest{}, err
	}
	g, digest, err := ledger.ParseGenesis(b)
	if err != nil {
		return nil, digest, fmt.Errorf("read %s: %w", d.Genesis(), err)
	}
	return g, digest, nil
}

// LoadKey reads a key file that is not encrypted. It opens no token: who looks
// at a directory runs no code that its files name.
func LoadKey(path string) (*identity.Key, error) { return keyfile.LoadPlain(path) }

// writeKey writes a key file that its owner alone can read.
func writeKey(path string, key *identity.Key) error {
	b, err := key.MarshalPEM()
	if err != nil {
		return err
	}
	return durable.WriteFile(path, b, 0o600)
}
