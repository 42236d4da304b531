package aplos

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// Validate checks all of a transaction that can be checked before it runs, the
// cheap things first, and returns it with its id. A gateway calls it to keep
// rubbish out, execution calls it again at the transaction's place in the log
// (invariant 1). Seen reports whether an id was executed. Errors are of type
// [contract.Error] where the transaction is at fault.
func (c *Config) Validate(
	state contract.State, logTime, maxTTL int64, seen func(ledger.Digest) bool, raw []byte,
) (ledger.Transaction, ledger.Digest, error) {
	t, id, _, err := c.validate(state, logTime, maxTTL, seen, raw)
	return t, id, err
}

// signer is the key that signed a transaction.
type signer struct {
	key       ledger.Digest
	delegated bool
}

func (c *Config) validate(
	state contract.State, logTime, maxTTL int64, seen func(ledger.Digest) bool, raw []byte,
) (ledger.Transaction, ledger.Digest, signer, error) {
	t, envelope, err := ledger.ParseTransaction(raw)
	var by signer
	if err != nil {
		return t, ledger.Hash(raw), by, contract.Errorf(contract.CodeMalformed, "%v", err)
	}
	signed := envelope.SigStructure(ledger.KindTransaction)
	id := ledger.Hash(signed)
	switch {
	case t.Chain != c.Chain || t.Shard != c.Shard:
		return t, id, by, contract.Errorf(contract.CodeWrongChain, "made for chain %s shard %d, this is chain %s shard %d",
			t.Chain.Short(), t.Shard, c.Chain.Short(), c.Shard)
	case logTime > t.Expiry:
		return t, id, by, contract.Errorf(contract.CodeExpired, "expired at %d, log time is %d", t.Expiry, logTime)
	case t.Expiry > logTime+maxTTL:
		return t, id, by, contract.Errorf(contract.CodeExpiryTooFar, "expires at %d, at most %d ms after log time %d are allowed",
			t.Expiry, maxTTL, logTime)
	case seen(id):
		return t, id, by, contract.Errorf(contract.CodeReplayed, "transaction %s was executed before", id)
	}
	key, delegated, err := identity.Authority(state, t.Sender, envelope.Key, t.Contract+"."+t.Method, logTime)
	if err != nil {
		return t, id, by, err
	}
	by = signer{key: envelope.Key, delegated: delegated}
	suspended, err := governance.IsSuspended(state, t.Sender)
	if err != nil {
		return t, id, by, err
	}
	if suspended {
		return t, id, by, contract.Errorf(identity.CodeNotActive, "node %s is suspended", t.Sender)
	}
	if !c.Verify(key, signed, envelope.Signature) {
		return t, id, by, contract.Errorf(contract.CodeBadSignature, "not a signature of key %s", envelope.Key.Short())
	}
	return t, id, by, nil
}
