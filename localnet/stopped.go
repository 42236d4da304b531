package localnet

import (
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/fullnode"
)

// OpenStore opens the store of the index-th node of a stopped network to write in
// it, making it where there is none. The manifest of the clean stop goes: it
// would call damage what is written now. Whose the store is, the key beside it
// says.
func OpenStore(dir Dir, index int, g *ledger.Genesis, chain ledger.Digest) (store.Store, error) {
	key, err := LoadKey(dir.Key(index))
	if err != nil {
		return nil, err
	}
	self, err := fullnode.Dir(dir.Node(index)).NodeID(g, key)
	if err != nil {
		return nil, fmt.Errorf("open the store of node %d: %w", index, err)
	}
	s, err := pebble.Open(dir.Store(index), pebble.Options{Chain: chain, Shard: g.Shard, Node: self})
	if errors.Is(err, store.ErrLocked) {
		err = fmt.Errorf("%w: %w", ErrRunning, err)
	}
	if err != nil {
		return nil, err
	}
	if err := dropManifest(dir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
