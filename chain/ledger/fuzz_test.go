package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
)

// seeds adds the bytes, cut, lengthened, emptied and with a longer head.
func seeds(f *testing.F, inputs ...[]byte) {
	f.Helper()
	for _, b := range inputs {
		f.Add(b)
		f.Add(b[:len(b)/2])
		f.Add(append(slices.Clone(b), 0))
		f.Add(bytes.Replace(b, []byte{0x58, 0x20}, []byte{0x59, 0x00, 0x20}, 1))
	}
	f.Add([]byte{})
	f.Add([]byte{0xf6})
	f.Add([]byte{0x9a, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
}

// canonical wants that whatever is parsed is the encoding of what it was
// parsed to (invariant 1), and that all else is a MalformedError.
func canonical(t *testing.T, b []byte, v any, e *ledger.Envelope, err error) {
	t.Helper()
	var m *ledger.MalformedError
	switch {
	case err != nil && (!errors.As(err, &m) || m.What == "" || m.Where == "" || m.Want == ""):
		t.Fatalf("got %v, want a MalformedError that says what, where and what is allowed", err)
	case err != nil:
		return
	}
	again, err := ledger.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	if e != nil {
		if !bytes.Equal(e.Payload, again) {
			t.Fatalf("payload %x is taken for %x", e.Payload, again)
		}
		again = e.Bytes()
	}
	if !bytes.Equal(b, again) {
		t.Fatalf("%x is taken for %x", b, again)
	}
}

func FuzzParseEnvelope(f *testing.F) {
	seeds(f, signedTransaction(f), signedReceipt(f), seal(ledger.KindWake, nil), seal(ledger.KindWake, make([]byte, 300)))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ledger.ParseEnvelope("envelope", b, len(b))
		if err == nil && (!bytes.Equal(e.Bytes(), b) || e.Size() != len(b)) {
			t.Fatalf("%x is taken for %x", b, e.Bytes())
		}
		if err != nil && !errors.Is(err, ledger.ErrMalformed) {
			t.Fatalf("got %v, want a MalformedError", err)
		}
	})
}

func FuzzParseTransaction(f *testing.F) {
	seeds(f, signedTransaction(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, e, err := ledger.ParseTransaction(b)
		canonical(t, b, &v, &e, err)
	})
}

// FuzzTransactionPayload gets past the envelope, whose template stops most of
// what the fuzzer makes.
func FuzzTransactionPayload(f *testing.F) {
	seeds(f, encode(f, fixtureTransaction(f)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := ledger.Envelope{Payload: payload}
		b := e.Bytes()
		v, e, err := ledger.ParseTransaction(b)
		canonical(t, b, &v, &e, err)
	})
}

func FuzzParseRecord(f *testing.F) {
	for kind := ledger.RecordTransactions; kind <= ledger.RecordMarker; kind++ {
		seeds(f, signedRecord(f, fixtureRecord(f, kind)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, e, err := ledger.ParseRecord(b)
		canonical(t, b, &v, &e, err)
	})
}

// FuzzRecordPayload gets past the envelope.
func FuzzRecordPayload(f *testing.F) {
	for kind := ledger.RecordTransactions; kind <= ledger.RecordMarker; kind++ {
		seeds(f, encode(f, fixtureRecord(f, kind)))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := ledger.Envelope{Payload: payload}
		b := e.Bytes()
		v, e, err := ledger.ParseRecord(b)
		canonical(t, b, &v, &e, err)
	})
}

func FuzzParseResult(f *testing.F) {
	results := fixtureResults(f)
	seeds(f, encode(f, &results[0]), encode(f, &results[1]))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ledger.ParseResult(b)
		canonical(t, b, &v, nil, err)
	})
}

func FuzzParseHeader(f *testing.F) {
	seeds(f, headerBytes(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ledger.ParseHeader(b)
		canonical(t, b, &v, nil, err)
	})
}

func FuzzParseHeaderSignature(f *testing.F) {
	s := signHeader(f, 1)
	seeds(f, encode(f, &s))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ledger.ParseHeaderSignature(b)
		canonical(t, b, &v, nil, err)
	})
}

func FuzzParseBlock(f *testing.F) {
	seeds(f, encode(f, fixtureBlock(f)))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ledger.ParseBlock(b)
		canonical(t, b, &v, nil, err)
		if err == nil {
			if _, _, _, err := v.Roots(); err != nil && !errors.Is(err, ledger.ErrMalformed) {
				t.Fatalf("roots: %v", err)
			}
		}
	})
}

func FuzzParseGenesis(f *testing.F) {
	seeds(f, encode(f, fixtureGenesis()))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, _, err := ledger.ParseGenesis(b)
		canonical(t, b, v, nil, err)
	})
}

func FuzzParseReceipt(f *testing.F) {
	seeds(f, signedReceipt(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, e, err := ledger.ParseReceipt(b)
		canonical(t, b, &v, &e, err)
	})
}

func FuzzParseResultProof(f *testing.F) {
	seeds(f, encode(f, fixtureProof(f)))
	group, chain := fixtureGroup(), fixtureChain(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ledger.ParseResultProof(b)
		canonical(t, b, &v, nil, err)
		if err != nil {
			return
		}
		// No signature is believed here, so nothing may be proven.
		nobody := func(ledger.PublicKey, []byte, [ledger.SignatureSize]byte) bool { return false }
		if _, _, err := v.Verify(chain, &group, nobody); err == nil {
			t.Fatal("a proof holds without a signature")
		}
	})
}

func FuzzParseGroupTrail(f *testing.F) {
	seeds(f, encode(f, fixtureTrail(f)))
	chain := fixtureChain(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ledger.ParseGroupTrail(b)
		canonical(t, b, &v, nil, err)
		if err != nil || len(v.Handovers) == 0 {
			return
		}
		nobody := func(ledger.PublicKey, []byte, [ledger.SignatureSize]byte) bool { return false }
		groups := ledger.NewGroups(chain, 0, fixtureGroup())
		if err := groups.Follow(&v, nobody); err == nil || groups.Newest().Epoch != 0 {
			t.Fatalf("a handover holds without a signature: epoch %d, %v", groups.Newest().Epoch, err)
		}
	})
}

func FuzzAmount(f *testing.F) {
	for _, s := range []string{
		"0", "1", "01", "+1", "-1", "18446744073709551616", bound.String(), "1e9", `"7"`, `"07"`, `"\u0037"`, "\x41\x01", "\x42\x00\x01", "\x58\x01\x01",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		same := func(form string, again []byte, err error) {
			t.Helper()
			if err != nil || !bytes.Equal(again, b) {
				t.Fatalf("%s %q is taken for %q, %v", form, b, again, err)
			}
		}
		var a ledger.Amount
		if a.UnmarshalText(b) == nil {
			again, err := a.MarshalText()
			same("text", again, err)
		}
		if json.Valid(b) && a.UnmarshalJSON(b) == nil {
			again, err := a.MarshalJSON()
			same("JSON", again, err)
		}
		if a.UnmarshalCBOR(b) == nil {
			again, err := a.MarshalCBOR()
			same("CBOR", again, err)
		}
	})
}

func FuzzParseCommitment(f *testing.F) {
	f.Add(fixtureCommitment().Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ledger.ParseCommitment(b)
		if err == nil && !bytes.Equal(c.Bytes(), b) {
			t.Fatal("a commitment comes back as another")
		}
	})
}

func FuzzParseSignedBlock(f *testing.F) {
	seeds(f, encode(f, &ledger.SignedBlock{Block: encode(f, fixtureBlock(f)), Signatures: []ledger.HeaderSignature{signHeader(f, 1)}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ledger.ParseSignedBlock(b)
		canonical(t, b, &s, nil, err)
	})
}
