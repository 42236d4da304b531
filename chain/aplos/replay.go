package aplos

import (
	"encoding/binary"
	"fmt"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// LogRow is the key of the row that holds where the log stands: log time, and
// which blocks' executed ids are still kept.
const LogRow contract.Key = "sys/log"

// logState is the content of LogRow.
type logState struct {
	_     struct{} `cbor:",toarray"`
	Clock ledger.LogClock
	Live  []liveBlock
}

// liveBlock is a block some of whose transactions have not expired yet.
type liveBlock struct {
	_      struct{} `cbor:",toarray"`
	Height uint64
	Expiry int64 // the latest expiry of its transactions, log time in ms
}

func executedRow(height uint64) contract.Key {
	return contract.Key(binary.BigEndian.AppendUint64([]byte("sys/executed/"), height))
}

// replay knows the ids that were executed and have not expired. They stand in
// one row per block, deleted with a later block once the last has expired.
type replay struct {
	ids  map[ledger.Digest]uint64 // id → height
	open []byte                   // ids of the open block, one after another
	last int64                    // their latest expiry
	live []liveBlock
}

func loadReplay(s contract.State, live []liveBlock) (*replay, error) {
	r := &replay{ids: map[ledger.Digest]uint64{}, live: live}
	for _, b := range live {
		ids, ok, err := s.Get(executedRow(b.Height))
		if err != nil {
			return nil, err
		}
		if !ok || len(ids)%32 != 0 {
			return nil, fmt.Errorf("read executed ids of block %d: row is missing or broken", b.Height)
		}
		for ; len(ids) > 0; ids = ids[32:] {
			r.ids[ledger.Digest(ids[:32])] = b.Height
		}
	}
	return r, nil
}

func (r *replay) seen(id ledger.Digest) bool {
	_, ok := r.ids[id]
	return ok
}

func (r *replay) add(id ledger.Digest, expiry int64, height uint64) {
	r.ids[id] = height
	r.open = append(r.open, id[:]...)
	r.last = max(r.last, expiry)
}

// seal returns the writes that keep the open block's ids and drop those of
// blocks whose transactions have all expired.
func (r *replay) seal(s contract.State, height uint64, logTime int64) ([]ledger.Write, error) {
	var writes []ledger.Write
	if len(r.open) > 0 {
		writes = append(writes, ledger.Write{Key: []byte(executedRow(height)), Value: r.open})
		r.live = append(r.live, liveBlock{Height: height, Expiry: r.last})
		r.open, r.last = nil, 0
	}
	kept := make([]liveBlock, 0, len(r.live))
	for _, b := range r.live {
		if b.Expiry >= logTime || b.Height == height {
			kept = append(kept, b)
			continue
		}
		ids, ok, err := s.Get(executedRow(b.Height))
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("read executed ids of block %d: row is missing", b.Height)
		}
		for ; len(ids) >= 32; ids = ids[32:] {
			delete(r.ids, ledger.Digest(ids[:32]))
		}
		writes = append(writes, ledger.Write{Key: []byte(executedRow(b.Height)), Delete: true})
	}
	r.live = kept
	return writes, nil
}
