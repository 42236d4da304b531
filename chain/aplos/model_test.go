package aplos_test

import (
	"bytes"
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// model is the naive twin of execution: one transaction after another over a
// map of balances, every id that ever counted kept for ever.
type model struct {
	chain    ledger.Digest
	maxTTL   int64
	logTime  int64
	newest   map[ledger.ID]int64
	balances map[ledger.ID]uint64
	members  map[ledger.ID]*identity.Key
	grants   []grant
	executed map[ledger.Digest]bool
}

// grant is a delegate key with what it may sign.
type grant struct {
	member ledger.ID
	key    *identity.Key
	method string
	expiry int64
}

// order is a transaction as the test made it, with what is wrong with it.
type order struct {
	raw       []byte
	t         ledger.Transaction
	id        ledger.Digest
	by        *identity.Key
	malformed bool
	forged    bool // the signature was changed
	badArgs   bool
	to        ledger.ID
	amount    uint64
	huge      bool // more than any balance
}

// clock moves log time: the lower median of the nodes' newest times.
func (m *model) clock(node ledger.ID, time int64) {
	m.newest[node] = max(m.newest[node], time)
	times := make([]int64, 0, len(m.newest))
	for _, t := range m.newest {
		times = append(times, t)
	}
	slices.Sort(times)
	m.logTime = max(m.logTime, times[(len(times)-1)/2])
}

// authority returns the code that refuses the sender's key, or none.
func (m *model) authority(o *order) ledger.Code {
	own, known := m.members[o.t.Sender]
	if !known {
		return contract.CodeUnknownSender
	}
	if own.ID() == o.by.ID() {
		return ""
	}
	for _, g := range m.grants {
		if g.member != o.t.Sender || g.key.ID() != o.by.ID() {
			continue
		}
		switch {
		case m.logTime > g.expiry:
			return contract.CodeUnknownKey
		case g.method != o.t.Contract+"."+o.t.Method:
			return contract.CodeNotPermitted
		}
		return ""
	}
	return contract.CodeUnknownKey
}

// execute returns the code of a transaction and makes its change.
func (m *model) execute(o *order) (code ledger.Code, burnt bool) {
	switch {
	case o.malformed:
		return contract.CodeMalformed, false
	case o.t.Chain != m.chain || o.t.Shard != 0:
		return contract.CodeWrongChain, false
	case m.logTime > o.t.Expiry:
		return contract.CodeExpired, false
	case o.t.Expiry-m.logTime > m.maxTTL:
		return contract.CodeExpiryTooFar, false
	case m.executed[o.id]:
		return contract.CodeReplayed, false
	}
	if code := m.authority(o); code != "" {
		return code, false
	}
	if o.forged {
		return contract.CodeBadSignature, false
	}
	m.executed[o.id] = true
	switch {
	case o.t.Contract != token.Name:
		return contract.CodeUnknownContract, true
	case o.t.Method != "transfer":
		return contract.CodeUnknownMethod, true
	case o.badArgs:
		return contract.CodeBadArguments, true
	case o.huge || m.balances[o.t.Sender] < o.amount:
		return token.CodeInsufficientFunds, true
	case o.amount > 0 && m.members[o.t.Sender].ID() != o.by.ID(): // a genesis gives delegates no limit
		return contract.CodeOverLimit, true
	}
	m.balances[o.t.Sender] -= o.amount
	m.balances[o.to] += o.amount
	return ledger.CodeOK, true
}

// sameWrites reports whether two lists of writes are equal.
func sameWrites(a, b []ledger.Write) bool {
	return slices.EqualFunc(a, b, func(x, y ledger.Write) bool {
		return bytes.Equal(x.Key, y.Key) && bytes.Equal(x.Value, y.Value) && x.Delete == y.Delete
	})
}
