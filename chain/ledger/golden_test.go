package ledger_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/librum/librum/chain/ledger"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing with them")

// format is a wire format with a fixed example and its parser, which returns
// the value that was encoded.
type format struct {
	name  string
	bytes func(testing.TB) []byte
	value func(testing.TB) any
	parse func([]byte) (any, error)
}

func formats() []format {
	record := func(kind ledger.RecordKind) format {
		return format{
			"record-" + kind.String(),
			func(tb testing.TB) []byte { tb.Helper(); return signedRecord(tb, fixtureRecord(tb, kind)) },
			func(tb testing.TB) any { tb.Helper(); return fixtureRecord(tb, kind) },
			func(b []byte) (any, error) { r, _, err := ledger.ParseRecord(b); return &r, err },
		}
	}
	plain := func(name string, value func(testing.TB) any, parse func([]byte) (any, error)) format {
		return format{name, func(tb testing.TB) []byte { tb.Helper(); return encode(tb, value(tb)) }, value, parse}
	}
	return []format{
		{
			"transaction", signedTransaction,
			func(tb testing.TB) any { tb.Helper(); return fixtureTransaction(tb) },
			func(b []byte) (any, error) { t, _, err := ledger.ParseTransaction(b); return &t, err },
		},
		record(ledger.RecordTransactions), record(ledger.RecordWake), record(ledger.RecordClock), record(ledger.RecordMarker),
		plain("result", func(tb testing.TB) any { tb.Helper(); return &fixtureResults(tb)[0] },
			func(b []byte) (any, error) { r, err := ledger.ParseResult(b); return &r, err }),
		plain("header", func(tb testing.TB) any { tb.Helper(); return &fixtureBlock(tb).Header },
			func(b []byte) (any, error) { h, err := ledger.ParseHeader(b); return &h, err }),
		plain("header-signature", func(tb testing.TB) any { tb.Helper(); s := signHeader(tb, 1); return &s },
			func(b []byte) (any, error) { s, err := ledger.ParseHeaderSignature(b); return &s, err }),
		plain("block", func(tb testing.TB) any { tb.Helper(); return fixtureBlock(tb) },
			func(b []byte) (any, error) { k, err := ledger.ParseBlock(b); return &k, err }),
		plain("signed-block", func(tb testing.TB) any {
			tb.Helper()
			return &ledger.SignedBlock{Block: encode(tb, fixtureBlock(tb)), Signatures: []ledger.HeaderSignature{signHeader(tb, 1)}}
		}, func(b []byte) (any, error) { s, err := ledger.ParseSignedBlock(b); return &s, err }),
		plain("group", func(testing.TB) any { g := fixtureGroup(); return &g },
			func(b []byte) (any, error) {
				g := new(ledger.Group)
				return g, ledger.Decode("group", b, len(b), g)
			}),
		plain("genesis", func(testing.TB) any { return fixtureGenesis() },
			func(b []byte) (any, error) { g, _, err := ledger.ParseGenesis(b); return g, err }),
		{
			"receipt", signedReceipt,
			func(tb testing.TB) any { tb.Helper(); return fixtureReceipt(tb) },
			func(b []byte) (any, error) { r, _, err := ledger.ParseReceipt(b); return &r, err },
		},
		plain("possession", func(tb testing.TB) any { tb.Helper(); return fixturePossession(tb) },
			func(b []byte) (any, error) {
				p := new(ledger.Possession)
				return p, ledger.Decode("possession", b, len(b), p)
			}),
		plain("proof", func(tb testing.TB) any { tb.Helper(); return fixtureProof(tb) },
			func(b []byte) (any, error) { p, err := ledger.ParseResultProof(b); return &p, err }),
		plain("group-trail", func(tb testing.TB) any { tb.Helper(); return fixtureTrail(tb) },
			func(b []byte) (any, error) { t, err := ledger.ParseGroupTrail(b); return &t, err }),
		{
			"commitment",
			func(testing.TB) []byte { return fixtureCommitment().Bytes() },
			func(testing.TB) any { return fixtureCommitment() },
			func(b []byte) (any, error) { return ledger.ParseCommitment(b) },
		},
	}
}

// TestGolden holds the bytes of every format. A change of one of these files
// is a new protocol version, never a rewrite of this one.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, f := range formats() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			b := f.bytes(t)
			path := filepath.Join("testdata", f.name+".golden")
			text := render(t, f.name, b)
			if *rewrite {
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("read golden file: %v; go test -rewrite writes it", err)
			}
			if !bytes.Equal(text, want) {
				t.Errorf("%s differs from the golden file:\n%s\nwant:\n%s", f.name, text, want)
			}
			got, err := f.parse(goldenBytes(t, want))
			if err != nil {
				t.Fatal(err)
			}
			// Compared by their bytes too, since nil and empty slices differ in Go alone.
			if value := f.value(t); !reflect.DeepEqual(got, value) && !bytes.Equal(encodeAny(t, got), encodeAny(t, value)) {
				t.Errorf("parsed %+v, want %+v", got, value)
			}
		})
	}
}

// TestKinds holds which kind of signature each kind of record has.
func TestKinds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[ledger.RecordKind]ledger.Kind{
		ledger.RecordTransactions: ledger.KindRecord, ledger.RecordWake: ledger.KindWake,
		ledger.RecordClock: ledger.KindClock, ledger.RecordMarker: ledger.KindMarker, 9: "",
	} {
		record := ledger.Record{Kind: kind}
		if got := record.SigKind(); got != want || kind.String() == "" {
			t.Errorf("a record of kind %s is signed as %q, want %q", kind, got, want)
		}
	}
	if s := ledger.RecordKind(9).String(); s != "record kind 9" {
		t.Errorf("an unknown kind is called %q", s)
	}
	header := fixtureBlock(t).Header
	if d, err := header.Digest(); err != nil || d != ledger.Hash(headerBytes(t)) {
		t.Errorf("chain hash %s, %v", d, err)
	}
}

// render writes bytes as hexadecimal lines and, below, as CBOR diagnostic
// notation for the reader (RFC 8949 §8).
func render(tb testing.TB, name string, b []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	for chunk := range slices.Chunk(b, 32) {
		out.WriteString(hex.EncodeToString(chunk) + "\n")
	}
	out.WriteString("\n# SHA-256 " + ledger.Hash(b).String() + "\n")
	if name == "commitment" {
		return out.Bytes()
	}
	mode, err := cbor.DiagOptions{}.DiagMode()
	if err != nil {
		tb.Fatal(err)
	}
	payloads := [][]byte{b}
	if e, err := ledger.ParseEnvelope(name, b, len(b)); err == nil {
		payloads = append(payloads, e.Payload)
	}
	for _, p := range payloads {
		text, err := mode.Diagnose(p)
		if err != nil {
			tb.Fatal(err)
		}
		out.WriteString("# " + strings.ReplaceAll(text, ", ", ",\n#   ") + "\n")
	}
	return out.Bytes()
}

// goldenBytes reads the hexadecimal lines of a golden file.
func goldenBytes(tb testing.TB, text []byte) []byte {
	tb.Helper()
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			digits.WriteString(strings.TrimSpace(line))
		}
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func encodeAny(tb testing.TB, v any) []byte {
	tb.Helper()
	if c, ok := v.(*ledger.Commitment); ok {
		return c.Bytes()
	}
	return encode(tb, v)
}
