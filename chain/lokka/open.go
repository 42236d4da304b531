package lokka

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// Record is one executed record of the log.
type Record struct {
	Offset       uint64
	Envelope     []byte         // as it stands on the log; kept, not copied
	Skipped      *ledger.Digest // SHA-256 of a record from outside the group; all but Offset is ignored then
	Kind         ledger.RecordKind
	Marker       uint64 // the height that a marker names
	LogTime      int64  // log time with this record, ms
	Transactions [][]byte
	Results      []ledger.Result // one for each transaction
}

// The most that an open block may hold without a transaction (invariant 1).
// An envelope takes some bytes of framing, a skipped record about 40, so both
// bounds leave a block well below what [ledger.ParseBlock] reads.
const (
	overflowBytes   = ledger.MaxBlockBytes / 2
	overflowRecords = 1 << 19
)

// open is the block that records are added to.
type open struct {
	records []ledger.BlockRecord
	results []ledger.Result
	encoded []byte // the results' leaves, one behind the other

	recordTree, transactionTree, resultTree tree

	bytes       uint64 // of envelopes
	first, last ledger.Position
	started     bool // a record was added since the machine began
	logTime     int64
	due         bool // ends with the last record
}

func newOpen(logTime int64) open {
	o := open{logTime: logTime}
	o.reset()
	return o
}

// reset begins the next block. What went into the old one is its owner's.
func (o *open) reset() {
	o.records = make([]ledger.BlockRecord, 0, cap(o.records))
	o.results = make([]ledger.Result, 0, cap(o.results))
	o.encoded = make([]byte, 0, cap(o.encoded))
	o.recordTree.reset()
	o.transactionTree.reset()
	o.resultTree.reset()
	o.bytes, o.due = 0, false
}

// Add puts the next executed record into the open block and reports whether
// the block ends with it; if so, [Machine.Cut] comes next. An error, which is
// an [ErrRecord] or an [ErrOrder], leaves the machine as it was.
func (m *Machine) Add(r Record) (cut bool, err error) {
	o := &m.open
	if err := m.follows(&r); err != nil {
		return false, fmt.Errorf("add record %d to block %d: %w", r.Offset, m.height+1, err)
	}
	kept := ledger.BlockRecord{Envelope: r.Envelope}
	if r.Skipped != nil {
		kept.Skipped = append([]byte(nil), r.Skipped[:]...)
	}
	position := ledger.Position{Offset: r.Offset}
	if len(o.records) == 0 {
		o.first = position
	}
	position.Index = uint32(max(len(r.Transactions), 1) - 1)
	o.last, o.started = position, true
	o.records = append(o.records, kept)
	o.results = append(o.results, r.Results...)
	o.recordTree.add(kept.Leaf())
	o.bytes += uint64(len(r.Envelope))
	for _, tx := range r.Transactions {
		o.transactionTree.add(tx)
	}
	for i := range r.Results {
		start := len(o.encoded)
		o.encoded = appendResult(o.encoded, &r.Results[i])
		o.resultTree.add(o.encoded[start:])
	}
	if r.Skipped == nil {
		o.logTime = r.LogTime
	}
	o.due = m.ends(&r)
	return o.due, nil
}

// follows refuses a record that can't come next.
func (m *Machine) follows(r *Record) error {
	o := &m.open
	switch {
	case o.due:
		return fmt.Errorf("%w: the block is due to be cut first", ErrOrder)
	case m.announced != m.group.digest:
		return fmt.Errorf("%w: the last header announces group %s: set it first", ErrOrder, m.announced.Short())
	case m.restore <= m.config.Height:
		return fmt.Errorf("%w: restore the blocks from %d to %d first", ErrOrder, m.restore, m.config.Height)
	case o.started && r.Offset <= o.last.Offset:
		return fmt.Errorf("%w: its offset must lie above %d", ErrRecord, o.last.Offset)
	case len(r.Results) != len(r.Transactions):
		return fmt.Errorf("%w: %d results for %d transactions", ErrRecord, len(r.Results), len(r.Transactions))
	case r.Skipped != nil && (len(r.Transactions) != 0 || len(r.Envelope) != 0):
		return fmt.Errorf("%w: a skipped record is kept as a digest alone", ErrRecord)
	case r.Skipped == nil && len(r.Envelope) == 0:
		return fmt.Errorf("%w: it has no envelope", ErrRecord)
	case r.Skipped == nil && r.LogTime < o.logTime:
		return fmt.Errorf("%w: log time %d lies before %d", ErrRecord, r.LogTime, o.logTime)
	}
	return nil
}

// ends is the rule of invariant 1.
func (m *Machine) ends(r *Record) bool {
	o, limits := &m.open, &m.config.Limits
	size := o.bytes + uint64(len(o.encoded)) // results take their place too: events may outgrow transactions
	if size >= overflowBytes || len(o.records) >= overflowRecords {
		return true
	}
	if len(o.results) == 0 {
		return false
	}
	return len(o.results) >= int(limits.BlockTransactions) ||
		o.bytes >= uint64(limits.BlockBytes) ||
		r.Skipped == nil && r.Kind == ledger.RecordMarker && r.Marker == m.height+1
}
