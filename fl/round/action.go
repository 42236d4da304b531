package round

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// Action is something that is due: [Submit], [Derive], [Fetch], [Compute],
// [WriteCard] or [Wake].
type Action interface {
	// Key tells one action of a job from another: two with the same key are
	// the same one, named again because it is not done yet.
	Key() string
}

// Submit is a transaction to the contract fl, in the node's own name. Refused
// as too_early, or where the ledger moved on, it is forgotten; the next call
// names it again if it is still due.
type Submit struct {
	Method string
	Args   any // pointer to the method's arguments
	key    string
}

// Derive is the work of deriving the initial model from the job's spec, into
// [Facts.Initial].
type Derive struct{}

// Fetch is the work of getting updates from the nodes that hold them, into
// [Facts.Held] or [Facts.Missing]. It is named again while some are missing.
type Fetch struct {
	Round   uint64
	Attempt uint64
	Peers   []ledger.ID
}

// Compute is the work of checking and averaging the updates of the closed set,
// all of them held here but those named, into [Facts.Computed] by
// [Snapshot.Result].
type Compute struct {
	Round   uint64
	Attempt uint64
	Without []ledger.ID // count as refused because unavailable
}

// WriteCard is the work of writing the model card, into [Facts.Card].
type WriteCard struct{}

// Wake asks to be called again once log time has reached At. The log of an
// idle network stands still: whoever waits appends a wake when its own clock
// says that At has come.
type Wake struct{ At int64 }

// Key implements [Action].
func (a Submit) Key() string { return a.key }

// Key implements [Action].
func (Derive) Key() string { return "derive" }

// Key implements [Action].
func (a Fetch) Key() string { return fmt.Sprintf("fetch/%d/%d/%s", a.Round, a.Attempt, names(a.Peers)) }

// Key implements [Action].
func (a Compute) Key() string {
	return fmt.Sprintf("compute/%d/%d/%s", a.Round, a.Attempt, names(a.Without))
}

// Key implements [Action].
func (WriteCard) Key() string { return "card" }

// Key implements [Action].
func (a Wake) Key() string { return fmt.Sprintf("wake/%d", a.At) }

// names shortens a list of ids to something that tells lists apart.
func names(ids []ledger.ID) string {
	all := make([]byte, 0, len(ids)*len(ledger.ID{}))
	for _, id := range ids {
		all = append(all, id[:]...)
	}
	return ledger.Hash(all).Short()
}

// submit names a transaction; the detail tells it from others of its method.
func submit(method string, args any, detail ...any) Submit {
	return Submit{Method: method, Args: args, key: fmt.Sprintf("%s%v", method, detail)}
}
