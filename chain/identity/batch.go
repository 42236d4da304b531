package identity

import (
	"io"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"github.com/librum/librum/chain/ledger"
)

// Signed is a message with the signature that is to be checked.
type Signed struct {
	Key       ledger.PublicKey
	Message   []byte
	Signature [ledger.SignatureSize]byte
}

// minBatch is the least number of signatures that are cheaper to check in a
// batch (BenchmarkVerifyAll).
const minBatch = 4

// VerifyAll checks signatures in one batch, which costs a third to a half of
// checking them one by one, and returns a verdict for each. The verdicts equal
// [Verify]'s: a batch is cofactored as ZIP-215 is, and where it does not hold
// its signatures are checked one by one. A batch with a bad signature passes
// with a chance of 2^-128, over random, which must not be guessable.
func (v *Verifier) VerifyAll(list []Signed, random io.Reader) []bool {
	if len(list) < minBatch {
		valid := make([]bool, len(list))
		for i := range list {
			valid[i] = v.Verify(list[i].Key, list[i].Message, list[i].Signature)
		}
		return valid
	}
	batch := ed25519.NewBatchVerifierWithCapacity(len(list))
	options := zip215()
	for i := range list {
		v.cached.AddWithOptions(batch, list[i].Key[:], list[i].Message, list[i].Signature[:], options)
	}
	_, valid := batch.Verify(random)
	return valid
}
