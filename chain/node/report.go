package node

import (
	"context"
	"errors"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
)

// The reporter's patience.
const (
	evidenceRetry = time.Second     // after the door was closed
	evidenceLife  = 5 * time.Minute // how long a report may wait on its way
)

// report submits the evidence against nodes that signed two headers of one
// height, until ctx ends.
func (n *Node) report(ctx context.Context) error {
	for {
		select {
		case e := <-n.pipeline.evidence:
			n.reportOne(ctx, &e)
		case <-ctx.Done():
			return nil
		}
	}
}

// reportOne submits one report, again and again while the door is closed.
func (n *Node) reportOne(ctx context.Context, e *lokka.Equivocation) {
	for ctx.Err() == nil {
		raw, err := n.evidence(e)
		if err != nil {
			n.logger().Error("the evidence of an equivocation can't be encoded", "signer", e.Node, "error", err)
			return
		}
		outcomes, err := n.Submit(ctx, [][]byte{raw})
		if err == nil {
			// Exists: another node was faster. Any other refusal is worth a look.
			if code := outcomes[0].Code; code != ledger.CodeOK && code != contract.CodeExists {
				n.logger().Warn("the evidence of an equivocation was refused", "signer", e.Node, "code", code, "detail", outcomes[0].Detail)
			}
			return
		}
		if errors.Is(err, ErrStopped) || errors.Is(err, ErrDiverged) || errors.Is(err, ErrOutside) {
			return
		}
		retry := time.NewTimer(evidenceRetry)
		select {
		case <-retry.C:
		case <-ctx.Done():
			retry.Stop()
		}
	}
}

// evidence returns the signed report. Its nonce follows from what it reports:
// a node has no two things to say about a height and signer.
func (n *Node) evidence(e *lokka.Equivocation) ([]byte, error) {
	args, err := ledger.Encode(&governance.ReportEquivocation{
		Node: e.Node, Height: e.Height,
		HeaderA: e.Headers[0], SignatureA: e.Signatures[0].Signature,
		HeaderB: e.Headers[1], SignatureB: e.Signatures[1].Signature,
	})
	if err != nil {
		return nil, err
	}
	digest := ledger.Hash(args)
	t := ledger.Transaction{
		Version: ledger.Version, Chain: n.config.Chain, Shard: n.config.Genesis.Shard, Sender: n.config.Self,
		Contract: governance.Name, Method: governance.MethodReportEquivocation, Args: args,
		Nonce: [ledger.NonceSize]byte(digest[:ledger.NonceSize]), Expiry: n.Expiry(evidenceLife),
	}
	key := n.Key()
	signed, err := t.Sign(key.ID(), key.Sign)
	return signed.Bytes(), err
}
