package main

import (
	"context"
	"fmt"

	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// cheatingNode is the node that signs two headers of one height.
const cheatingNode = 3

// nodeCheat has a node sign a second header of the first block and show it to
// the others, as one would that tells two stories. They bring both signatures
// to the ledger by themselves, which suspends it; the job runs without it.
func nodeCheat(*job.Spec) *cheat {
	const height = 1
	var suspension governance.Suspension
	var counted int // signatures of the cheater that others kept after it
	var acted int   // transactions of the cheater that took effect
	return &cheat{
		name: "node", summary: "a node signs two headers of one height; the evidence suspends it",
		begin: func(ctx context.Context, s *cheatScene) error {
			// Any transaction makes the first block.
			raw, err := enrolCheater(s, 0, identity.RoleAuditor)
			if err != nil {
				return err
			}
			last, err := submitOK(ctx, s.network.Nodes[0].Node, [][]byte{raw})
			if err != nil {
				return err
			}
			for _, n := range s.network.Nodes {
				if err := n.AwaitFinal(ctx, last); err != nil {
					return err
				}
			}
			if err := signTwice(ctx, s, height); err != nil {
				return err
			}
			suspension, err = awaitSuspension(ctx, s)
			return err
		},
		end: func(ctx context.Context, s *cheatScene) error {
			last := s.network.Nodes[0].Status().Final
			for i, n := range s.network.Nodes {
				if i == cheatingNode {
					continue
				}
				_, signatures, err := n.Header(ctx, last)
				if err != nil {
					return err
				}
				for j := range signatures {
					if signatures[j].Node == suspension.Node {
						counted++
					}
				}
			}
			var err error
			acted, err = actsOf(ctx, s.network.Nodes[0].Node, suspension.Node)
			return err
		},
		found: func(v *verifyResult) ([]string, error) {
			switch {
			case !v.OK:
				return nil, unnoticed("verification ends with %v", v.First)
			case counted > 0:
				return nil, unnoticed("the suspended node's signature of the last header counts at %d nodes", counted)
			case acted > 0:
				return nil, unnoticed("%d transactions of the suspended node took effect", acted)
			}
			return []string{fmt.Sprintf("node %s signed headers %s and %s of height %d; suspended on the evidence of node %s; the other three finished the job",
				suspension.Node.Short(), suspension.First.Short(), suspension.Second.Short(), suspension.Height, suspension.Reporter.Short())}, nil
		},
	}
}

// signTwice shows the other nodes a second header of the height, signed by the
// cheating node.
func signTwice(ctx context.Context, s *cheatScene, height uint64) error {
	raw, _, err := s.network.Nodes[cheatingNode].Header(ctx, height)
	if err != nil {
		return err
	}
	header, err := ledger.ParseHeader(raw)
	if err != nil {
		return err
	}
	header.State[0] ^= 1 // another outcome of the same block
	second, err := header.Bytes()
	if err != nil {
		return err
	}
	key, self := s.secrets.Key(localnet.KindNode, cheatingNode), s.network.Nodes[cheatingNode].ID()
	signature := ledger.SignHeader(height, second, self, key.ID(), key.Sign)
	say(s.out, "cheat node: node %d signs %s beside %s at height %d", cheatingNode, ledger.Hash(second).Short(), ledger.Hash(raw).Short(), height)
	for i, n := range s.network.Nodes {
		if i != cheatingNode {
			n.ReceiveAnswer(second, []ledger.HeaderSignature{signature})
		}
	}
	return nil
}

// actsOf counts the transactions of a member that took effect. The cheat comes
// before the job, in which nodes act for the first time.
func actsOf(ctx context.Context, n *node.Node, member ledger.ID) (acts int, err error) {
	for height := uint64(1); height <= n.Status().Final; height++ {
		block, _, err := n.Block(ctx, height)
		if err != nil {
			return acts, err
		}
		all, err := block.TransactionBytes()
		if err != nil {
			return acts, err
		}
		for i, raw := range all {
			if t, _, err := ledger.ParseTransaction(raw); err == nil && t.Sender == member && block.Results[i].Code == ledger.CodeOK {
				acts++
			}
		}
	}
	return acts, nil
}

// awaitSuspension waits until every node knows of the suspension.
func awaitSuspension(ctx context.Context, s *cheatScene) (governance.Suspension, error) {
	var suspension governance.Suspension
	for _, n := range s.network.Nodes {
		var failed error
		_, err := n.Await(ctx, func(node.Status) bool {
			list, err := governance.Suspensions(n.State(ctx))
			if failed = err; err != nil {
				return true
			}
			for i := range list {
				suspension = list[i]
			}
			return len(list) > 0
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return suspension, fmt.Errorf("wait for the suspension at node %s: %w", n.ID().Short(), err)
		}
	}
	if suspension.Node != s.network.Nodes[cheatingNode].ID() {
		return suspension, unnoticed("node %s is suspended, want %s", suspension.Node, s.network.Nodes[cheatingNode].ID())
	}
	return suspension, nil
}
