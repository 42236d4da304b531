package ca

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/ledger"
)

// Status is where a request stands.
type Status string

// The standings of a record.
const (
	StatusPending  Status = "pending"  // nobody has approved it yet
	StatusApproved Status = "approved" // on the ledger, and certified
	StatusRevoked  Status = "revoked"
)

// Record is what the office knows about a member, node or server.
type Record struct {
	ID       ledger.ID     `json:"id"` // of members and nodes the ledger's; of servers one of the register alone
	Kind     cert.Kind     `json:"kind"`
	Name     string        `json:"name,omitempty"` // of the person or machine; never leaves the office
	Roles    []string      `json:"roles,omitempty"`
	Request  string        `json:"request"` // PEM, with the proof of possession
	Key      ledger.Digest `json:"key"`     // id of the key
	Evidence []Evidence    `json:"evidence,omitempty"`
	Expiry   time.Time     `json:"expiry,omitzero"` // on the ledger; none where zero
	Status   Status        `json:"status"`
	Enrolled time.Time     `json:"enrolled"`

	Officer     ledger.ID     `json:"officer,omitzero"` // who approved it
	Transaction ledger.Digest `json:"transaction,omitzero"`
	Approved    time.Time     `json:"approved,omitzero"`
	Serial      string        `json:"serial,omitempty"` // of the certificate, hexadecimal
	Until       time.Time     `json:"until,omitzero"`   // when the certificate ends

	Revoked time.Time     `json:"revoked,omitzero"`
	Reason  string        `json:"reason,omitempty"` // never leaves the office
	Erased  time.Time     `json:"erased,omitzero"`  // evidence and name
	asked   *cert.Request // the request, once it was read

	// Older are the certificates that a renewal replaced.
	Older []Older `json:"older,omitempty"`
}

// Older is a certificate that was replaced. It holds until it ends, unless it
// was withdrawn or the record is revoked.
type Older struct {
	Serial    string    `json:"serial"`
	Until     time.Time `json:"until"`
	Withdrawn time.Time `json:"withdrawn,omitzero"`
}

// Evidence is a document that an officer has seen.
type Evidence struct {
	Name   string        `json:"name"`   // of the file that was given
	Bytes  int64         `json:"bytes"`  // of the document
	Digest ledger.Digest `json:"digest"` // SHA-256 of salt and document, as on the ledger
}

// Bounds of a record.
const (
	MaxNameBytes     = 256
	MaxReasonBytes   = 1 << 10
	MaxEvidenceBytes = 32 << 20 // of one document
	maxLineBytes     = 256 << 10
)

// checkText refuses text that would not stand on one line of a terminal.
func checkText(what, s string, limit int) error {
	if len(s) > limit || !utf8.ValidString(s) {
		return fmt.Errorf("%s: want at most %d bytes of UTF-8", what, limit)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("%s: character %q can't be printed", what, r)
		}
	}
	return nil
}
