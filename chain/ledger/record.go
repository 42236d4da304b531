package ledger

import "fmt"

// RecordKind says what a log record does.
type RecordKind uint8

// The kinds of log records.
const (
	RecordTransactions RecordKind = 1 // a batch of transactions
	RecordWake         RecordKind = 2 // asks for clocks, so that log time moves on
	RecordClock        RecordKind = 3 // puts the node's time on the log
	RecordMarker       RecordKind = 4 // closes the open block if it has the named height
)

func (k RecordKind) String() string {
	switch k {
	case RecordTransactions:
		return "transactions"
	case RecordWake:
		return "wake"
	case RecordClock:
		return "clock"
	case RecordMarker:
		return "marker"
	default:
		return fmt.Sprintf("record kind %d", uint8(k))
	}
}

func (k RecordKind) kind() (Kind, bool) {
	switch k {
	case RecordTransactions:
		return KindRecord, true
	case RecordWake:
		return KindWake, true
	case RecordClock:
		return KindClock, true
	case RecordMarker:
		return KindMarker, true
	default:
		return "", false
	}
}

// Position is a place on the log: the record's offset and the index of a
// transaction in it.
type Position struct {
	_      struct{} `cbor:",toarray"`
	Offset uint64
	Index  uint32
}

// Less orders positions as the log does.
func (p Position) Less(q Position) bool {
	return p.Offset < q.Offset || p.Offset == q.Offset && p.Index < q.Index
}

// String returns "offset.index".
func (p Position) String() string { return fmt.Sprintf("%d.%d", p.Offset, p.Index) }

// Record is what a node appends to the log.
type Record struct {
	_            struct{} `cbor:",toarray"`
	Version      uint16
	Chain        Digest
	Shard        uint32
	Epoch        uint64
	Kind         RecordKind
	Node         ID
	Time         int64    // the node's clock, ms
	Height       uint64   // the height that a marker closes, else 0
	Transactions [][]byte // signed transactions, malformed ones as they came
}

// Sign returns the record in its signed envelope.
func (r *Record) Sign(key Digest, sign SignFunc) (Envelope, error) {
	kind, ok := r.Kind.kind()
	if !ok {
		return Envelope{}, malformed("record", "kind", "%d, want 1 to 4", r.Kind)
	}
	payload, err := Encode(r)
	if err != nil {
		return Envelope{}, err
	}
	return Seal(kind, key, sign, payload), nil
}

// SigKind returns the kind that the record's signature names.
func (r *Record) SigKind() Kind {
	kind, _ := r.Kind.kind()
	return kind
}

// ParseRecord reads a signed record. It checks the form alone.
func ParseRecord(b []byte) (Record, Envelope, error) {
	const what = "record"
	var r Record
	e, err := ParseEnvelope(what, b, MaxRecordBytes)
	if err != nil {
		return r, e, err
	}
	if err := decodeFormat(decMode, what, e.Payload, MaxRecordBytes, &r); err != nil {
		return r, e, err
	}
	_, known := r.Kind.kind()
	switch {
	case r.Version != Version:
		return r, e, malformed(what, "version", "%d, want %d", r.Version, Version)
	case !known:
		return r, e, malformed(what, "kind", "%d, want 1 to 4", r.Kind)
	case r.Time < 0:
		return r, e, malformed(what, "time", "%d, want milliseconds since 1970", r.Time)
	case r.Kind == RecordTransactions && len(r.Transactions) == 0:
		return r, e, malformed(what, "transactions", "none, want at least one")
	case len(r.Transactions) > MaxRecordTransactions:
		return r, e, malformed(what, "transactions", "%d, want at most %d", len(r.Transactions), MaxRecordTransactions)
	case r.Kind != RecordTransactions && len(r.Transactions) != 0:
		return r, e, malformed(what, "transactions", "%d in a %s record, want none", len(r.Transactions), r.Kind)
	case (r.Kind == RecordMarker) != (r.Height != 0):
		return r, e, malformed(what, "height", "%d in a %s record", r.Height, r.Kind)
	}
	return r, e, nil
}
