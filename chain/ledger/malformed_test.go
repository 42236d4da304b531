package ledger_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/librum/librum/chain/ledger"
)

func seal(kind ledger.Kind, payload []byte) []byte {
	e := ledger.Seal(kind, key(1).ID(), key(1).Sign, payload)
	return e.Bytes()
}

// changed returns value with change applied to it.
func changed[T any](value *T, change func(*T)) *T {
	change(value)
	return value
}

func TestTransactionRefusals(t *testing.T) {
	t.Parallel()
	tx := func(change func(*ledger.Transaction)) []byte {
		return encode(t, changed(fixtureTransaction(t), change))
	}
	good := encode(t, fixtureTransaction(t))
	wide := slices.Concat([]byte{0x98, 9}, good[1:])            // the array's head in two bytes
	version := slices.Concat(good[:1], []byte{24, 1}, good[2:]) // the version in two bytes
	tests := []struct {
		name    string
		payload []byte
		where   string
	}{
		{"no payload", nil, "encoding"},
		{"null", []byte{0xf6}, "byte 0"},
		{"not CBOR", []byte{0xff}, "encoding"},
		{"cut off", good[:len(good)-1], "encoding"},
		{"trailing byte", append(slices.Clone(good), 0), "encoding"},
		{"array head in two bytes", wide, "byte 0"},
		{"version in two bytes", version, "byte 1"},
		{"indefinite array", slices.Concat([]byte{0x9f}, good[1:], []byte{0xff}), "encoding"},
		{"a field too few", slices.Concat([]byte{0x88}, good[1:len(good)-9]), "encoding"},
		{"a field too many", slices.Concat([]byte{0x8a}, good[1:], []byte{0}), "encoding"},
		{"a map", encode(t, map[string]int{"version": 1}), "encoding"},
		{"tagged", slices.Concat([]byte{0xd8, 24}, good), "encoding"},
		{"chain as text", encode(t, []any{1, strings.Repeat("c", 32)}), "encoding"},
		{"short chain", slices.Concat(good[:2], []byte{0x58, 31}, good[5:]), "byte 3"},
		{"chain as list of numbers", slices.Concat(good[:2], encode(t, make([]int, 32)), good[36:]), "byte 2"},
		{"expiry as float", slices.Concat(good[:len(good)-9], []byte{0xf9, 0x3c, 0x00}), "Transaction.Expiry"},
		{"expiry over 63 bits", slices.Concat(good[:len(good)-9], []byte{0x1b}, bytes.Repeat([]byte{0xff}, 8)), "Transaction.Expiry"},
		{"arguments null", bytes.Replace(good, slices.Concat([]byte{0x58, 0x1f}, fixtureTransaction(t).Args), []byte{0xf6}, 1), "byte"},
		{"method not UTF-8", bytes.Replace(good, []byte("transfer"), []byte("transf\xff\xfe"), 1), "encoding"},
		{"version 0", tx(func(t *ledger.Transaction) { t.Version = 0 }), "version"},
		{"version 2", tx(func(t *ledger.Transaction) { t.Version = 2 }), "version"},
		{"no contract", tx(func(t *ledger.Transaction) { t.Contract = "" }), "contract"},
		{"long contract", tx(func(t *ledger.Transaction) { t.Contract = strings.Repeat("c", ledger.MaxNameBytes+1) }), "contract"},
		{"contract with a dot", tx(func(t *ledger.Transaction) { t.Contract = "a.b" }), "contract"},
		{"contract with an accent", tx(func(t *ledger.Transaction) { t.Contract = "tokén" }), "contract"},
		{"method starts with a digit", tx(func(t *ledger.Transaction) { t.Method = "1st" }), "method"},
		{"method starts with _", tx(func(t *ledger.Transaction) { t.Method = "_m" }), "method"},
		{"method with a space", tx(func(t *ledger.Transaction) { t.Method = "a b" }), "method"},
		{"no method", tx(func(t *ledger.Transaction) { t.Method = "" }), "method"},
		{"too large", tx(func(t *ledger.Transaction) { t.Args = make([]byte, ledger.MaxTransactionBytes) }), "length"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := ledger.ParseTransaction(seal(ledger.KindTransaction, tt.payload))
			wantMalformed(t, err, "transaction", tt.where)
		})
	}
	for _, name := range []string{"a", "Z9_", strings.Repeat("c", ledger.MaxNameBytes)} {
		b := seal(ledger.KindTransaction, tx(func(t *ledger.Transaction) { t.Contract, t.Method = name, name }))
		if _, _, err := ledger.ParseTransaction(b); err != nil {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

func TestRecordRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		kind   ledger.RecordKind
		change func(*ledger.Record)
		where  string
	}{
		{"version", ledger.RecordClock, func(r *ledger.Record) { r.Version = 2 }, "version"},
		{"kind 0", ledger.RecordClock, func(r *ledger.Record) { r.Kind = 0 }, "kind"},
		{"kind 5", ledger.RecordClock, func(r *ledger.Record) { r.Kind = 5 }, "kind"},
		{"time", ledger.RecordClock, func(r *ledger.Record) { r.Time = -1 }, "time"},
		{"no transactions", ledger.RecordTransactions, func(r *ledger.Record) { r.Transactions = nil }, "transactions"},
		{
			"too many transactions", ledger.RecordTransactions,
			func(r *ledger.Record) { r.Transactions = make([][]byte, ledger.MaxRecordTransactions+1) }, "transactions",
		},
		{"transactions in a clock", ledger.RecordClock, func(r *ledger.Record) { r.Transactions = [][]byte{{1}} }, "transactions"},
		{"transactions in a marker", ledger.RecordMarker, func(r *ledger.Record) { r.Transactions = [][]byte{{1}} }, "transactions"},
		{"marker without height", ledger.RecordMarker, func(r *ledger.Record) { r.Height = 0 }, "height"},
		{"wake with height", ledger.RecordWake, func(r *ledger.Record) { r.Height = 1 }, "height"},
		{"transactions with height", ledger.RecordTransactions, func(r *ledger.Record) { r.Height = 1 }, "height"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			payload := encode(t, changed(fixtureRecord(t, tt.kind), tt.change))
			_, _, err := ledger.ParseRecord(seal(ledger.KindRecord, payload))
			wantMalformed(t, err, "record", tt.where)
		})
	}
	good := encode(t, fixtureRecord(t, ledger.RecordClock))
	_, _, err := ledger.ParseRecord(seal(ledger.KindClock, slices.Concat(good[:len(good)-1], []byte{0xf6})))
	wantMalformed(t, err, "record", "byte") // a null list is the empty list, written otherwise
	_, _, err = ledger.ParseRecord(make([]byte, ledger.MaxRecordBytes+1))
	wantMalformed(t, err, "record", "length")
	_, err = changed(fixtureRecord(t, ledger.RecordClock), func(r *ledger.Record) { r.Kind = 9 }).Sign(key(1).ID(), key(1).Sign)
	wantMalformed(t, err, "record", "kind")

	full := fixtureRecord(t, ledger.RecordTransactions)
	full.Transactions = make([][]byte, ledger.MaxRecordTransactions)
	if _, _, err := ledger.ParseRecord(signedRecord(t, full)); err != nil {
		t.Errorf("a full record: %v", err)
	}
}

func TestHeaderRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*ledger.Header)
		where  string
	}{
		{"version", func(h *ledger.Header) { h.Version = 2 }, "version"},
		{"height", func(h *ledger.Header) { h.Height = 0 }, "height"},
		{"offsets", func(h *ledger.Header) { h.First.Offset = h.Last.Offset + 1 }, "last position"},
		{"indexes", func(h *ledger.Header) { h.First = h.Last; h.First.Index++ }, "last position"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			block := fixtureBlock(t)
			tt.change(&block.Header)
			_, err := ledger.ParseHeader(encode(t, &block.Header))
			wantMalformed(t, err, "header", tt.where)
			_, err = ledger.ParseBlock(encode(t, block))
			wantMalformed(t, err, "header", tt.where)
		})
	}
	_, err := ledger.ParseHeader(make([]byte, ledger.MaxHeaderBytes+1))
	wantMalformed(t, err, "header", "length")
	_, err = ledger.ParseHeaderSignature([]byte{0x80})
	wantMalformed(t, err, "header signature", "encoding")
	_, err = ledger.ParseHeaderSignature(make([]byte, ledger.MaxHeaderBytes+1))
	wantMalformed(t, err, "header signature", "length")
}

func TestBlockRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*ledger.Block)
		want   string
	}{
		{"no records", func(b *ledger.Block) { b.Records = nil }, "none"},
		{"neither whole nor skipped", func(b *ledger.Block) { b.Records[1].Skipped = nil }, "record 1"},
		{"whole and skipped", func(b *ledger.Block) { b.Records[0].Skipped = make([]byte, 32) }, "record 0"},
		{"short digest", func(b *ledger.Block) { b.Records[1].Skipped = make([]byte, 31) }, "31 bytes"},
		{"long digest", func(b *ledger.Block) { b.Records[1].Skipped = make([]byte, 33) }, "33 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ledger.ParseBlock(encode(t, changed(fixtureBlock(t), tt.change)))
			wantMalformed(t, err, "block", "records")
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v does not name %q", err, tt.want)
			}
		})
	}
	// A digest's length in place of an envelope would be one leaf with two meanings.
	block := fixtureBlock(t)
	block.Records[1] = ledger.BlockRecord{Envelope: make([]byte, 32)}
	_, _, _, err := block.Roots()
	wantMalformed(t, err, "record", "byte 0")
}

func TestOtherRefusals(t *testing.T) {
	t.Parallel()
	receipt := changed(fixtureReceipt(t), func(r *ledger.Receipt) { r.Version = 7 })
	_, _, err := ledger.ParseReceipt(seal(ledger.KindReceipt, encode(t, receipt)))
	wantMalformed(t, err, "receipt", "version")
	_, _, err = ledger.ParseReceipt(seal(ledger.KindReceipt, []byte{0x80}))
	wantMalformed(t, err, "receipt", "encoding")
	_, _, err = ledger.ParseReceipt(nil)
	wantMalformed(t, err, "receipt", "byte 0")
	_, err = ledger.ParseResult([]byte{0x85})
	wantMalformed(t, err, "result", "encoding")
	_, err = ledger.ParseResultProof(make([]byte, ledger.MaxProofBytes+1))
	wantMalformed(t, err, "proof", "length")
	_, err = ledger.ParseResultProof(encode(t, changed(fixtureProof(t), func(p *ledger.ResultProof) {
		p.Signatures = make([]ledger.HeaderSignature, 1025)
	})))
	wantMalformed(t, err, "proof", "encoding")
	_, _, err = ledger.ParseGenesis([]byte{0xa0})
	wantMalformed(t, err, "genesis", "encoding")
	for _, n := range []int{0, ledger.CommitmentSize - 1, ledger.CommitmentSize + 1} {
		_, err = ledger.ParseCommitment(make([]byte, n))
		wantMalformed(t, err, "commitment", "length")
	}
}

// TestModes holds that the fixed options of the codec build, and that what
// RFC 8949 §4.2 leaves open is closed.
func TestModes(t *testing.T) {
	t.Parallel()
	type row struct {
		Name string         `cbor:"name"`
		Map  map[string]int `cbor:"map"`
	}
	var r row
	for name, b := range map[string][]byte{
		"unknown field":  encode(t, map[string]any{"name": "n", "map": map[string]int{}, "more": 1}),
		"missing field":  encode(t, map[string]any{"name": "n"}),
		"field's case":   encode(t, map[string]any{"Name": "n", "map": map[string]int{}}),
		"unsorted map":   []byte("\xa2\x64name\x61n\x63map\xa0"),
		"duplicate key":  []byte("\xa2\x63map\xa2\x61a\x01\x61a\x01\x64name\x61n"),
		"null for a map": []byte("\xa2\x63map\xf6\x64name\x61n"),
	} {
		if err := ledger.Decode("row", b, 1000, &r); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
	if b := encode(t, &row{Name: "n"}); !bytes.Equal(b, []byte("\xa2\x63map\xa0\x64name\x61n")) {
		t.Errorf("a nil map is %x, want the empty map", b)
	}
	if b := encode(t, [][]byte{nil}); !bytes.Equal(b, []byte{0x81, 0x40}) {
		t.Errorf("nil bytes are %x, want the empty byte string", b)
	}
	for _, v := range []any{make(chan int), math.NaN(), math.Inf(1), []float32{float32(math.Inf(-1))}} {
		if b, err := ledger.Encode(v); err == nil {
			t.Errorf("%v is encoded as %x", v, b)
		}
	}
	var f float64
	for _, b := range [][]byte{{0xf9, 0x7e, 0x00}, {0xf9, 0x7c, 0x00}, {0xf9, 0xfc, 0x00}, {0xfa, 0x3f, 0x80, 0, 0}} {
		if err := ledger.Decode("number", b, 9, &f); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%x: got %v, want NaN, infinities and long floats refused", b, err)
		}
	}
	deep := append(bytes.Repeat([]byte{0x81}, 40), 0)
	var v any
	if err := ledger.Decode("deep", deep, 100, &v); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("deep nesting: %v", err)
	}
}

// TestHeads compares the heads we write by hand with those of the library.
func TestHeads(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 23, 24, 25, 255, 256, 257, 65535, 65536, 100_000} {
		payload := make([]byte, n)
		e := ledger.Envelope{Payload: payload}
		want, err := cbor.Marshal([]any{"Signature1", protectedOf(e.Key), []byte("wake"), payload})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.SigStructure(ledger.KindWake); !bytes.Equal(got, want) {
			t.Errorf("payload of %d bytes: Sig_structure differs from the library's", n)
		}
	}
}

func protectedOf(key ledger.Digest) []byte {
	return append([]byte{0xa2, 0x01, 0x27, 0x04, 0x58, 0x20}, key[:]...)
}
