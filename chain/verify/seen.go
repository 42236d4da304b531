package verify

import (
	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/ledger"
)

// Seen is a block that was executed again and found right. What it holds must
// not be changed.
type Seen struct {
	Height       uint64
	Header       []byte
	Signatures   []ledger.HeaderSignature // all hold
	Results      []ledger.Result
	Transactions [][]byte         // signed, one for each result
	Writes       [][]ledger.Write // of each transaction
	Final        bool             // a quorum signed it, and so all blocks up to it
	Next         ledger.Group     // that signs the next block
}

func (s *Seen) add(e *aplos.Executed) {
	if s == nil {
		return
	}
	s.Transactions = append(s.Transactions, e.Record.Transactions...)
	s.Writes = append(s.Writes, e.Writes...)
}
