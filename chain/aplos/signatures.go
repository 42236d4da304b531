package aplos

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// verdict is what is known of a signature before its transaction's turn.
type verdict struct {
	key   ledger.PublicKey
	known bool
	holds bool
}

// foresee checks the signatures of a record's transactions at once, under the
// keys that the state before the record names. Whether a signature holds under
// a key never changes, so this can't change a result: where a transaction of
// the same record makes another key the right one, its verdict is left aside.
func (e *Executor) foresee(turns []turn) {
	if e.config.VerifyAll == nil {
		return
	}
	unknown := make([]*turn, 0, len(turns))
	for i := range turns {
		if t := &turns[i]; t.malformed == nil && !e.config.Checked.Has(t.ID) {
			unknown = append(unknown, t)
		}
	}
	if len(unknown) == 0 {
		return
	}
	readers := e.state.readers(max(e.config.Workers, 1))
	share := max(minVerifyShare, (len(unknown)+len(readers)-1)/len(readers)) // larger batches are cheaper
	spread(e.config.Workers, len(unknown), share, func(worker, from, to int) {
		e.verify(&readers[worker], unknown[from:to])
	})
	e.state.keepRead(readers)
}

// minVerifyShare is how many signatures at once are worth a goroutine.
const minVerifyShare = 32

// verify gives the turns their verdicts.
func (e *Executor) verify(state contract.State, turns []*turn) {
	asked := make([]identity.Signed, 0, len(turns))
	places := make([]*turn, 0, len(turns))
	for _, t := range turns {
		authority, err := e.config.authority(state, &t.Candidate, e.clock.Now)
		if err != nil {
			continue // its turn brings the error, if there still is one
		}
		signed := t.Signed
		signed.Key = authority.Key
		asked, places = append(asked, signed), append(places, t)
	}
	for n, holds := range e.config.VerifyAll(asked) {
		places[n].verdict = verdict{key: asked[n].Key, known: true, holds: holds}
	}
}

// holds reports whether the signature of a transaction holds.
func (e *Executor) holds(t *turn) bool {
	if v := t.verdict; v.known && v.key == t.Signed.Key {
		return v.holds
	}
	return e.config.Checked.Take(t.ID, &t.Signed) || e.config.Verify(t.Signed.Key, t.Signed.Message, t.Signed.Signature)
}
