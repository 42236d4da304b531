package verify

import (
	"context"

	"github.com/librum/librum/chain/ledger"
)

// Source gives a chain to the verifier: a node's store, or a server. Nothing
// that it says is believed.
type Source interface {
	// Height returns the newest height, or false where there is not even a
	// genesis state.
	Height(ctx context.Context) (uint64, bool, error)
	// Block returns an encoded block and the signatures known of its header, or
	// [store.ErrNotFound].
	Block(ctx context.Context, height uint64) ([]byte, []ledger.HeaderSignature, error)
}
