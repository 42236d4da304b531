package ledger

// Receipt is a node's signed word that it holds an upload durably.
type Receipt struct {
	_       struct{} `cbor:",toarray"`
	Version uint16
	Chain   Digest
	Shard   uint32
	Epoch   uint64
	Node    ID
	Blob    Digest // SHA-256 of the file
	Size    uint64 // bytes
	Subject ID     // the job it was uploaded for
	Round   uint64
	Attempt uint64 // of the round
	Sender  ID     // the peer that uploaded it
}

// MaxReceiptBytes bounds an encoded receipt.
const MaxReceiptBytes = 1 << 10

// Sign returns the receipt in its signed envelope.
func (r *Receipt) Sign(key Digest, sign SignFunc) (Envelope, error) {
	payload, err := Encode(r)
	if err != nil {
		return Envelope{}, err
	}
	return Seal(KindReceipt, key, sign, payload), nil
}

// ParseReceipt reads a signed receipt. It checks the form alone.
func ParseReceipt(b []byte) (Receipt, Envelope, error) {
	const what = "receipt"
	var r Receipt
	e, err := ParseEnvelope(what, b, MaxReceiptBytes)
	if err != nil {
		return r, e, err
	}
	if err := decodeFormat(decMode, what, e.Payload, MaxReceiptBytes, &r); err != nil {
		return r, e, err
	}
	if r.Version != Version {
		return r, e, malformed(what, "version", "%d, want %d", r.Version, Version)
	}
	return r, e, nil
}
