package ledger

// Version is the protocol version that this code writes.
const Version = 1

// Limits of formats that hold before any configuration is known.
const (
	MaxTransactionBytes = 64 << 10
	MaxRecordBytes      = 1 << 20 // bursts of larger writes are throttled by disks
	MaxNameBytes        = 64
	// MaxRecordTransactions is more than well-formed transactions, of 200 bytes
	// and up, need to fill a record. Malformed ones may be empty, and each gets a
	// result: without this bound one record could outgrow a block.
	MaxRecordTransactions = 1 << 13
	NonceSize             = 16
)

// Transaction is a signed order to a contract.
type Transaction struct {
	_        struct{} `cbor:",toarray"`
	Version  uint16
	Chain    Digest // digest of the genesis file
	Shard    uint32
	Sender   ID // the member; a delegate's key signs with its member as sender
	Contract string
	Method   string
	Args     []byte // deterministic CBOR, read by the method
	Nonce    [NonceSize]byte
	Expiry   int64 // log time in ms after which it is refused
}

// Sign returns the transaction in its signed envelope.
func (t *Transaction) Sign(key Digest, sign SignFunc) (Envelope, error) {
	payload, err := Encode(t)
	if err != nil {
		return Envelope{}, err
	}
	return Seal(KindTransaction, key, sign, payload), nil
}

// ParseTransaction reads a signed transaction. It checks the form alone, not
// signature, chain or expiry.
func ParseTransaction(b []byte) (Transaction, Envelope, error) {
	e, err := ParseTransactionEnvelope(b)
	if err != nil {
		return Transaction{}, e, err
	}
	t, err := ParseTransactionPayload(e.Payload)
	return t, e, err
}

// ParseTransactionEnvelope reads the envelope alone.
func ParseTransactionEnvelope(b []byte) (Envelope, error) {
	return ParseEnvelope("transaction", b, MaxTransactionBytes)
}

// ParseTransactionPayload reads what the envelope of a transaction holds.
func ParseTransactionPayload(payload []byte) (Transaction, error) {
	const what = "transaction"
	var t Transaction
	if err := decodeFormat(decMode, what, payload, MaxTransactionBytes, &t); err != nil {
		return t, err
	}
	if t.Version != Version {
		return t, malformed(what, "version", "%d, want %d", t.Version, Version)
	}
	if err := checkName(what, "contract", t.Contract); err != nil {
		return t, err
	}
	return t, checkName(what, "method", t.Method)
}

// read implements byHand.
func (t *Transaction) read(b []byte) bool {
	r := reader{rest: b}
	r.array(9)
	t.Version = r.uint16()
	r.fill(t.Chain[:])
	t.Shard = r.uint32()
	r.fill(t.Sender[:])
	t.Contract = r.text()
	t.Method = r.text()
	t.Args = r.bytes()
	r.fill(t.Nonce[:])
	t.Expiry = r.positive()
	return r.done()
}

// checkName allows what a contract or method may be called: letters, digits
// and underscores, starting with a letter.
func checkName(what, where, s string) error {
	if len(s) == 0 || len(s) > MaxNameBytes {
		return malformed(what, where, "%d characters, want 1 to %d", len(s), MaxNameBytes)
	}
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return malformed(what, where, "character %d is %q, want a letter, or after it letters, digits and _", i, c)
		}
	}
	return nil
}
