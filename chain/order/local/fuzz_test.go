package local

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/librum/librum/chain/ledger"
)

// FuzzScan reads any bytes as the frames of a segment: it ends, never panics,
// and what it returns encodes to what was read.
func FuzzScan(f *testing.F) {
	one := appendFrame(nil, 7, frame{payload: []byte("record")})
	two := appendFrame(bytes.Clone(one), 7, frame{offset: 1, acked: 1})
	f.Add(one)
	f.Add(two)
	f.Add(two[:len(two)-1])
	f.Add(make([]byte, 100))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := scanner{file: bytes.NewReader(b), seed: 7, maxRecord: 1 << 10, end: int64(len(b)), chunk: 32}
		var again []byte
		for {
			fr, err := s.next()
			if errors.Is(err, io.EOF) || errors.Is(err, errBadFrame) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			again = appendFrame(again, 7, fr)
		}
		if !bytes.Equal(again, b[:s.pos]) {
			t.Fatalf("frames encode to %x, were %x", again, b[:s.pos])
		}
		laterAcknowledged(b, 7, 0, 1<<10)
	})
}

// FuzzHeaders reads any bytes as a segment header and as the acknowledged file.
func FuzzHeaders(f *testing.F) {
	f.Add(segmentHeader{topic: ledger.ID{1}, base: 2, previous: 1, salt: 3}.bytes())
	f.Add(ackedFileBytes(ledger.ID{1}))
	f.Add(slotBytes(ledger.ID{2}, 9, 9))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := parseSegmentHeader(b); err == nil && !bytes.Equal(h.bytes(), b) {
			t.Fatalf("header encodes to %x, was %x", h.bytes(), b)
		}
		if a, err := parseAcked(b); err == nil && !bytes.Contains(b, slotBytes(a.topic, a.sequence, a.end)) {
			t.Fatal("the acknowledged end stands in no slot")
		}
	})
}
