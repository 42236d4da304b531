package testnet

import (
	"context"
	"fmt"

	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

// Equivocate has a node sign two headers of one height, and a member bring
// them to the ledger, which suspends the node.
func (n *Net) Equivocate(ctx context.Context, i int) error {
	config := n.nodes[i].config
	report := governance.ReportEquivocation{Node: config.Self, Height: 1}
	for variant, side := range []struct {
		header    *[]byte
		signature *[ledger.SignatureSize]byte
	}{{&report.HeaderA, &report.SignatureA}, {&report.HeaderB, &report.SignatureB}} {
		h := ledger.Header{Version: ledger.Version, Chain: n.chain, Shard: n.genesis.Shard, Height: 1, LogTime: int64(variant)}
		b, err := h.Bytes()
		if err != nil {
			return err
		}
		*side.header, *side.signature = b, ledger.SignHeader(1, b, config.Self, config.Key.ID(), config.Key.Sign).Signature
	}
	caller := n.caller(n.member(), n.secrets.Key(localnet.KindMember, 0))
	signed, err := caller.Call(governance.Name, governance.MethodReportEquivocation, &report, n.now+transactionLife)
	if err != nil {
		return err
	}
	if err := n.accepted(n.alive().send(ctx, signed)); err != nil {
		return fmt.Errorf("report node %d: %w", i, err)
	}
	return nil
}
