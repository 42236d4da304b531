package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
)

// The file "acknowledged" holds the end of what was acknowledged, twice, so
// that one write can tear one slot only. A slot, numbers little-endian:
//
//	"librumak" | version u32 | topic 16 bytes | sequence u64 | acknowledged u64 | crc u32
//
// The slot with the higher sequence counts.
const (
	ackedName    = "acknowledged"
	ackedMagic   = "librumak"
	ackedVersion = 1
	slotSize     = 48
	slotDistance = 4096 // another page, so another write of the file system
)

// acked is the open file. What it says never runs ahead of what is durable: it
// is written after the records were synced. It may lag by what was not synced
// itself when the power went.
type acked struct {
	file     vfs.File
	topic    ledger.ID
	sequence uint64
	end      uint64
	dirty    bool // written since the last sync
}

func slotBytes(topic ledger.ID, sequence, end uint64) []byte {
	b := make([]byte, 0, slotSize)
	b = append(b, ackedMagic...)
	b = binary.LittleEndian.AppendUint32(b, ackedVersion)
	b = append(b, topic[:]...)
	b = binary.LittleEndian.AppendUint64(b, sequence)
	b = binary.LittleEndian.AppendUint64(b, end)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// ackedFileBytes returns the file of a new log.
func ackedFileBytes(topic ledger.ID) []byte {
	b := make([]byte, slotDistance+slotSize)
	copy(b, slotBytes(topic, 0, 0))
	copy(b[slotDistance:], slotBytes(topic, 1, 0))
	return b
}

// parseAcked reads the newer slot of the file.
func parseAcked(b []byte) (a acked, err error) {
	found := false
	for _, at := range []int{0, slotDistance} {
		if len(b) < at+slotSize {
			continue
		}
		s := b[at : at+slotSize]
		if string(s[:8]) != ackedMagic || binary.LittleEndian.Uint32(s[8:]) != ackedVersion ||
			binary.LittleEndian.Uint32(s[44:]) != crc32.Checksum(s[:44], castagnoli) {
			continue
		}
		sequence := binary.LittleEndian.Uint64(s[28:])
		if found && sequence < a.sequence {
			continue
		}
		found = true
		copy(a.topic[:], s[12:28])
		a.sequence, a.end = sequence, binary.LittleEndian.Uint64(s[36:])
	}
	if !found {
		return a, fmt.Errorf("neither slot at byte 0 nor at byte %d is whole", slotDistance)
	}
	return a, nil
}

func openAcked(fs vfs.FS, path string, write bool) (*acked, error) {
	var f vfs.File
	var err error
	if write {
		f, err = fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	} else {
		f, err = fs.Open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	b := make([]byte, slotDistance+slotSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), f.Close())
	}
	a, err := parseAcked(b[:n])
	a.file = f
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errAckedUnreadable, err), f.Close())
	}
	return &a, nil
}

var errAckedUnreadable = errors.New("acknowledged end can't be read")

// set writes the new end over the older slot. It does not sync.
func (a *acked) set(end uint64) error {
	sequence := a.sequence + 1
	at := int64(sequence%2) * slotDistance
	if _, err := a.file.WriteAt(slotBytes(a.topic, sequence, end), at); err != nil {
		return fmt.Errorf("write acknowledged end %d: %w", end, err)
	}
	a.sequence, a.end, a.dirty = sequence, end, true
	return nil
}

func (a *acked) sync() error {
	if !a.dirty {
		return nil
	}
	if err := a.file.SyncData(); err != nil {
		return fmt.Errorf("sync acknowledged end %d: %w", a.end, err)
	}
	a.dirty = false
	return nil
}
