package aplos

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// LogRow is the key of the row that holds log time.
const LogRow contract.Key = "sys/log"

// executedPrefix starts the keys of the rows of executed ids, one per block:
// the latest expiry of its transactions, 8 bytes big-endian, then the ids.
const executedPrefix contract.Key = "sys/executed/"

const expirySize = 8

func executedRow(height uint64) contract.Key {
	return contract.Key(binary.BigEndian.AppendUint64([]byte(executedPrefix), height))
}

// liveBlock is a block some of whose transactions have not expired yet.
type liveBlock struct {
	height uint64
	expiry int64 // the latest expiry of its transactions, log time in ms
}

// replay knows the ids that were executed and have not expired. They stand in
// one row per block, deleted with a later block once the last has expired.
type replay struct {
	mu   sync.RWMutex             // held to change ids, and by readers that are not the executing goroutine
	ids  map[ledger.Digest]uint64 // id → height
	open []byte                   // ids of the open block, one after another
	last int64                    // their latest expiry
	live []liveBlock              // ascending
}

// replayPage is how many rows are read at once; a row may hold some 300 kB.
const replayPage = 16

func loadReplay(s contract.Range) (*replay, error) {
	r := &replay{ids: map[ledger.Digest]uint64{}}
	for after := contract.Key(""); ; {
		rows, err := s.Scan(executedPrefix, after, replayPage)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if err := r.load(row); err != nil {
				return nil, err
			}
		}
		if len(rows) < replayPage {
			return r, nil
		}
		after = rows[len(rows)-1].Key
	}
}

func (r *replay) load(row contract.Row) error {
	height := row.Key[len(executedPrefix):]
	if len(height) != 8 || len(row.Value) < expirySize || (len(row.Value)-expirySize)%32 != 0 {
		return fmt.Errorf("read executed ids, row %q: it is broken", string(row.Key))
	}
	b := liveBlock{
		height: binary.BigEndian.Uint64([]byte(height)),
		expiry: int64(binary.BigEndian.Uint64(row.Value)),
	}
	r.live = append(r.live, b)
	for ids := row.Value[expirySize:]; len(ids) > 0; ids = ids[32:] {
		r.ids[ledger.Digest(ids[:32])] = b.height
	}
	return nil
}

func (r *replay) seen(id ledger.Digest) bool {
	_, ok := r.ids[id]
	return ok
}

// Seen reports whether a transaction was executed and has not expired yet. It is
// safe for concurrent use.
func (e *Executor) Seen(id ledger.Digest) bool {
	e.replay.mu.RLock()
	defer e.replay.mu.RUnlock()
	return e.replay.seen(id)
}

// burn has an id seen from now on.
func (r *replay) burn(id ledger.Digest, height uint64) {
	r.mu.Lock()
	r.ids[id] = height
	r.mu.Unlock()
}

// list puts an id that was burnt into the open block's row, in the log's order.
func (r *replay) list(id ledger.Digest, expiry int64) {
	r.open = append(r.open, id[:]...)
	r.last = max(r.last, expiry)
}

// seal returns the writes that keep the open block's ids and drop those of
// blocks whose transactions have all expired.
func (r *replay) seal(s contract.State, height uint64, logTime int64) ([]ledger.Write, error) {
	var writes []ledger.Write
	if len(r.open) > 0 {
		value := binary.BigEndian.AppendUint64(make([]byte, 0, expirySize+len(r.open)), uint64(r.last))
		writes = append(writes, ledger.Write{Key: []byte(executedRow(height)), Value: append(value, r.open...)})
		r.live = append(r.live, liveBlock{height: height, expiry: r.last})
		r.open, r.last = nil, 0
	}
	kept := make([]liveBlock, 0, len(r.live))
	for _, b := range r.live {
		if b.expiry >= logTime || b.height == height {
			kept = append(kept, b)
			continue
		}
		ids, ok, err := s.Get(executedRow(b.height))
		if err != nil {
			return nil, err
		}
		if !ok || len(ids) < expirySize {
			return nil, fmt.Errorf("read executed ids of block %d: row is missing or broken", b.height)
		}
		r.mu.Lock()
		for ids = ids[expirySize:]; len(ids) >= 32; ids = ids[32:] {
			delete(r.ids, ledger.Digest(ids[:32]))
		}
		r.mu.Unlock()
		writes = append(writes, ledger.Write{Key: []byte(executedRow(b.height)), Delete: true})
	}
	r.live = kept
	return writes, nil
}
