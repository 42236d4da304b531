package aplos

import (
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
func (e *Executor) foresee(list []Candidate) []verdict {
	verdicts := make([]verdict, len(list))
	if e.config.VerifyAll == nil {
		return verdicts
	}
	var asked []identity.Signed
	var places []int
	for i := range list {
		if list[i].malformed != nil || e.config.Checked.Has(list[i].ID) {
			continue
		}
		authority, err := e.config.authority(cached{e.state}, &list[i], e.clock.Now)
		if err != nil {
			continue // its turn brings the error, if there still is one
		}
		signed := list[i].Signed
		signed.Key = authority.Key
		asked, places = append(asked, signed), append(places, i)
	}
	for n, holds := range e.config.VerifyAll(asked) {
		verdicts[places[n]] = verdict{key: asked[n].Key, known: true, holds: holds}
	}
	return verdicts
}

// holds reports whether the signature of a transaction holds.
func (e *Executor) holds(t *Candidate, v verdict) bool {
	if v.known && v.key == t.Signed.Key {
		return v.holds
	}
	return e.config.Checked.Take(t.ID, &t.Signed) || e.config.Verify(t.Signed.Key, t.Signed.Message, t.Signed.Signature)
}
