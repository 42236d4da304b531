package verify

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// Verdict is what a verification came to.
type Verdict string

// The verdicts.
const (
	Right      Verdict = "right"
	Wrong      Verdict = "wrong"
	Incomplete Verdict = "incomplete" // something needed is missing or pruned
)

// Worse reports whether v outranks w: what is wrong stays wrong, whatever else
// is missing.
func (v Verdict) Worse(w Verdict) bool { return v.rank() > w.rank() }

func (v Verdict) rank() int {
	switch v {
	case Wrong:
		return 2
	case Incomplete:
		return 1
	default: // right, or none yet
		return 0
	}
}

// Checked counts what was checked.
type Checked struct {
	Blocks       uint64 `json:"blocks"`
	Transactions uint64 `json:"transactions"`
	Signatures   uint64 `json:"signatures"`
	Delegated    uint64 `json:"delegated"` // transactions that a node signed for a member
	Rounds       uint64 `json:"rounds"`
	Updates      uint64 `json:"updates"`
	Averages     uint64 `json:"averages"`
}

// Finding is the first thing that is wrong.
type Finding struct { //nolint:errname // a result, which travels as an error within the package

	Kind    string `json:"kind"`
	Where   string `json:"where"`
	Message string `json:"message"`
}

func (f *Finding) Error() string { return fmt.Sprintf("%s at %s: %s", f.Kind, f.Where, f.Message) }

// Delegated is a transaction that a node signed with a key that it holds for the
// sender.
type Delegated struct {
	ID     ledger.Digest `json:"id"`
	Height uint64        `json:"height"`
	Member ledger.ID     `json:"member"`
	Node   ledger.ID     `json:"node"`
	Call   string        `json:"call"`
}

// maxDelegated bounds the list of them; all are counted.
const maxDelegated = 100

// Anchors are facts kept outside of what is verified.
type Anchors struct {
	Genesis   ledger.Digest // zero: none
	Head      ledger.Digest // a chain hash that must be in the chain; zero: none
	MinHeight uint64        // the chain must be final at least up to here
}

// Any reports whether there is an anchor.
func (a Anchors) Any() bool { return !a.Genesis.IsZero() || !a.Head.IsZero() || a.MinHeight != 0 }

// Report is the outcome of a verification.
type Report struct {
	Verdict  Verdict
	Checked  Checked
	First    *Finding // nil where all is right
	Genesis  ledger.Digest
	Head     ledger.Digest // hash of the newest final header
	Height   uint64        // its height
	Stored   uint64        // newest stored height; above Height there is no quorum yet
	LogTime  int64         // of the newest final header, ms
	Anchored bool
	// Floor is the height that the verification began with, 0 for the genesis:
	// what lies below is not kept and was not looked at.
	Floor uint64
	// Delegated are the first transactions that nodes signed for members.
	Delegated []Delegated
}

// top is the newest height that was checked.
func (r *Report) top() uint64 { return r.Floor + r.Checked.Blocks }

// finding makes the error that ends a verification.
func finding(kind, where, format string, args ...any) error {
	return &Finding{Kind: kind, Where: where, Message: fmt.Sprintf(format, args...)}
}
