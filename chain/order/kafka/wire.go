package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	client "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
)

// The requests that kafka-go has not, or not in the version needed. Each writes
// itself onto a connection that kafka-go opened, authenticated and keeps.

const (
	clientID         = "librum"
	maxResponseBytes = 4 << 20 // of the few that are read here
)

var errResponse = errors.New("response of the broker is malformed")

// askTopic is a Metadata request of version 12, the first that names topics by
// id in the answer and is served by all brokers since 3.1.
type askTopic struct{ name string }

// topicInfo answers it.
type topicInfo struct {
	err        client.Error // 0: none
	id         [16]byte
	partitions int
	replicas   int // of partition 0
}

func (askTopic) ApiKey() protocol.ApiKey  { return protocol.Metadata }
func (topicInfo) ApiKey() protocol.ApiKey { return protocol.Metadata }

// Required implements protocol.RawExchanger.
func (askTopic) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange implements protocol.RawExchanger.
func (q askTopic) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	body := binary.AppendUvarint(nil, 2) // one topic
	body = append(body, make([]byte, 16)...)
	body = append(binary.AppendUvarint(body, uint64(len(q.name)+1)), q.name...)
	body = append(body, 0) // no tags
	body = append(body, 0) // never make it
	body = append(body, 0) // no list of permissions
	body = append(body, 0) // no tags
	r, err := exchange(rw, protocol.Metadata, 12, true, body)
	if err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w", q.name, err)
	}
	info, err := parseTopicInfo(r)
	if err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w", q.name, err)
	}
	return &info, nil
}

func parseTopicInfo(b []byte) (info topicInfo, err error) {
	r := reader{b: b}
	r.skip(4) // throttle
	for range r.count() {
		r.skip(4) // node
		r.bytes()
		r.skip(4) // port
		r.bytes() // rack
		r.tags()
	}
	r.bytes() // cluster
	r.skip(4) // controller
	if n := r.count(); n != 1 && !r.bad {
		return info, fmt.Errorf("%w: it has %d topics, want 1", errResponse, n)
	}
	info.err = client.Error(int16(binary.BigEndian.Uint16(r.skip(2))))
	r.bytes() // name
	copy(info.id[:], r.skip(16))
	r.skip(1) // internal
	info.partitions = r.count()
	for i := range info.partitions {
		r.skip(2 + 4 + 4 + 4) // error, index, leader, its epoch
		replicas := r.count()
		r.skip(4 * replicas)
		r.skip(4 * r.count()) // in sync
		r.skip(4 * r.count()) // offline
		r.tags()
		if i == 0 {
			info.replicas = replicas
		}
	}
	if r.bad {
		return info, errResponse
	}
	return info, nil
}

// askProducer asks any broker for a new producer id. kafka-go would look for a
// coordinator of transactions first, and there are none.
type askProducer struct{}

func (askProducer) ApiKey() protocol.ApiKey { return protocol.InitProducerId }

// Required implements protocol.RawExchanger.
func (askProducer) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange implements protocol.RawExchanger.
func (askProducer) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	return protocol.RoundTrip(rw, 1, 1, clientID, &initproducerid.Request{})
}

// deleteRecords lets the leader forget what stands before an offset.
type deleteRecords struct {
	topic  string
	before int64
}

type deletedRecords struct{ err client.Error }

func (deleteRecords) ApiKey() protocol.ApiKey  { return protocol.DeleteRecords }
func (deletedRecords) ApiKey() protocol.ApiKey { return protocol.DeleteRecords }

// Required implements protocol.RawExchanger.
func (deleteRecords) Required(map[protocol.ApiKey]int16) bool { return true }

// Broker implements protocol.BrokerMessage: only the leader does it.
func (q deleteRecords) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	broker, ok := cluster.Brokers[cluster.Topics[q.topic].Partitions[0].Leader]
	if !ok {
		return protocol.Broker{ID: -1}, protocol.NewErrNoLeader(q.topic, 0)
	}
	return broker, nil
}

// RawExchange implements protocol.RawExchanger.
func (q deleteRecords) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	body := binary.BigEndian.AppendUint32(nil, 1)
	body = binary.BigEndian.AppendUint16(body, uint16(len(q.topic)))
	body = append(body, q.topic...)
	body = binary.BigEndian.AppendUint32(body, 1)
	body = binary.BigEndian.AppendUint32(body, 0) // partition
	body = binary.BigEndian.AppendUint64(body, uint64(q.before))
	body = binary.BigEndian.AppendUint32(body, uint32(requestTime.Milliseconds()))
	b, err := exchange(rw, protocol.DeleteRecords, 1, false, body)
	if err != nil {
		return nil, fmt.Errorf("delete records before %d: %w", q.before, err)
	}
	return parseDeletedRecords(b)
}

func parseDeletedRecords(b []byte) (*deletedRecords, error) {
	r := reader{b: b}
	r.skip(4 + 4)                                   // throttle, one topic
	r.skip(int(binary.BigEndian.Uint16(r.skip(2)))) // its name
	r.skip(4 + 4 + 8)                               // one partition, its index, the new start
	code := client.Error(int16(binary.BigEndian.Uint16(r.skip(2))))
	if r.bad {
		return nil, fmt.Errorf("delete records: %w", errResponse)
	}
	return &deletedRecords{err: code}, nil
}

// exchange sends a request and returns the body of its response. flexible says
// which headers that version has (KIP-482).
func exchange(rw io.ReadWriter, key protocol.ApiKey, version int16, flexible bool, body []byte) ([]byte, error) {
	const correlation = 1 // a connection has one request under way
	b := make([]byte, 4, 64+len(body))
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, correlation)
	b = binary.BigEndian.AppendUint16(b, uint16(len(clientID)))
	b = append(b, clientID...)
	if flexible {
		b = append(b, 0) // no tags
	}
	b = append(b, body...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	if _, err := rw.Write(b); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if got := binary.BigEndian.Uint32(head[4:]); size < 4 || size > maxResponseBytes || got != correlation {
		return nil, fmt.Errorf("%w: %d bytes that answer request %d", errResponse, size, got)
	}
	answer := make([]byte, size-4)
	if _, err := io.ReadFull(rw, answer); err != nil {
		return nil, err
	}
	if flexible {
		r := reader{b: answer}
		r.tags()
		answer = r.b
		if r.bad {
			return nil, errResponse
		}
	}
	return answer, nil
}

// reader takes values off a response. Once something is missing it is bad and
// yields zeros.
type reader struct {
	b   []byte
	bad bool
}

var zeros [16]byte

// skip takes n bytes off; those who want none of it get zeros where they are
// missing, of which there are as many as any value here has.
func (r *reader) skip(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.b, r.bad = nil, true
		return zeros[:]
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads the length of a compact list, which is no longer than the bytes
// left: its elements have one at least.
func (r *reader) count() int {
	n := r.uvarint()
	if n == 0 {
		return 0
	}
	if n-1 > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return 0
	}
	return int(n - 1)
}

func (r *reader) bytes() { r.skip(r.count()) }

func (r *reader) tags() {
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		r.uvarint()
		size := r.uvarint()
		r.skip(int(min(size, maxResponseBytes)))
	}
}
