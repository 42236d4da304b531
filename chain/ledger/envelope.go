package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
)

// Kind names what a signature is for; it is the external_aad of the COSE
// message (invariant 2).
type Kind string

// The kinds of signed messages.
const (
	KindTransaction Kind = "transaction"
	KindRecord      Kind = "record" // a record that holds transactions
	KindClock       Kind = "clock"
	KindWake        Kind = "wake"
	KindMarker      Kind = "marker"
	KindHeader      Kind = "header"
	KindReceipt     Kind = "receipt"
	KindPossession  Kind = "possession"
	// KindTokenRequest is a member's request for a bearer token; it goes to one
	// node and never on the log.
	KindTokenRequest Kind = "token-request"
	// KindHashChain is what a node signs to derive the secret of a hash chain; the
	// signature never leaves it.
	KindHashChain Kind = "hash-chain"
)

// SignatureSize is the length of an Ed25519 signature in bytes.
const SignatureSize = 64

// The protected header is {1: -8, 4: key id}: EdDSA and the SHA-256 of the
// public key. All but the key id is constant, so an envelope is read by
// comparing with this template, which is stricter than decoding and encoding
// again: there is one way to write it.
const (
	protectedPrefix = "\xa2\x01\x27\x04\x58\x20"
	protectedSize   = len(protectedPrefix) + 32
	envelopePrefix  = "\xd2\x84\x58\x26" + protectedPrefix // tag 18, array(4), bstr(38)
	emptyMap        = 0xa0
	signatureHead   = "\x58\x40"
	sigContext      = "\x84\x6aSignature1\x58\x26" + protectedPrefix
)

// Envelope is a COSE_Sign1 message (RFC 9052 §4.2) in the one form that
// Librum accepts.
type Envelope struct {
	Key       Digest // SHA-256 of the signer's public key
	Payload   []byte
	Signature [SignatureSize]byte
}

// SignFunc signs a message with the key whose id stands beside it.
type SignFunc func(message []byte) [SignatureSize]byte

// Seal signs payload as kind and returns the envelope.
func Seal(kind Kind, key Digest, sign SignFunc, payload []byte) Envelope {
	e := Envelope{Key: key, Payload: payload}
	e.Signature = sign(e.SigStructure(kind))
	return e
}

// SigStructure returns the bytes that the signature covers (RFC 9052 §4.4):
// ["Signature1", protected header, kind, payload].
func (e *Envelope) SigStructure(kind Kind) []byte {
	return e.AppendSigStructure(make([]byte, 0, len(sigContext)+32+8+len(kind)+8+len(e.Payload)), kind)
}

// AppendSigStructure appends the bytes that the signature covers to dst.
func (e *Envelope) AppendSigStructure(dst []byte, kind Kind) []byte {
	dst = append(dst, sigContext...)
	dst = append(dst, e.Key[:]...)
	dst = appendByteStringHead(dst, len(kind))
	dst = append(dst, kind...)
	dst = appendByteStringHead(dst, len(e.Payload))
	return append(dst, e.Payload...)
}

// ID returns the SHA-256 of the Sig_structure (invariant 3).
func (e *Envelope) ID(kind Kind) Digest { return sha256.Sum256(e.SigStructure(kind)) }

// Bytes returns the encoded envelope.
func (e *Envelope) Bytes() []byte {
	dst := make([]byte, 0, e.Size())
	dst = append(dst, envelopePrefix...)
	dst = append(dst, e.Key[:]...)
	dst = append(dst, emptyMap)
	dst = appendByteStringHead(dst, len(e.Payload))
	dst = append(dst, e.Payload...)
	dst = append(dst, signatureHead...)
	return append(dst, e.Signature[:]...)
}

// Size returns the length of the encoded envelope in bytes.
func (e *Envelope) Size() int {
	return len(envelopePrefix) + 32 + 1 + headSize(len(e.Payload)) + len(e.Payload) + len(signatureHead) + SignatureSize
}

// ParseEnvelope reads an envelope of at most limit bytes. The payload aliases
// b. The signature is not checked here.
func ParseEnvelope(what string, b []byte, limit int) (Envelope, error) {
	var e Envelope
	if len(b) > limit {
		return e, malformed(what, "length", "%d bytes, at most %d are allowed", len(b), limit)
	}
	rest, ok := bytes.CutPrefix(b, []byte(envelopePrefix))
	if !ok {
		return e, malformed(what, fmt.Sprintf("byte %d", firstDifference(b, []byte(envelopePrefix))),
			"want COSE_Sign1 (tag 18) with the protected header {1: -8, 4: key id}")
	}
	if len(rest) < 33 || rest[32] != emptyMap {
		return e, malformed(what, "unprotected header", "must be the empty map")
	}
	copy(e.Key[:], rest)
	rest = rest[33:]
	n, head, ok := readByteStringHead(rest)
	if !ok {
		return e, malformed(what, "payload", "must be a byte string whose length has its shortest form")
	}
	rest = rest[head:]
	if len(rest) != n+len(signatureHead)+SignatureSize || string(rest[n:n+len(signatureHead)]) != signatureHead {
		return e, malformed(what, "signature", "must be a byte string of 64 bytes at the very end")
	}
	e.Payload = rest[:n:n]
	copy(e.Signature[:], rest[n+len(signatureHead):])
	return e, nil
}

func headSize(n int) int {
	var head [9]byte
	return len(appendByteStringHead(head[:0], n))
}

// readByteStringHead returns the length that a byte string's head announces
// and the size of the head; it refuses longer forms than needed.
func readByteStringHead(b []byte) (n, head int, ok bool) {
	r := reader{rest: b}
	n = int(r.head(majorBytes, math.MaxUint32))
	return n, len(b) - len(r.rest), !r.failed
}
