package ledger

// Header binds a block. Each node computes it for itself and signs it.
type Header struct {
	_            struct{} `cbor:",toarray"`
	Version      uint16
	Chain        Digest
	Shard        uint32
	Epoch        uint64
	Height       uint64 // the first block has height 1
	Previous     Digest // the header before; the genesis digest for the first
	Records      Digest // RFC 6962 root over record envelopes, digests of skipped ones
	Transactions Digest // RFC 6962 root over whole signed transactions
	Results      Digest // RFC 6962 root over result leaves
	State        Digest // commitment to the state after this block
	First        Position
	Last         Position
	LogTime      int64
	Group        Digest // the group that signs the next block
}

// MaxHeaderBytes bounds an encoded header.
const MaxHeaderBytes = 1 << 10

// Bytes returns the encoded header.
func (h *Header) Bytes() ([]byte, error) { return Encode(h) }

// Digest returns the SHA-256 of the encoded header: the chain hash at its
// height.
func (h *Header) Digest() (Digest, error) {
	b, err := Encode(h)
	if err != nil {
		return Digest{}, err
	}
	return Hash(b), nil
}

// ParseHeader reads a header.
func ParseHeader(b []byte) (Header, error) {
	var h Header
	if err := decodeFormat(decMode, "header", b, MaxHeaderBytes, &h); err != nil {
		return h, err
	}
	return h, h.check()
}

func (h *Header) check() error {
	const what = "header"
	switch {
	case h.Version != Version:
		return malformed(what, "version", "%d, want %d", h.Version, Version)
	case h.Height == 0:
		return malformed(what, "height", "0, the first block has height 1")
	case h.Last.Less(h.First):
		return malformed(what, "last position", "%s lies before the first, %s", h.Last, h.First)
	}
	return nil
}

// HeaderSignature is one node's signature of a header, kept beside the block.
type HeaderSignature struct {
	_         struct{} `cbor:",toarray"`
	Height    uint64
	Header    Digest // what was signed, so that a differing header is seen
	Node      ID
	Signature [SignatureSize]byte
}

// SignHeader signs header bytes for the node with that key.
func SignHeader(height uint64, header []byte, node ID, key Digest, sign SignFunc) HeaderSignature {
	e := Seal(KindHeader, key, sign, header)
	return HeaderSignature{Height: height, Header: Hash(header), Node: node, Signature: e.Signature}
}

// ParseHeaderSignature reads a header signature.
func ParseHeaderSignature(b []byte) (HeaderSignature, error) {
	var s HeaderSignature
	err := decodeFormat(decMode, "header signature", b, MaxHeaderBytes, &s)
	return s, err
}
