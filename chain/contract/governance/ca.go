package governance

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// CA is the row of a certificate authority: whose certificates of members, nodes
// and TLS an organisation vouches for. Execution asks for none of it; whoever
// checks a certificate does.
type CA struct {
	_            struct{} `cbor:",toarray"`
	Organisation ledger.ID
	Key          ledger.PublicKey // Ed25519, of the certificate
	From         int64            // log time in ms from which it may vouch
	Until        int64            // log time in ms from which it may not, cut short by its removal
	Removed      bool
}

// CAPrefix starts the keys of the rows of CAs.
const CAPrefix contract.Key = Name + "/ca/"

// CARow returns the key of a CA's row by the SHA-256 of its certificate in DER.
func CARow(certificate ledger.Digest) contract.Key { return CAPrefix + contract.Key(certificate[:]) }

// LoadCA reads the row of a CA, or false where there is none. It vouches while
// [CA.VouchesAt] says so and its organisation stands.
func LoadCA(state contract.State, certificate ledger.Digest) (*CA, bool, error) {
	return contract.LoadFrom[CA](state, CARow(certificate))
}

// VouchesAt reports whether what the CA signs counts at log time.
func (c *CA) VouchesAt(logTime int64) bool { return logTime >= c.From && logTime < c.Until }

// AddCA lets a CA vouch for an organisation.
type AddCA struct {
	Organisation ledger.ID        `cbor:"organisation"`
	Certificate  ledger.Digest    `cbor:"certificate"` // SHA-256 of the DER
	Key          ledger.PublicKey `cbor:"key"`
	From         int64            `cbor:"from"`
	Until        int64            `cbor:"until"`
}

func (a *AddCA) check() error {
	switch {
	case a.Certificate.IsZero():
		return contract.Errorf(contract.CodeBadArguments, "certificate: want the SHA-256 of its DER")
	case a.From < 0 || a.Until <= a.From:
		return contract.Errorf(contract.CodeBadArguments, "from and until: %d and %d, want log times in ms, until after from", a.From, a.Until)
	}
	if err := identity.CheckEnrolment(a.Key); err != nil {
		return contract.Errorf(contract.CodeBadArguments, "key: %v", err)
	}
	return nil
}

func (a *AddCA) claim() *claim { return nil }

func (a *AddCA) rows() []contract.Key { return []contract.Key{OrganisationsRow, CARow(a.Certificate)} }

func (a *AddCA) apply(env *contract.Env, _ uint64) error {
	if err := RequireStanding(env, a.Organisation); err != nil {
		return err
	}
	if _, taken, err := env.Get(CARow(a.Certificate)); err != nil || taken {
		if err == nil {
			err = contract.Errorf(contract.CodeExists, "the CA with certificate %s is listed, or was", a.Certificate.Short())
		}
		return err
	}
	return contract.Store(env, CARow(a.Certificate), &CA{Organisation: a.Organisation, Key: a.Key, From: a.From, Until: a.Until})
}

// RemoveCA takes a CA's right to vouch. The row stays, for who checks the past.
type RemoveCA struct {
	Certificate ledger.Digest `cbor:"certificate"`
}

func (a *RemoveCA) check() error { return nil }

func (a *RemoveCA) claim() *claim { return nil }

func (a *RemoveCA) rows() []contract.Key { return []contract.Key{CARow(a.Certificate)} }

func (a *RemoveCA) apply(env *contract.Env, _ uint64) error {
	ca, ok, err := LoadCA(env, a.Certificate)
	switch {
	case err != nil:
		return err
	case !ok:
		return contract.Errorf(contract.CodeNotFound, "no CA with certificate %s", a.Certificate.Short())
	case ca.Removed:
		return contract.Errorf(contract.CodeConflict, "the CA with certificate %s is removed", a.Certificate.Short())
	}
	ca.Removed, ca.Until = true, min(ca.Until, env.LogTime())
	return contract.Store(env, CARow(a.Certificate), ca)
}
