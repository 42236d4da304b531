package kafka

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/librum/librum/chain/order"
)

// maxBatchBytes bounds an encoded batch; the topic's max.message.bytes is at
// least that. The longest record fits.
const maxBatchBytes = order.MaxRecordBytes + 64<<10

// batchHeader is the length of a batch without its records, recordOverhead the
// most that a record adds to its bytes.
const (
	batchHeader    = 61
	recordOverhead = 1 + 3*binary.MaxVarintLen32 + 3
)

// producer is an idempotent producer's state (KIP-98): the broker takes a batch
// of the next sequence, and answers one that it has already with its offset.
type producer struct {
	id       int64
	epoch    int16
	sequence int32
}

// advance is sequence arithmetic as Kafka does it, which goes on at 0 behind
// the largest int32.
func (p *producer) advance(records int) {
	p.sequence = int32((int64(p.sequence) + int64(records)) & 0x7fffffff)
}

// encodeBatch returns a record set of one batch of format 2
// (https://kafka.apache.org/documentation/#recordbatch), its length in front.
// The records have no key, no headers, and no time.
func encodeBatch(p producer, records [][]byte) []byte {
	size := 4 + batchHeader
	for _, r := range records {
		size += len(r) + recordOverhead
	}
	b := make([]byte, 0, size)
	b = append(b, make([]byte, 4)...)                // length of the set, below
	b = append(b, make([]byte, 8)...)                // base offset: the broker's to say
	b = append(b, make([]byte, 4)...)                // length of the batch, below
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // leader epoch: not known
	b = append(b, 2)                                 // format
	b = append(b, make([]byte, 4)...)                // CRC32C, below
	b = append(b, 0, 0)                              // attributes: no compression
	b = binary.BigEndian.AppendUint32(b, uint32(len(records)-1))
	b = append(b, make([]byte, 8+8)...) // first and last time: the broker's to say
	b = binary.BigEndian.AppendUint64(b, uint64(p.id))
	b = binary.BigEndian.AppendUint16(b, uint16(p.epoch))
	b = binary.BigEndian.AppendUint32(b, uint32(p.sequence))
	b = binary.BigEndian.AppendUint32(b, uint32(len(records)))
	var scratch []byte
	for i, r := range records {
		scratch = append(scratch[:0], 0)                      // attributes
		scratch = binary.AppendVarint(scratch, 0)             // time, from the batch's
		scratch = binary.AppendVarint(scratch, int64(i))      // offset, from the batch's
		scratch = binary.AppendVarint(scratch, -1)            // no key
		scratch = binary.AppendVarint(scratch, int64(len(r))) // value
		b = binary.AppendVarint(b, int64(len(scratch)+len(r)+1))
		b = append(append(b, scratch...), r...)
		b = append(b, 0) // no headers
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	binary.BigEndian.PutUint32(b[12:], uint32(len(b)-16))
	binary.BigEndian.PutUint32(b[21:], crc32.Checksum(b[25:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}
