package contract

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// CommitChain is the arguments of the method of that name. A new chain serves
// rounds that are opened later; what a round is given already stays with the
// chain before.
type CommitChain struct {
	Number uint64        `cbor:"number"` // of the node's chains: last+1; the first is 1
	Anchor ledger.Digest `cbor:"anchor"` // its value of index 0, see [cohort.Value]
}

func commitChainFootprint(call contract.Call, a *CommitChain) (contract.Footprint, error) {
	if a.Anchor.IsZero() {
		return contract.Footprint{}, badArguments("anchor", "want the value of index 0 of a hash chain")
	}
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender), governance.GroupRow},
		Writes: []contract.Key{HashChainRow(call.Sender)},
	}, nil
}

func commitChain(env *contract.Env, call contract.Call, a *CommitChain) error {
	if err := requireGroup(env, call.Sender); err != nil {
		return err
	}
	last, ok, err := LoadHashChain(env, call.Sender)
	if err != nil {
		return err
	}
	if !ok {
		last = &HashChain{}
	}
	if a.Number != last.Number+1 {
		return contract.Errorf(contract.CodeConflict, "the next chain of node %s is number %d", call.Sender, last.Number+1)
	}
	if err := contract.Store(env, HashChainRow(call.Sender), &HashChain{Number: a.Number, Next: 1, Known: a.Anchor}); err != nil {
		return err
	}
	return env.Emit(EventChainCommitted, &ChainCommitted{Node: call.Sender, Number: a.Number, Anchor: a.Anchor})
}
