package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/veraison/go-cose"
	"pgregory.net/rapid"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

const envelopeLimit = 1 << 17

func drawKind(t *rapid.T) ledger.Kind {
	return rapid.SampledFrom([]ledger.Kind{
		ledger.KindTransaction, ledger.KindRecord, ledger.KindClock, ledger.KindWake,
		ledger.KindMarker, ledger.KindHeader, ledger.KindReceipt, ledger.KindPossession,
	}).Draw(t, "kind")
}

// drawPayload favours the lengths at which the head of the byte string grows.
func drawPayload(t *rapid.T) []byte {
	n := rapid.OneOf(
		rapid.IntRange(0, 300),
		rapid.SampledFrom([]int{0, 23, 24, 255, 256, 65535, 65536, 70000}),
	).Draw(t, "size")
	return bytes.Repeat([]byte{rapid.Byte().Draw(t, "fill")}, n)
}

// TestEnvelopeTwin compares with go-cose: what Seal makes it verifies, and what
// it makes with the same headers is ours bit by bit.
func TestEnvelopeTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		own, kind, payload := identity.KeyFromSeed(seed), drawKind(t), drawPayload(t)
		private := ed25519.NewKeyFromSeed(seed[:])
		e := ledger.Seal(kind, own.ID(), own.Sign, payload)
		ours := e.Bytes()
		if len(ours) != e.Size() {
			t.Fatalf("%d bytes, Size says %d", len(ours), e.Size())
		}

		verifier, err := cose.NewVerifier(cose.AlgorithmEdDSA, private.Public())
		if err != nil {
			t.Fatal(err)
		}
		var read cose.Sign1Message
		if err := read.UnmarshalCBOR(ours); err != nil {
			t.Fatalf("go-cose reads ours: %v", err)
		}
		if err := read.Verify([]byte(kind), verifier); err != nil {
			t.Fatalf("go-cose verifies ours: %v", err)
		}
		if err := read.Verify([]byte(kind+"s"), verifier); err == nil {
			t.Fatal("go-cose verifies ours as another kind")
		}

		keyID := own.ID()
		twin := cose.Sign1Message{
			Headers: cose.Headers{Protected: cose.ProtectedHeader{
				cose.HeaderLabelAlgorithm: cose.AlgorithmEdDSA,
				cose.HeaderLabelKeyID:     keyID[:],
			}},
			Payload: payload,
		}
		signer, err := cose.NewSigner(cose.AlgorithmEdDSA, private)
		if err != nil {
			t.Fatal(err)
		}
		if err := twin.Sign(nil, []byte(kind), signer); err != nil {
			t.Fatal(err)
		}
		theirs, err := twin.MarshalCBOR()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(theirs, ours) {
			t.Fatalf("go-cose makes\n%x, we make\n%x", theirs, ours)
		}
		parsed, err := ledger.ParseEnvelope("twin", theirs, envelopeLimit)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Key != keyID || !bytes.Equal(parsed.Payload, payload) || !bytes.Equal(parsed.Signature[:], twin.Signature) {
			t.Fatalf("parsed %+v", parsed)
		}
		if !identity.VerifyEnvelope(own.Public(), &parsed, kind) {
			t.Fatal("go-cose's signature does not hold")
		}
	})
}

// head is a CBOR head in its n-byte form, whether or not a shorter one exists.
func head(major byte, n int, value uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], value)
	switch n {
	case 0:
		return []byte{major<<5 | byte(value)}
	case 1, 2, 4, 8:
		info := byte(24 + slices.Index([]int{1, 2, 4, 8}, n))
		return append([]byte{major<<5 | info}, b[8-n:]...)
	default:
		panic("a head has 0, 1, 2, 4 or 8 bytes behind the first")
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// TestEnvelopeRefusals writes one message in every other way that COSE readers
// take, and broken ones, and wants each refused with the place named.
func TestEnvelopeRefusals(t *testing.T) {
	t.Parallel()
	k := key(1)
	payload := bytes.Repeat([]byte("payload "), 4) // 32 bytes: a head of two
	e := ledger.Seal(ledger.KindTransaction, k.ID(), k.Sign, payload)
	keyID := k.ID()
	good := e.Bytes()
	var (
		tag       = []byte{0xd2}
		array     = head(4, 0, 4)
		alg       = []byte{0x01, 0x27}
		kid       = join([]byte{0x04}, head(2, 1, 32), keyID[:])
		protected = join([]byte{0xa2}, alg, kid)
		header    = join(head(2, 1, 38), protected)
		empty     = []byte{0xa0}
		body      = join(head(2, 1, 32), payload)
		signature = join(head(2, 1, 64), e.Signature[:])
	)
	wrap := func(protected []byte) []byte {
		return join(tag, array, head(2, 1, uint64(len(protected))), protected, empty, body, signature)
	}
	if !bytes.Equal(join(tag, array, header, empty, body, signature), good) {
		t.Fatal("the parts do not add up to the envelope")
	}
	const (
		unprotected = "unprotected header"
		inPayload   = "payload"
		inSignature = "signature"
	)
	tests := []struct {
		name  string
		bytes []byte
		where string
	}{
		{"empty", nil, "byte 0"},
		{"untagged", good[1:], "byte 0"},
		{"tag 18 in two bytes", join(head(6, 1, 18), good[1:]), "byte 0"},
		{"tag 98, COSE_Sign", join(head(6, 1, 98), good[1:]), "byte 0"},
		{"wrapped in a second tag 18", join(tag, good), "byte 1"},
		{"self-described CBOR, tag 55799", join(head(6, 2, 55799), good), "byte 0"},
		{"array head in two bytes", join(tag, head(4, 1, 4), good[2:]), "byte 1"},
		{"array of indefinite length", join(tag, []byte{0x9f}, good[2:], []byte{0xff}), "byte 1"},
		{"array of three", join(tag, head(4, 0, 3), header, empty, body), "byte 1"},
		{"array of five", join(tag, head(4, 0, 5), good[2:], signature), "byte 1"},
		{"map instead of array", join(tag, head(5, 0, 2), good[2:]), "byte 1"},
		{"protected header as a map", join(tag, array, protected, empty, body, signature), "byte 2"},
		{"protected head in three bytes", join(tag, array, head(2, 2, 38), protected, empty, body, signature), "byte 2"},
		{"protected header in chunks", join(tag, array, []byte{0x5f}, header, []byte{0xff}, empty, body, signature), "byte 2"},
		{"empty protected header", join(tag, array, head(2, 0, 0), empty, body, signature), "byte 2"},
		{"no key id", wrap(join([]byte{0xa1}, alg)), "byte 3"},
		{"no algorithm", wrap(join([]byte{0xa1}, kid)), "byte 3"},
		{"protected map of indefinite length", wrap(join([]byte{0xbf}, alg, kid, []byte{0xff})), "byte 3"},
		{"protected map head in two bytes", wrap(join(head(5, 1, 2), alg, kid)), "byte 3"},
		{"key id before algorithm", wrap(join([]byte{0xa2}, kid, alg)), "byte 5"},
		{"label in two bytes", wrap(join([]byte{0xa2, 0x18, 0x01, 0x27}, kid)), "byte 3"},
		{"algorithm in two bytes", wrap(join([]byte{0xa2, 0x01, 0x38, 0x07}, kid)), "byte 3"},
		{"algorithm ES256", wrap(join([]byte{0xa2, 0x01, 0x26}, kid)), "byte 6"},
		{"third protected header", wrap(join([]byte{0xa3}, alg, []byte{0x03, 0x00}, kid)), "byte 3"},
		{"algorithm twice", wrap(join([]byte{0xa3}, alg, alg, kid)), "byte 3"},
		{"critical header", wrap(join([]byte{0xa3}, alg, []byte{0x02, 0x81, 0x04}, kid)), "byte 3"},
		{"short key id", wrap(join([]byte{0xa2}, alg, []byte{0x04}, head(2, 1, 31), keyID[:31])), "byte 3"},
		{"key id as text", wrap(join([]byte{0xa2}, alg, []byte{0x04}, head(3, 1, 32), keyID[:])), "byte 8"},
		{"ends in the key id", good[:20], unprotected},
		{"ends after the key id", good[:42], unprotected},
		{"extra unprotected header", join(tag, array, header, []byte{0xa1, 0x03, 0x00}, body, signature), unprotected},
		{"second signature unprotected", join(tag, array, header, []byte{0xa1, 0x07}, signature, body, signature), unprotected},
		{"unprotected of indefinite length", join(tag, array, header, []byte{0xbf, 0xff}, body, signature), unprotected},
		{"unprotected head in two bytes", join(tag, array, header, head(5, 1, 0), body, signature), unprotected},
		{"unprotected null", join(tag, array, header, []byte{0xf6}, body, signature), unprotected},
		{"unprotected array", join(tag, array, header, []byte{0x80}, body, signature), unprotected},
		{"ends before the payload", good[:43], inPayload},
		{"detached payload", join(tag, array, header, empty, []byte{0xf6}, signature), inPayload},
		{"payload as text", join(tag, array, header, empty, head(3, 1, 32), payload, signature), inPayload},
		{"payload head in three bytes", join(tag, array, header, empty, head(2, 2, 32), payload, signature), inPayload},
		{"payload head in five bytes", join(tag, array, header, empty, head(2, 4, 32), payload, signature), inPayload},
		{"payload head in nine bytes", join(tag, array, header, empty, head(2, 8, 32), payload, signature), inPayload},
		{"payload in chunks", join(tag, array, header, empty, []byte{0x5f}, body, []byte{0xff}, signature), inPayload},
		{"payload with reserved head", join(tag, array, header, empty, []byte{0x5c}, payload, signature), inPayload},
		{"payload head cut off", join(tag, array, header, empty, []byte{0x5a, 0, 0}), inPayload},
		{"payload longer than the message", join(tag, array, header, empty, head(2, 4, 1<<32-1), payload, signature), inSignature},
		{"payload of 2^64-1 bytes", join(tag, array, header, empty, head(2, 8, 1<<64-1), payload, signature), inPayload},
		{"no signature", good[:len(good)-66], inSignature},
		{"signature cut off", good[:len(good)-1], inSignature},
		{"signature of 63 bytes", join(tag, array, header, empty, body, head(2, 1, 63), e.Signature[:63]), inSignature},
		{"signature head in three bytes", join(tag, array, header, empty, body, head(2, 2, 64), e.Signature[:]), inSignature},
		{"signature as text", join(tag, array, header, empty, body, head(3, 1, 64), e.Signature[:]), inSignature},
		{"signature as array", join(tag, array, header, empty, body, head(4, 0, 1), signature), inSignature},
		{"signed twice", join(good, signature), inSignature},
		{"one byte of padding", append(slices.Clone(good), 0), inSignature},
		{"followed by itself", join(good, good), inSignature},
		{"over the limit", bytes.Repeat([]byte{0}, envelopeLimit+1), "length"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ledger.ParseEnvelope("thing", tt.bytes, envelopeLimit)
			wantMalformed(t, err, "thing", tt.where)
		})
	}
}

// TestDoublyWrapped holds that an envelope inside another is no transaction:
// the signature of the outer one counts for nothing inside.
func TestDoublyWrapped(t *testing.T) {
	t.Parallel()
	k := key(0x11)
	outer := ledger.Seal(ledger.KindTransaction, k.ID(), k.Sign, signedTransaction(t))
	_, _, err := ledger.ParseTransaction(outer.Bytes())
	wantMalformed(t, err, "transaction", "encoding")
}

// TestEveryBit flips each bit of a transaction: the copy is malformed, or is
// another message, whose signature does not hold.
func TestEveryBit(t *testing.T) {
	t.Parallel()
	good := signedTransaction(t)
	_, original, err := ledger.ParseTransaction(good)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(good) {
		b := slices.Clone(good)
		b[bit/8] ^= 1 << (bit % 8)
		_, e, err := ledger.ParseTransaction(b)
		if err != nil {
			if !errors.Is(err, ledger.ErrMalformed) {
				t.Fatalf("bit %d: %v is no MalformedError", bit, err)
			}
			continue
		}
		if identity.VerifyEnvelope(key(0x11).Public(), &e, ledger.KindTransaction) {
			t.Errorf("bit %d: the signature still holds", bit)
		}
		same := e.ID(ledger.KindTransaction) == original.ID(ledger.KindTransaction)
		if inSignature := bit/8 >= len(good)-ledger.SignatureSize; same != inSignature {
			t.Errorf("bit %d: same id %v, in the signature %v (invariant 3)", bit, same, inSignature)
		}
	}
}

// TestKindsApart holds invariant 2: a signature counts for one kind.
func TestKindsApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := key(1)
		kind, other := drawKind(t), drawKind(t)
		e := ledger.Seal(kind, k.ID(), k.Sign, drawPayload(t))
		if got := identity.VerifyEnvelope(k.Public(), &e, other); got != (kind == other) {
			t.Fatalf("signed as %s, verified as %s: %v", kind, other, got)
		}
		if identity.VerifyEnvelope(key(2).Public(), &e, kind) {
			t.Fatal("another key's id is taken")
		}
	})
}

// wantMalformed wants a MalformedError about what whose Where holds where.
func wantMalformed(tb testing.TB, err error, what, where string) {
	tb.Helper()
	var m *ledger.MalformedError
	if !errors.As(err, &m) || !errors.Is(err, ledger.ErrMalformed) {
		tb.Fatalf("got %v, want a MalformedError", err)
	}
	if m.What != what || !strings.Contains(m.Where, where) || m.Want == "" {
		tb.Fatalf("got %q at %q wanting %q, want it about %q at %q", m.What, m.Where, m.Want, what, where)
	}
	if text := m.Error(); !strings.Contains(text, m.What) || !strings.Contains(text, m.Where) || !strings.Contains(text, m.Want) {
		tb.Fatalf("text %q leaves something out", text)
	}
}
