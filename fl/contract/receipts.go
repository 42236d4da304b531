package contract

import (
	"fmt"
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// checkReceipts returns the nodes that vouch for the update, ascending. One
// receipt that does not hold refuses the call: whoever sends it knows better.
func checkReceipts(env *contract.Env, sender ledger.ID, a *SubmitUpdate) ([]ledger.ID, error) {
	chain, ok, err := contract.Load[Chain](env, ChainRow)
	if err != nil || !ok {
		return nil, missing(ChainRow, err)
	}
	group, ok, err := LoadGroup(env, a.Job, a.Round)
	if err != nil || !ok {
		return nil, missing(GroupRow(a.Job, a.Round), err)
	}
	want := ledger.Receipt{
		Version: ledger.Version, Chain: chain.Chain, Shard: chain.Shard, Epoch: group.Epoch,
		Blob: a.Digest, Size: a.Size, Subject: ReceiptSubject(a.Job), Round: a.Round, Attempt: a.Attempt, Sender: sender,
	}
	var holders []ledger.ID
	organisations := map[ledger.ID]bool{}
	for i, b := range a.Receipts {
		node, err := checkReceipt(b, group, want)
		if err != nil {
			return nil, contract.Errorf(CodeBadReceipt, "receipt %d: %v", i, err)
		}
		if slices.Contains(holders, node.Node) {
			return nil, contract.Errorf(CodeBadReceipt, "receipt %d: a second one of node %s", i, node.Node)
		}
		holders, organisations[node.Organisation] = append(holders, node.Node), true
	}
	if n := receiptsNeeded(group); len(organisations) < n {
		return nil, contract.Errorf(CodeBadReceipt, "receipts of %d organisations, want %d", len(organisations), n)
	}
	slices.SortFunc(holders, compareIDs)
	return holders, nil
}

// ReceiptSubject returns what a receipt names as the job: the first half of
// its id.
func ReceiptSubject(id ledger.Digest) ledger.ID { return ledger.ID(id[:len(ledger.ID{})]) }

// receiptsNeeded returns how many organisations must hold an update.
func receiptsNeeded(group *ledger.Group) int {
	organisations := map[ledger.ID]bool{}
	for _, n := range group.Nodes {
		organisations[n.Organisation] = true
	}
	return min(2, len(organisations))
}

// checkReceipt returns the node that signed b if it says what want says.
func checkReceipt(b []byte, group *ledger.Group, want ledger.Receipt) (ledger.GroupNode, error) {
	got, envelope, err := ledger.ParseReceipt(b)
	if err != nil {
		return ledger.GroupNode{}, err
	}
	node, ok := group.Find(got.Node)
	if !ok {
		return node, fmt.Errorf("node %s is not in the round's group", got.Node)
	}
	want.Node = got.Node
	if got != want {
		return node, fmt.Errorf("it is for blob %s of %d bytes from %s in round %d, attempt %d, or for another job, chain or epoch",
			got.Blob, got.Size, got.Sender, got.Round, got.Attempt)
	}
	if !identity.VerifyEnvelope(node.Key, &envelope, ledger.KindReceipt) {
		return node, fmt.Errorf("the signature is not node %s's", got.Node)
	}
	return node, nil
}

// missing is about a row that must exist: without it the state is not a state,
// and the node stops.
func missing(key contract.Key, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("read state row %q: missing, though an earlier step wrote it", string(key))
}
