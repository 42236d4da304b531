package verify

import (
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// delegated notes the transactions of a block that took effect under a key which
// a node holds for the sender. Whose a key is stays for ever, so that the state
// after the block tells it.
func (w *walk) delegated(block *ledger.Block) error {
	at := 0
	for i := range block.Records {
		r := &block.Records[i]
		if len(r.Envelope) == 0 {
			continue
		}
		record, _, err := ledger.ParseRecord(r.Envelope)
		if err != nil {
			continue // it was skipped
		}
		for _, raw := range record.Transactions {
			if at == len(block.Results) {
				return nil // unreachable behind execution, which counted them
			}
			result := &block.Results[at]
			at++
			if result.Code != ledger.CodeOK {
				continue // the signature may not be the sender's
			}
			if err := w.delegatedTx(block.Header.Height, result.ID, raw); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) delegatedTx(height uint64, id ledger.Digest, raw []byte) error {
	tx, envelope, err := ledger.ParseTransaction(raw)
	if err != nil {
		return err
	}
	owner, ok, err := contract.LoadFrom[members.KeyOwner](w.state, members.KeyRow(envelope.Key))
	if err != nil || !ok || !owner.Delegate {
		return err
	}
	w.report.Checked.Delegated++
	if len(w.report.Delegated) == maxDelegated {
		return nil
	}
	d, ok, err := contract.LoadFrom[members.Delegate](w.state, members.DelegateRow(tx.Sender, envelope.Key))
	if err != nil {
		return err
	}
	line := Delegated{ID: id, Height: height, Member: tx.Sender, Call: tx.Contract + "." + tx.Method}
	if ok { // else it was withdrawn in this block
		line.Node = d.Node
	}
	w.report.Delegated = append(w.report.Delegated, line)
	return nil
}
