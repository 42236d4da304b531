package ledger

// Code is the outcome of a transaction as it stands in its result leaf.
type Code string

// CodeOK is the code of a transaction that took effect.
const CodeOK Code = "ok"

// Event is what a contract says about a transaction that took effect.
type Event struct {
	_    struct{} `cbor:",toarray"`
	Type string
	Data []byte // deterministic CBOR
}

// Result is the leaf that the results tree holds for each transaction. It
// holds no error text, so that wording may change without changing the chain.
type Result struct {
	_        struct{} `cbor:",toarray"`
	ID       Digest   // of the transaction; of its bytes where it is malformed
	Position Position
	Code     Code
	Events   []Event
	Writes   Digest // SHA-256 of the encoded write set, zero where nothing was written
}

// ParseResult reads a result leaf.
func ParseResult(b []byte) (Result, error) {
	var r Result
	err := decodeFormat(decMode, "result", b, MaxRecordBytes, &r)
	return r, err
}

// Write is one change of the state: a value set, or a key deleted.
type Write struct {
	_      struct{} `cbor:",toarray"`
	Key    []byte
	Value  []byte
	Delete bool
}

// WritesDigest returns the digest of a write set, whose keys must ascend.
func WritesDigest(writes []Write) (Digest, error) {
	if len(writes) == 0 {
		return Digest{}, nil
	}
	b, err := Encode(writes)
	if err != nil {
		return Digest{}, err
	}
	return Hash(b), nil
}
