package lokka

import (
	"github.com/librum/librum/chain/ledger"
)

// The CBOR major types in use here (RFC 8949 §3.1).
const (
	majorUnsigned = 0
	majorBytes    = 2
	majorText     = 3
	majorArray    = 4
)

// appendHead appends a CBOR head in its shortest form (RFC 8949 §4.2.1).
func appendHead(dst []byte, major byte, n uint64) []byte {
	m := major << 5
	switch {
	case n < 24:
		return append(dst, m|byte(n))
	case n < 1<<8:
		return append(dst, m|24, byte(n))
	case n < 1<<16:
		return append(dst, m|25, byte(n>>8), byte(n))
	case n < 1<<32:
		return append(dst, m|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	default:
		return append(dst, m|27, byte(n>>56), byte(n>>48), byte(n>>40), byte(n>>32),
			byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
}

// appendResult appends the encoding of a result, a leaf of the results tree.
// Its twin is [ledger.Encode], which takes several times as long by reflection;
// a test holds them equal.
func appendResult(dst []byte, r *ledger.Result) []byte {
	dst = appendHead(dst, majorArray, 5)
	dst = appendBytes(dst, r.ID[:])
	dst = appendHead(dst, majorArray, 2)
	dst = appendHead(dst, majorUnsigned, r.Position.Offset)
	dst = appendHead(dst, majorUnsigned, uint64(r.Position.Index))
	dst = appendHead(dst, majorText, uint64(len(r.Code)))
	dst = append(dst, r.Code...)
	dst = appendHead(dst, majorArray, uint64(len(r.Events)))
	for i := range r.Events {
		e := &r.Events[i]
		dst = appendHead(dst, majorArray, 2)
		dst = appendHead(dst, majorText, uint64(len(e.Type)))
		dst = append(dst, e.Type...)
		dst = appendBytes(dst, e.Data)
	}
	return appendBytes(dst, r.Writes[:])
}

func appendBytes(dst, b []byte) []byte {
	return append(appendHead(dst, majorBytes, uint64(len(b))), b...)
}

// cutBlock is the block cut last in the encodings that its roots came from.
type cutBlock struct {
	header  []byte
	records []ledger.BlockRecord
	results []byte
	count   int
}

// BlockBytes returns the encoding of the block that [Machine.Cut] returned
// last, nil before the first. It equals [ledger.Encode] of the block and
// spares encoding its results again.
func (m *Machine) BlockBytes() []byte {
	k := &m.last
	if k.header == nil {
		return nil
	}
	size := len(k.header) + len(k.results) + 32
	for i := range k.records {
		size += len(k.records[i].Leaf()) + 8
	}
	dst := append(appendHead(make([]byte, 0, size), majorArray, 3), k.header...)
	dst = appendHead(dst, majorArray, uint64(len(k.records)))
	for i := range k.records {
		dst = appendHead(dst, majorArray, 2)
		dst = appendBytes(dst, k.records[i].Envelope)
		dst = appendBytes(dst, k.records[i].Skipped)
	}
	dst = appendHead(dst, majorArray, uint64(k.count))
	return append(dst, k.results...)
}
