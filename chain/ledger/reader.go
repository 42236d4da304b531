package ledger

import (
	"math"
	"unicode/utf8"
)

// byHand is a format that stands in every transaction and reads itself. It takes
// nothing but the deterministic encoding, and as what the library reads from it,
// which TestReadByHand and FuzzReadByHand hold. Where it reports false the library
// decides and finds the words for the error. Decoding by reflection and encoding
// again to compare costs several times as much.
type byHand interface{ read(b []byte) bool }

// reader reads deterministic CBOR from head to head (RFC 8949 §4.2.1). What it
// returns means nothing once it failed, which done tells.
type reader struct {
	rest   []byte
	failed bool
}

// The major types of RFC 8949 §3.1 that it reads.
const (
	majorUint  = 0
	majorBytes = 2
	majorText  = 3
	majorArray = 4
)

// done reports whether all was read and nothing failed.
func (r *reader) done() bool { return !r.failed && len(r.rest) == 0 }

// head returns the argument of a head of that major type, at most limit, in its shortest
// form.
func (r *reader) head(major byte, limit uint64) uint64 {
	if r.failed || len(r.rest) == 0 || r.rest[0]>>5 != major {
		r.failed = true
		return 0
	}
	info, size := r.rest[0]&31, 0
	n, least := uint64(info), uint64(0)
	if info >= 24 && info <= 27 {
		size = 1 << (info - 24)
		least = 24
		if size > 1 {
			least = 1 << (4 * size) // 2^8, 2^16, 2^32: what fits half the bytes
		}
		n = 0
	}
	if info > 27 || len(r.rest) < 1+size {
		r.failed = true
		return 0
	}
	for _, c := range r.rest[1 : 1+size] {
		n = n<<8 | uint64(c)
	}
	if n < least || n > limit {
		r.failed = true
		return 0
	}
	r.rest = r.rest[1+size:]
	return n
}

// array wants the head of an array of n elements.
func (r *reader) array(n uint64) { r.failed = r.head(majorArray, n) != n || r.failed }

func (r *reader) uint16() uint16 { return uint16(r.head(majorUint, math.MaxUint16)) }
func (r *reader) uint32() uint32 { return uint32(r.head(majorUint, math.MaxUint32)) }

// positive leaves numbers below 0 to the library.
func (r *reader) positive() int64 { return int64(r.head(majorUint, math.MaxInt64)) }

// string returns a string of that major type, in the bytes that are read.
func (r *reader) string(major byte) []byte {
	n := r.head(major, uint64(len(r.rest)))
	if n > uint64(len(r.rest)) {
		r.failed = true
	}
	if r.failed {
		return nil
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// fill reads a byte string of just the length of dst.
func (r *reader) fill(dst []byte) {
	s := r.string(majorBytes)
	r.failed = r.failed || len(s) != len(dst)
	copy(dst, s)
}

// bytes returns a copy of a byte string.
func (r *reader) bytes() []byte { return append([]byte{}, r.string(majorBytes)...) }

func (r *reader) text() string {
	s := r.string(majorText)
	r.failed = r.failed || !utf8.Valid(s)
	return string(s)
}
