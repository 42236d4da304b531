package aggregator

import (
	"errors"
	"fmt"

	"github.com/librum/librum/aggregator/tensor"
)

// Refusal is the reason, as the ledger records it, why an update takes no
// part in a round.
type Refusal string

// The fixed list of reasons. A node that holds the bytes decides all but
// Unavailable with [Check]; several may apply, the first of this list counts.
const (
	RefusedDigest      Refusal = "digest"      // the bytes are not those the peer signed for
	RefusedFormat      Refusal = "format"      // not a safetensors file, or larger than any update of the model
	RefusedShape       Refusal = "shape"       // tensors, types or shapes are not the model's
	RefusedNaN         Refusal = "nan"         // a NaN, an infinity, or a number too large to be averaged
	RefusedNorm        Refusal = "norm"        // the L2 norm exceeds the job's limit
	RefusedUnavailable Refusal = "unavailable" // nobody asked could hand over the bytes
)

// Refusals lists all reasons, in order of precedence.
func Refusals() []Refusal {
	return []Refusal{RefusedDigest, RefusedFormat, RefusedShape, RefusedNaN, RefusedNorm, RefusedUnavailable}
}

// RefusedError says why an update is refused. Only Reason is recorded; the
// text is for the peer's operator.
type RefusedError struct {
	Reason Refusal
	Err    error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("update refused (%s): %v", e.Reason, e.Err)
}

// Unwrap returns what was found; for format and shape a [tensor.Error].
func (e *RefusedError) Unwrap() error { return e.Err }

// ReasonOf returns the reason in err's chain, if there is one. An error
// without a reason says nothing about the update: reading it went wrong.
func ReasonOf(err error) (Refusal, bool) {
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok {
		return "", false
	}
	return refused.Reason, true
}

// malformed turns what tensor.ReadLayout says into a refusal, unless it was the
// reading that went wrong.
func malformed(err error) error {
	if _, ok := errors.AsType[*tensor.Error](err); ok {
		return refuse(RefusedFormat, "%w", err)
	}
	return err
}

func refuse(reason Refusal, format string, args ...any) error {
	return &RefusedError{Reason: reason, Err: fmt.Errorf(format, args...)}
}
