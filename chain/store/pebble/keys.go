package pebble

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/librum/librum/chain/ledger"
)

// The first byte of a key says what the row is.
const (
	prefixOwner       = 'm'
	prefixApplied     = 'a'
	prefixFloor       = 'f'
	prefixLatest      = 'l'
	prefixVersion     = 'v'
	prefixBlock       = 'b'
	prefixHeader      = 'h'
	prefixTransaction = 't'
	prefixSignature   = 's'
)

const (
	escape    = 0x00
	escaped   = 0xff // 00 ff stands for a byte 00 of the key
	endMark   = 0x01 // 00 01 ends the key
	behindKey = 0x02 // 00 02 lies behind all versions of the key
)

func appendEscaped(dst, key []byte) []byte {
	for {
		i := bytes.IndexByte(key, escape)
		if i < 0 {
			return append(dst, key...)
		}
		dst = append(append(dst, key[:i]...), escape, escaped)
		key = key[i+1:]
	}
}

// versionKey names the version that was written at that height; sought, it
// finds the newest version at or below.
func versionKey(dst, key []byte, height uint64) []byte {
	dst = appendEscaped(append(dst, prefixVersion), key)
	return binary.BigEndian.AppendUint64(append(dst, escape, endMark), ^height)
}

// afterVersions lies behind all versions of key and before any other key's.
func afterVersions(dst, key []byte) []byte {
	dst = appendEscaped(append(dst, prefixVersion), key)
	return append(dst, escape, behindKey)
}

var errBadKey = errors.New("version key is not escaped as it should be")

// parseVersionKey is the inverse of versionKey.
func parseVersionKey(b []byte) (key []byte, height uint64, err error) {
	if len(b) == 0 || b[0] != prefixVersion {
		return nil, 0, errBadKey
	}
	b = b[1:]
	for {
		i := bytes.IndexByte(b, escape)
		if i < 0 || i+1 >= len(b) {
			return nil, 0, errBadKey
		}
		key = append(key, b[:i]...)
		mark := b[i+1]
		b = b[i+2:]
		switch {
		case mark == escaped:
			key = append(key, escape)
		case mark == endMark && len(b) == 8:
			return key, ^binary.BigEndian.Uint64(b), nil
		default:
			return nil, 0, errBadKey
		}
	}
}

func latestKey(key []byte) []byte {
	return append(append(make([]byte, 0, 1+len(key)), prefixLatest), key...)
}

func heightKey(prefix byte, height uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, height)
}

func transactionKey(id ledger.Digest) []byte {
	return append([]byte{prefixTransaction}, id[:]...)
}

func signatureKey(height uint64, node ledger.ID) []byte {
	return append(heightKey(prefixSignature, height), node[:]...)
}

// successor returns the smallest key behind all keys with that prefix, nil
// where there is none.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			s := bytes.Clone(prefix[:i+1])
			s[i]++
			return s
		}
	}
	return nil
}
