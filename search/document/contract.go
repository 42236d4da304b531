package document

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Contract says how what a contract keeps becomes documents.
type Contract struct {
	Name   string
	Fields []Field
	Things []Thing
	// Touched names what an event is about. Nil where it touches nothing.
	Touched func(e Event, touch func(Ref))
	// Sealed names what may have changed between the states before and after a
	// block without an event. Nil where nothing does.
	Sealed func(before, after contract.Range, touch func(Ref)) error
}

// Contracts lists the contracts of Librum.
func Contracts() []Contract {
	return []Contract{tokenContract(), nftContract(), identityContract(), governanceContract(), flContract()}
}

// Thing is a kind of documents made of state rows.
type Thing struct {
	Kind Kind
	// Prefix starts the keys of its rows, and Parse tells what a row is about.
	Prefix contract.Key
	Parse  func(key contract.Key) (Ref, bool)
	// Load makes the fields of a document, or false where it does not exist.
	Load func(state contract.State, ref Ref) (Values, bool, error)
}

// Ref names a thing: by the part that its kind has.
type Ref struct {
	Kind   Kind
	Member ledger.ID
	Job    ledger.Digest
	Round  uint64
}

func (r Ref) compare(s Ref) int {
	return cmp.Or(
		cmp.Compare(r.Kind, s.Kind), slices.Compare(r.Job[:], s.Job[:]), cmp.Compare(r.Round, s.Round), slices.Compare(r.Member[:], s.Member[:]),
	)
}

// id is what the ledger calls the thing.
func (r Ref) id() string {
	switch r.Kind {
	case KindJob:
		return r.Job.String()
	case KindRound, KindModel:
		return r.Job.String() + "/" + strconv.FormatUint(r.Round, 10)
	case KindUpdate:
		return r.Job.String() + "/" + strconv.FormatUint(r.Round, 10) + "/" + r.Member.String()
	case KindBlock, KindTransaction, KindEvent, KindAccount, KindIdentity:
	}
	return r.Member.String()
}
