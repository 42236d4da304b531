package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/localnet"
)

// keyWatch follows the file with a peer's key while the peer runs. A new key in
// its place is taken up once the ledger lists it as the same member's: until
// then the old one signs.
type keyWatch struct {
	flags   *peerFlags
	logger  *slog.Logger
	peer    ledger.ID
	chain   ledger.Digest
	client  *client.Client // with the key in use
	current *identity.Key
	next    *identity.Key // in the file, and not taken up yet
	seen    os.FileInfo   // of the file when it was read last
}

// watchKey begins with the key that the seat has. The watch closes its client.
func watchKey(f *peerFlags, s *seat) *keyWatch {
	return &keyWatch{
		flags: f, logger: s.config.Logger, peer: s.config.ID, chain: s.config.Chain, client: s.client, current: s.config.Key,
	}
}

func (w *keyWatch) close() { w.client.Close() }

// renewed is for [peer.Config].
func (w *keyWatch) renewed(ctx context.Context) (*identity.Key, peer.Server) {
	w.look()
	if w.next == nil {
		return nil, nil
	}
	c, err := w.flags.open(w.next, w.chain, retriesOnce)
	if err != nil {
		w.logger.Warn("the new key can't be used; the old one is used on", "error", err)
		return nil, nil
	}
	owner, err := c.KeyOwner(ctx, w.next.ID())
	if err != nil || owner.Delegated || owner.Member != w.peer {
		c.Close()
		w.logger.Info("the new key is not the peer's on the ledger yet; the old one is used on", "key", w.next.ID().Short(), "error", err)
		return nil, nil
	}
	w.client.Close()
	w.client, w.current, w.next = c, w.next, nil
	return w.current, localnet.Remote{Client: c}
}

// look reads the file where it has changed. A key on a token named by a URI has
// no file.
func (w *keyWatch) look() {
	info, err := os.Stat(w.flags.identity)
	if err != nil || w.seen != nil && os.SameFile(info, w.seen) && info.ModTime().Equal(w.seen.ModTime()) && info.Size() == w.seen.Size() {
		return // gone for a moment: it is being replaced
	}
	w.seen, w.next = info, nil
	key, err := keyfile.Load(w.flags.identity, w.flags.passphrase.askNobody)
	if err != nil {
		w.logger.Warn("the identity has changed and can't be read; the old key is used on", "error", err)
		return
	}
	if key.ID() != w.current.ID() {
		w.next = key
	}
}
