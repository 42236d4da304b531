package localnet

import (
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/peer"
)

// Cheat seats liars in a network, to show that they are found. Nodes and peers
// stay as they are: a liar stands between one of them and the rest of the
// world, and changes what it says. The zero value is an honest network.
type Cheat struct {
	// Ledger returns what the coordinator of a node submits through, given what
	// it would submit through and its blobs; nil: as it is.
	Ledger func(node int, honest coordinator.Ledger, blobs blob.Store) coordinator.Ledger
	// Server returns what a peer talks to, given how it is made; nil: as it is.
	Server func(peer int, honest peer.Config) peer.Server
}

func (c *Cheat) ledger(node int, honest coordinator.Ledger, blobs blob.Store) coordinator.Ledger {
	if c.Ledger == nil {
		return honest
	}
	return c.Ledger(node, honest, blobs)
}

func (c *Cheat) server(index int, honest peer.Config) peer.Server {
	if c.Server == nil {
		return honest.Server
	}
	return c.Server(index, honest)
}
