package contract

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// The codes that any transaction can end with. Contracts add their own.
const (
	CodeMalformed        ledger.Code = "malformed"         // not a transaction at all
	CodeWrongChain       ledger.Code = "wrong_chain"       // made for another chain or shard
	CodeUnknownSender    ledger.Code = "unknown_sender"    // no such member
	CodeUnknownKey       ledger.Code = "unknown_key"       // the key is not the sender's, or no longer
	CodeBadSignature     ledger.Code = "bad_signature"     // not the key's signature
	CodeNotPermitted     ledger.Code = "not_permitted"     // the sender may not do this
	CodeExpired          ledger.Code = "expired"           // log time has passed the expiry
	CodeExpiryTooFar     ledger.Code = "expiry_too_far"    // the expiry lies beyond max_ttl
	CodeReplayed         ledger.Code = "replayed"          // executed before
	CodeUnknownContract  ledger.Code = "unknown_contract"  // no such contract
	CodeUnknownMethod    ledger.Code = "unknown_method"    // no such method
	CodeBadArguments     ledger.Code = "bad_arguments"     // the method can't read them
	CodeOutsideFootprint ledger.Code = "outside_footprint" // touched a key it did not declare
	CodeNotFound         ledger.Code = "not_found"         // what is named does not exist
	CodeExists           ledger.Code = "exists"            // what would be created exists
	CodeConflict         ledger.Code = "conflict"          // the state does not allow it
	CodeTooEarly         ledger.Code = "too_early"         // log time has not reached the deadline
	CodeTooLarge         ledger.Code = "too_large"         // writes or events pass their limit
)

// Error ends a transaction without effect. The code stands on the ledger, the
// detail is for whoever asks this node.
type Error struct {
	Code   ledger.Code
	Detail string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Detail }

// Errorf returns an [Error].
func Errorf(code ledger.Code, format string, args ...any) error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}
