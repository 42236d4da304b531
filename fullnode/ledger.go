package fullnode

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	fl "github.com/librum/librum/fl/contract"
)

// nodeLedger is a node as its coordinator sees it.
type nodeLedger struct{ *node.Node }

// transactionLife is how long a coordinator's transaction may wait on its way.
const transactionLife = 5 * time.Minute

// Submit signs a call of the contract fl with the node's key.
func (n nodeLedger) Submit(ctx context.Context, method string, args any) (ledger.Code, string, error) {
	config := n.Config()
	caller := identity.Caller{
		Chain: config.Chain, Shard: config.Genesis.Shard, Sender: config.Self, Key: n.Key(), Random: rand.Reader,
	}
	signed, err := caller.Call(fl.Name, method, args, n.Expiry(transactionLife))
	if err != nil {
		return "", "", err
	}
	outcomes, err := n.Node.Submit(ctx, [][]byte{signed})
	if err != nil {
		return "", "", err
	}
	return outcomes[0].Code, outcomes[0].Detail, nil
}

// Follow implements coordinator.Ledger.
func (n nodeLedger) Follow(ctx context.Context, ready func() error, visit func(ledger.Event) error) error {
	from := ledger.Position{Offset: n.Status().Next}
	if err := n.Patiently(ctx, ready); err != nil {
		return err
	}
	return n.Node.Follow(ctx, from, func(o node.Outcome) error {
		for _, e := range o.Events {
			if err := visit(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// View implements coordinator.Ledger.
func (n nodeLedger) View(ctx context.Context, read func(contract.Range, int64) error) error {
	return n.Node.View(ctx, read)
}
