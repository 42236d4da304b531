package aplos

import (
	"strings"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Candidate is a transaction of which nothing is believed yet.
type Candidate struct {
	Transaction ledger.Transaction
	ID          ledger.Digest
	// Signed is the signature that must hold. Its key is zero until
	// [Config.Inspect] found it.
	Signed identity.Signed

	key       ledger.Digest // id of the key that it says it is signed with
	delegated bool          // a node holds that key for the sender
	malformed error
}

// Read reads a transaction as it came.
func Read(raw []byte) Candidate { return read(raw, nil) }

// read is Read that need not decode what was decoded: the id covers all that a
// transaction says.
func read(raw []byte, known *identity.Checked) Candidate {
	envelope, err := ledger.ParseTransactionEnvelope(raw)
	if err != nil {
		return malformed(raw, err)
	}
	message := envelope.SigStructure(ledger.KindTransaction)
	c := Candidate{
		ID: ledger.Hash(message), key: envelope.Key,
		Signed: identity.Signed{Message: message, Signature: envelope.Signature},
	}
	if t := known.Transaction(c.ID); t != nil {
		c.Transaction = *t
		return c
	}
	if c.Transaction, err = ledger.ParseTransactionPayload(envelope.Payload); err != nil {
		return malformed(raw, err)
	}
	return c
}

// malformed has the hash of its bytes for an id.
func malformed(raw []byte, err error) Candidate {
	return Candidate{ID: ledger.Hash(raw), malformed: contract.Errorf(contract.CodeMalformed, "%v", err)}
}

// Forged is the error of a transaction whose signature does not hold.
func (t *Candidate) Forged() *contract.Error {
	return &contract.Error{Code: contract.CodeBadSignature, Detail: "not a signature of key " + t.key.Short()}
}

// Inspect checks all of a transaction that can be checked before it runs, but
// for the signature, the cheap things first, and finds the key that must have
// signed. A gateway calls it to keep rubbish out, execution calls it again at
// the transaction's place in the log (invariant 1). Seen reports whether an id
// was executed. Errors are of type [contract.Error] where the transaction is at
// fault.
func (c *Config) Inspect(
	state contract.State, logTime, maxTTL int64, seen func(ledger.Digest) bool, t *Candidate,
) error {
	tx := &t.Transaction
	var err error
	switch {
	case t.malformed != nil:
		return t.malformed
	case tx.Chain != c.Chain || tx.Shard != c.Shard:
		return contract.Errorf(contract.CodeWrongChain, "made for chain %s shard %d, this is chain %s shard %d",
			tx.Chain.Short(), tx.Shard, c.Chain.Short(), c.Shard)
	case logTime > tx.Expiry:
		return contract.Errorf(contract.CodeExpired, "expired at %d, log time is %d", tx.Expiry, logTime)
	case tx.Expiry > logTime+maxTTL:
		return contract.Errorf(contract.CodeExpiryTooFar, "expires at %d, at most %d ms after log time %d are allowed",
			tx.Expiry, maxTTL, logTime)
	case seen(t.ID):
		return contract.Errorf(contract.CodeReplayed, "transaction %s was executed before", t.ID)
	}
	authority, err := c.authority(state, t, logTime)
	if err != nil {
		return err
	}
	t.Signed.Key, t.delegated = authority.Key, authority.Delegated
	if err := standing(state, tx.Sender, authority.Organisation); err != nil || !authority.Delegated {
		return err
	}
	// Who holds the key may act no more by another's name than by its own.
	node, err := members.ActiveAt(state, authority.Node, logTime)
	if err != nil {
		return err
	}
	return standing(state, authority.Node, node.Organisation)
}

// inspected reports whether the checks of [Config.Inspect] may read a row. Who
// writes one runs alone.
func inspected(key contract.Key) bool {
	k := string(key)
	return key == governance.OrganisationsRow || key == governance.SuspendedRow ||
		strings.HasPrefix(k, members.MemberPrefix) || strings.HasPrefix(k, members.DelegatePrefix)
}

// standing refuses whom governance has taken the right to act.
func standing(state contract.State, id, organisation ledger.ID) error {
	stands, err := governance.Stands(state, organisation)
	if err != nil {
		return err
	}
	if !stands {
		return contract.Errorf(members.CodeNotActive, "organisation %s of member %s does not stand any more", organisation, id)
	}
	suspended, err := governance.IsSuspended(state, id)
	if err != nil {
		return err
	}
	if suspended {
		return contract.Errorf(members.CodeNotActive, "node %s is suspended", id)
	}
	return nil
}

// authority returns the key that must have signed.
func (c *Config) authority(state contract.State, t *Candidate, logTime int64) (members.Signer, error) {
	tx := &t.Transaction
	return c.Members.Authority(state, tx.Sender, t.key, tx.Contract+"."+tx.Method, logTime)
}
