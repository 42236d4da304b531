package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrMalformed is what every [MalformedError] unwraps to.
var ErrMalformed = errors.New("malformed")

// MalformedError says which part of which format is wrong and what is allowed.
type MalformedError struct {
	What  string // the format: "transaction", "header", …
	Where string // the field or byte
	Want  string // what is allowed there
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("malformed %s: %s: %s", e.What, e.Where, e.Want)
}

// Unwrap lets errors.Is(err, ErrMalformed) hold.
func (e *MalformedError) Unwrap() error { return ErrMalformed }

func malformed(what, where, format string, args ...any) error {
	return &MalformedError{What: what, Where: where, Want: fmt.Sprintf(format, args...)}
}

// The modes are values of fixed options; building them cannot fail, which
// TestModes holds. A message of [MaxProofBytes] or so needs no long arrays; the
// tighter bound keeps what a stranger can make us allocate near what was sent.
var (
	encMode      = mustEncMode()
	decMode      = mustDecMode(1 << 20)
	proofDecMode = mustDecMode(1 << 10)
)

// A nil slice is written as the empty one: else the two would be one value
// with two encodings (invariant 1), and the same result could get two hashes.
func mustEncMode() cbor.EncMode {
	options := cbor.CoreDetEncOptions()
	options.NilContainers = cbor.NilContainerAsEmpty
	options.NaNConvert = cbor.NaNConvertReject // what is written must be read again
	options.InfConvert = cbor.InfConvertReject
	mode, err := options.EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}

func mustDecMode(maxArrayElements int) cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		UTF8:              cbor.UTF8RejectInvalid,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		NaN:               cbor.NaNDecodeForbidden,
		Inf:               cbor.InfDecodeForbidden,
		MaxNestedLevels:   16,
		MaxArrayElements:  maxArrayElements,
		MaxMapPairs:       1 << 16,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}

// Encode returns the deterministic CBOR encoding of v (RFC 8949 §4.2). It
// fails for values that have none: channels, say, NaN and infinities.
func Encode(v any) ([]byte, error) {
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return b, nil
}

// Decode reads what, at most limit bytes, into the value that v points to,
// and refuses any bytes that v would not encode to (invariant 1).
func Decode(what string, b []byte, limit int, v any) error {
	return decode(decMode, what, b, limit, v)
}

// DecodeFormat is Decode for a format that strangers send and that has no null
// anywhere, as decodeFormat says.
func DecodeFormat(what string, b []byte, limit int, v any) error {
	return decodeFormat(decMode, what, b, limit, v)
}

// decodeFormat decodes one of the formats of this package. None has a null
// anywhere: the library would take one for an element of any type, so that a
// list of nulls costs hundreds of times its length.
func decodeFormat(mode cbor.DecMode, what string, b []byte, limit int, v any) error {
	if len(b) <= limit {
		if at := findNull(b); at >= 0 {
			return malformed(what, fmt.Sprintf("byte %d", at), "null or undefined, which no field may be")
		}
	}
	return decode(mode, what, b, limit, v)
}

// findNull returns the place of the first null or undefined, or -1. It goes
// from head to head and looks for nothing else: bytes that are not well-formed
// may end the search early.
func findNull(b []byte) int {
	for i := 0; i < len(b); {
		major, info := b[i]>>5, b[i]&31
		size := 0 // of the head behind its first byte
		if info >= 24 && info <= 27 {
			size = 1 << (info - 24)
		}
		if b[i] == 0xf6 || b[i] == 0xf7 {
			return i
		}
		if len(b)-i-1 < size {
			return -1
		}
		next := i + 1 + size
		if major == 2 || major == 3 {
			n := uint64(info)
			if size > 0 {
				n = 0
				for _, c := range b[i+1 : next] {
					n = n<<8 | uint64(c)
				}
			}
			if n > uint64(len(b)-next) {
				return -1
			}
			next += int(n) // at most len(b)
		}
		i = next
	}
	return -1
}

func decode(mode cbor.DecMode, what string, b []byte, limit int, v any) error {
	if len(b) > limit {
		return malformed(what, "length", "%d bytes, at most %d are allowed", len(b), limit)
	}
	if f, ok := v.(byHand); ok && f.read(b) {
		return nil
	}
	if err := mode.Unmarshal(b, v); err != nil {
		where := "encoding"
		if field := new(cbor.UnmarshalTypeError); errors.As(err, &field) && field.StructFieldName != "" {
			where = field.StructFieldName
		}
		return malformed(what, where, "%v", err)
	}
	again, err := encMode.Marshal(v)
	if err != nil {
		return malformed(what, "encoding", "%v", err)
	}
	if !bytes.Equal(again, b) {
		return malformed(what, fmt.Sprintf("byte %d", firstDifference(again, b)),
			"not the deterministic encoding (RFC 8949 §4.2) of a value of this form; digests, ids, keys and nonces have their full length")
	}
	return nil
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// appendByteStringHead appends the CBOR head of a byte string of n bytes in
// its shortest form (RFC 8949 §3).
func appendByteStringHead(dst []byte, n int) []byte {
	const m = 2 << 5
	switch {
	case n < 24:
		return append(dst, m|byte(n))
	case n < 1<<8:
		return append(dst, m|24, byte(n))
	case n < 1<<16:
		return append(dst, m|25, byte(n>>8), byte(n))
	default:
		return append(dst, m|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
}
