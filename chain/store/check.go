package store

import (
	"bytes"
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// MaxKeyBytes is the longest key of a state row, which every driver takes: what
// one refused would stop its nodes and no others.
const MaxKeyBytes = 32 << 10

// CheckRestored returns a [CommitError] where the commit can't be what a store
// is restored to. Drivers call it first.
func (c *Commit) CheckRestored() error {
	if c.Height == 0 || len(c.Writes)+len(c.Transactions) > 0 {
		return &CommitError{Height: c.Height, Field: "height", Reason: "a store is restored to a block, without writes and transactions of its own"}
	}
	return c.Check()
}

// Check returns a [CommitError] where the commit has the wrong form. Drivers
// call it first.
func (c *Commit) Check() error {
	bad := func(field, format string, args ...any) error {
		return &CommitError{Height: c.Height, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case c.Height > 0 && len(c.Header) == 0:
		return bad("header", "it is empty")
	case c.Height > 0 && len(c.Block) == 0:
		return bad("block", "it is empty")
	case c.Height == 0 && len(c.Header)+len(c.Block)+len(c.Transactions) > 0:
		return bad("block", "height 0 is the genesis state and has no header, block or transactions")
	case len(c.Header) > ledger.MaxHeaderBytes:
		return bad("header", "%d bytes, at most %d are allowed", len(c.Header), ledger.MaxHeaderBytes)
	case len(c.Block) > ledger.MaxBlockBytes:
		return bad("block", "%d bytes, at most %d are allowed", len(c.Block), ledger.MaxBlockBytes)
	case len(c.Commitment) != ledger.CommitmentSize:
		return bad("commitment", "%d bytes, want %d", len(c.Commitment), ledger.CommitmentSize)
	}
	for i, w := range c.Writes {
		switch {
		case len(w.Key) == 0 || len(w.Key) > MaxKeyBytes:
			return bad("writes", "key %d has %d bytes, want 1 to %d", i, len(w.Key), MaxKeyBytes)
		case i > 0 && bytes.Compare(c.Writes[i-1].Key, w.Key) >= 0:
			return bad("writes", "key %d, %q, does not come after %q", i, w.Key, c.Writes[i-1].Key)
		case w.Delete && len(w.Value) > 0:
			return bad("writes", "key %d, %q, is deleted and has a value", i, w.Key)
		}
	}
	return nil
}
