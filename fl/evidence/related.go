package evidence

import (
	"bytes"

	"github.com/librum/librum/chain/ledger"
)

func compare(a, b ledger.Digest) int { return bytes.Compare(a[:], b[:]) }

// related reports whether a result has an event that names the job. Events are
// maps in deterministic CBOR, in which "job" stands before its 32 bytes; that
// they might stand there by chance, or in another contract's event, only puts
// one more transaction into the file.
func related(r *ledger.Result, job ledger.Digest) bool {
	named := append([]byte{0x63, 'j', 'o', 'b', 0x58, 0x20}, job[:]...)
	for _, e := range r.Events {
		if bytes.Contains(e.Data, named) {
			return true
		}
	}
	return false
}

// touches reports whether a write is of a row of the job: their keys hold its
// id.
func touches(writes []ledger.Write, job ledger.Digest) bool {
	for i := range writes {
		if bytes.Contains(writes[i].Key, job[:]) {
			return true
		}
	}
	return false
}
