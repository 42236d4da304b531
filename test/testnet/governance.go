package testnet

import (
	"context"
	"fmt"

	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

// proposalLife is how long approvals of a proposal count, ms.
const proposalLife = 3_600_000

// Enact has the first officer propose an action for a block that is some ahead
// of the one being made, and the others approve it until it has passed.
func (n *Net) Enact(ctx context.Context, action governance.Action, ahead uint64) error {
	var id ledger.Digest
	for i := range n.nodes {
		method, args := governance.MethodApprove, any(&governance.Approve{Proposal: id})
		if i == 0 {
			height := n.alive().core.Machine.Stats().Height + 1 + ahead
			method, args = governance.MethodPropose, &governance.Propose{Action: action, Height: height, Expiry: n.now + proposalLife}
		}
		caller := n.caller(n.secrets.ID(localnet.KindOfficer, i), n.secrets.Key(localnet.KindOfficer, i))
		signed, err := caller.Call(governance.Name, method, args, n.now+transactionLife)
		if err != nil {
			return err
		}
		result, detail, err := n.alive().send(ctx, signed)
		if err := n.accepted(result, detail, err); err != nil {
			return fmt.Errorf("%s %s, officer %d: %w", method, action.Name(), i, err)
		}
		if i == 0 {
			id = result.ID
		}
		p, ok, err := governance.LoadProposal(n.State(), id)
		if err != nil || !ok || p.State == governance.StatePassed {
			return err
		}
	}
	return fmt.Errorf("%s does not pass", action.Name())
}

// GroupNow returns the group that signs the block being made.
func (n *Net) GroupNow() ledger.Group { return n.alive().core.Group() }
