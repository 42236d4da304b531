package ledger

// Possession is what the holder of a key signs with it before the key becomes
// a member's. It names the organisation and the member, so that whoever sees
// the signature can't enrol the key for anybody else.
type Possession struct {
	_            struct{} `cbor:",toarray"`
	Version      uint16
	Chain        Digest
	Shard        uint32
	Organisation ID // of the officer who may enrol the key
	Member       ID
	Key          PublicKey
}

// Sign returns the key's signature.
func (p *Possession) Sign(sign SignFunc) ([SignatureSize]byte, error) {
	payload, err := Encode(p)
	if err != nil {
		return [SignatureSize]byte{}, err
	}
	return Seal(KindPossession, p.Key.ID(), sign, payload).Signature, nil
}

// Proven reports whether the signature is the key's.
func (p *Possession) Proven(verify VerifyFunc, signature [SignatureSize]byte) bool {
	payload, err := Encode(p)
	if err != nil {
		return false
	}
	e := Envelope{Key: p.Key.ID(), Payload: payload, Signature: signature}
	return verify(p.Key, e.SigStructure(KindPossession), signature)
}
