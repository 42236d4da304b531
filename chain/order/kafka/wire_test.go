package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	"pgregory.net/rapid"
)

// TestEncodeBatch has kafka-go read what is written here.
func TestEncodeBatch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := producer{
			id: rapid.Int64Min(0).Draw(rt, "id"), epoch: rapid.Int16Min(0).Draw(rt, "epoch"), sequence: rapid.Int32Min(0).Draw(rt, "sequence"),
		}
		records := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 1, 200).Draw(rt, "records")
		encoded := encodeBatch(p, records)
		var set protocol.RecordSet
		if n, err := set.ReadFrom(bytes.NewReader(encoded)); err != nil || n != int64(len(encoded)) {
			rt.Fatalf("%d of %d bytes were read, %v", n, len(encoded), err)
		}
		stream, ok := set.Records.(*protocol.RecordStream)
		if !ok || len(stream.Records) != 1 {
			rt.Fatalf("read %T, want one batch", set.Records)
		}
		batch, ok := stream.Records[0].(*protocol.RecordBatch)
		if !ok || batch.ProducerID != p.id || batch.ProducerEpoch != p.epoch || batch.BaseSequence != p.sequence {
			rt.Fatalf("batch is %+v, want producer %+v", batch, p)
		}
		for i, want := range records {
			r, err := batch.ReadRecord()
			if err != nil || r.Offset != int64(i) || r.Time.UnixMilli() != 0 || r.Key != nil {
				rt.Fatalf("record %d: %+v, %v", i, r, err)
			}
			if value, err := valueOf(r); err != nil || !bytes.Equal(value, want) {
				rt.Fatalf("record %d is %x, %v; want %x", i, value, err, want)
			}
		}
		if _, err := batch.ReadRecord(); !errors.Is(err, io.EOF) {
			rt.Fatalf("behind the last record: %v", err)
		}
	})
}

// TestBatchSize holds that what batch takes for the size of a record is enough.
func TestBatchSize(t *testing.T) {
	t.Parallel()
	records := make([][]byte, 40_000)
	if size := len(encodeBatch(producer{}, records)); size > 4+batchHeader+len(records)*recordOverhead {
		t.Errorf("%d empty records are %d bytes", len(records), size)
	}
	if size := len(encodeBatch(producer{}, [][]byte{make([]byte, maxBatchBytes-batchHeader-recordOverhead)})); size > 4+maxBatchBytes {
		t.Errorf("the longest record makes a batch of %d bytes, at most %d are allowed", size-4, maxBatchBytes)
	}
}

func TestSequenceWraps(t *testing.T) {
	t.Parallel()
	p := producer{sequence: math.MaxInt32 - 1}
	for i, want := range []int32{math.MaxInt32, 0, 1} {
		if p.advance(1); p.sequence != want {
			t.Errorf("step %d: sequence %d, want %d", i, p.sequence, want)
		}
	}
}

// topicAnswer is a Metadata answer of version 12, without its header.
func topicAnswer(id byte) []byte {
	b := []byte{0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 'h', 0, 0, 0, 9, 0, 0, 2, 'c', 0, 0, 0, 1, 2, 0, 0, 2, 't'}
	b = append(b, bytes.Repeat([]byte{id}, 16)...)
	b = append(b, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5)
	b = append(b, 3, 0, 0, 0, 1, 0, 0, 0, 2, 2, 0, 0, 0, 1, 1, 0)
	return append(b, 0, 0, 0, 0, 0, 0)
}

func TestParseTopicInfo(t *testing.T) {
	t.Parallel()
	whole := topicAnswer(7)
	info, err := parseTopicInfo(whole)
	if err != nil || info.id != [16]byte(bytes.Repeat([]byte{7}, 16)) || info.partitions != 1 || info.replicas != 2 || info.err != 0 {
		t.Fatalf("%+v, %v", info, err)
	}
	for cut := range len(whole) - 6 { // the last six bytes are not looked at
		if _, err := parseTopicInfo(whole[:cut]); !errors.Is(err, errResponse) {
			t.Errorf("cut to %d bytes: %v, want errResponse", cut, err)
		}
	}
}

func FuzzParseTopicInfo(f *testing.F) {
	f.Add(topicAnswer(1))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		if info, err := parseTopicInfo(b); err == nil && info.partitions > len(b) {
			t.Errorf("%d partitions in %d bytes", info.partitions, len(b))
		}
	})
}

func FuzzParseDeletedRecords(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 3})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if done, err := parseDeletedRecords(b); err == nil && len(b) < 28 {
			t.Errorf("%d bytes read as %v", len(b), done)
		}
	})
}

// stream answers a request with what it holds.
type stream struct {
	bytes.Buffer
	answer io.Reader
}

func (s *stream) Read(p []byte) (int, error) { return s.answer.Read(p) }

func TestExchange(t *testing.T) {
	t.Parallel()
	frame := func(size, correlation uint32, rest ...byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, size)
		return append(binary.BigEndian.AppendUint32(b, correlation), rest...)
	}
	for name, c := range map[string]struct {
		answer   []byte
		flexible bool
		want     string
		err      error
	}{
		"whole":               {answer: frame(6, 1, 'o', 'k'), want: "ok"},
		"with tags":           {answer: frame(10, 1, 1, 5, 1, 'x', 'o', 'k'), flexible: true, want: "ok"},
		"another request's":   {answer: frame(6, 2, 'o', 'k'), err: errResponse},
		"too long":            {answer: frame(maxResponseBytes+1, 1), err: errResponse},
		"shorter than a head": {answer: frame(3, 1), err: errResponse},
		"cut":                 {answer: frame(9, 1, 'o', 'k'), err: io.ErrUnexpectedEOF},
		"endless tags":        {answer: frame(9, 1, 0xff, 0xff, 0xff, 0xff, 0x0f), flexible: true, err: errResponse},
	} {
		s := &stream{answer: bytes.NewReader(c.answer)}
		got, err := exchange(s, protocol.Metadata, 12, c.flexible, []byte("body"))
		if !errors.Is(err, c.err) || err == nil && string(got[:2]) != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if b := s.Bytes(); int(binary.BigEndian.Uint32(b)) != len(b)-4 || !bytes.HasSuffix(b, []byte("body")) {
			t.Errorf("%s: request is %x", name, b)
		}
	}
}

// TestSettings holds what a topic may have, at both ends of each range.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		safe        bool
		want        string
	}{
		{"retention.ms", "-1", true, "-1"},
		{"retention.ms", "604800000", false, "-1"},
		{"cleanup.policy", "", false, "delete"},
		{"max.message.bytes", "1114111", false, "1114112 to 16777216"},
		{"max.message.bytes", "1114112", true, "1114112 to 16777216"},
		{"max.message.bytes", "16777216", true, "1114112 to 16777216"},
		{"max.message.bytes", "16777217", false, "1114112 to 16777216"},
		{"max.message.bytes", "many", false, "1114112 to 16777216"},
		{"min.insync.replicas", "1", false, "2 or more"},
		{"min.insync.replicas", "2", true, "2 or more"},
		{"min.insync.replicas", "3", true, "2 or more"},
	} {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.name == c.name })
		if i < 0 || settings[i].safe(c.value) != c.safe || settings[i].want() != c.want {
			t.Errorf("%s of %q: want safe %t, and %q in what is said", c.name, c.value, c.safe, c.want)
		}
	}
}
