package localnet

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/librum/librum/api/bearer"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// ErrExists refuses to make a network where one is.
var ErrExists = errors.New("the directory holds a network already")

// ErrGenesisMissing refuses a directory whose network has run and has lost its
// genesis file: making another one would overwrite keys that are still needed.
var ErrGenesisMissing = errors.New("the network's genesis.cbor is missing")

// Create makes the files of a new network: genesis, keys and the token. The
// genesis file is written last, so that half a network is none: what an
// interrupted Create left behind is replaced.
func Create(dir Dir, secrets Secrets, spec Spec) error {
	if _, err := os.Stat(dir.Genesis()); err == nil {
		return fmt.Errorf("%w: %s", ErrExists, dir)
	}
	for _, path := range []string{dir.Log(), dir.Store(0), dir.Blobs(0)} {
		if _, err := os.Stat(path); err == nil {
			return fmt.Errorf("%w, but %s is there: put the file back from a copy, or give another directory", ErrGenesisMissing, path)
		}
	}
	g, err := NewGenesis(secrets, spec)
	if err != nil {
		return err
	}
	for i := range spec.Nodes {
		if err := writeKey(dir.Key(i), secrets.Key(KindNode, i)); err != nil {
			return fmt.Errorf("write the key of node %d: %w", i, err)
		}
		if err := writeKey(dir.OfficerKey(i), secrets.Key(KindOfficer, i)); err != nil {
			return fmt.Errorf("write the key of officer %d: %w", i, err)
		}
	}
	for i := range spec.Peers {
		if err := writeKey(dir.PeerKey(i), secrets.Key(KindPeer, i)); err != nil {
			return fmt.Errorf("write the key of peer %d: %w", i, err)
		}
	}
	for i := range spec.External {
		if err := writeKey(dir.ExternalKey(i), secrets.Key(KindPeer, spec.Peers+i)); err != nil {
			return fmt.Errorf("write the key of external peer %d: %w", i, err)
		}
	}
	if err := writeKey(dir.MemberKey(), secrets.Key(KindMember, 0)); err != nil {
		return fmt.Errorf("write the member's key: %w", err)
	}
	if err := createToken(dir, secrets, spec); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	b, err := ledger.Encode(g)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(dir.Genesis(), b, 0o600); err != nil {
		return fmt.Errorf("write the genesis: %w", err)
	}
	return nil
}

// createToken makes the first token of the network: node 0 keeps it with the
// delegate key that the genesis lists, the directory its secret.
func createToken(dir Dir, secrets Secrets, spec Spec) error {
	// Half a network that is made again must not keep the token of the first try.
	if err := os.RemoveAll(dir.Tokens(0)); err != nil {
		return err
	}
	store, err := bearer.Open(dir.Tokens(0), func() time.Time { return spec.Time })
	if err != nil {
		return err
	}
	token := bearer.Token{
		ID: secrets.ID("token", 0), Member: secrets.ID(KindMember, 0), Name: "of the new network", Key: secrets.Key(KindDelegate, 0),
		Created: spec.Time, Expiry: spec.Time.Add(delegateLife),
	}
	secret := bearer.Secret(secrets.Bytes("token", 0))
	if err := store.Put(token, secret); err != nil {
		return err
	}
	return durable.WriteFile(dir.Token(), []byte(secret+"\n"), 0o600)
}
