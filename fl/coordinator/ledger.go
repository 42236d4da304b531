package coordinator

import (
	"context"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Ledger is what a coordinator asks of its node.
type Ledger interface {
	// View calls read with the state after a whole number of records, and the
	// log time there. The state holds during the call only.
	View(ctx context.Context, read func(state contract.Range, logTime int64) error) error
	// Follow calls visit for each event from here on, those of the contract fl at
	// least, until ctx ends or visit fails. Whatever a View shows after ready was
	// called, visit is told of, or has happened before; what visit is told of, a
	// View shows.
	Follow(ctx context.Context, ready func() error, visit func(ledger.Event) error) error
	// Submit signs a call of the contract fl with the node's key and waits for
	// its execution. A refusal by the contract is a code, not an error.
	Submit(ctx context.Context, method string, args any) (code ledger.Code, detail string, err error)
	// Wake moves log time on to at least the given time, ms.
	Wake(ctx context.Context, logTime int64) error
	// Proof returns the proof of a transaction's result once it is final.
	Proof(ctx context.Context, id ledger.Digest) (ledger.ResultProof, error)
}
