package ledger

// MaxBlockBytes bounds an encoded block. Blocks are cut after a record that
// passes the configured size, so one record more than that must fit.
const MaxBlockBytes = 64 << 20

// BlockRecord is a record as a block keeps it: whole, or as a digest where it
// was skipped because no node of the group signed it.
type BlockRecord struct {
	_        struct{} `cbor:",toarray"`
	Envelope []byte   // empty where the record was skipped
	Skipped  []byte   // SHA-256 of the record's bytes, empty where it was kept
}

// Leaf returns what the records tree holds. An envelope is always longer than
// a digest, so the two can't be mistaken for each other.
func (r *BlockRecord) Leaf() []byte {
	if len(r.Envelope) == 0 {
		return r.Skipped
	}
	return r.Envelope
}

// Block is what a node stores per height. Transactions stand in the records;
// Results has one entry for each of them, in order.
type Block struct {
	_       struct{} `cbor:",toarray"`
	Header  Header
	Records []BlockRecord
	Results []Result
}

// ParseBlock reads a block and checks its form, not its roots.
func ParseBlock(b []byte) (Block, error) {
	const what = "block"
	var k Block
	if err := decodeFormat(decMode, what, b, MaxBlockBytes, &k); err != nil {
		return k, err
	}
	if err := k.Header.check(); err != nil {
		return k, err
	}
	if len(k.Records) == 0 {
		return k, malformed(what, "records", "none, want at least one")
	}
	for i := range k.Records {
		r := &k.Records[i]
		if (len(r.Envelope) == 0) == (len(r.Skipped) == 0) {
			return k, malformed(what, "records", "record %d must be either whole or skipped", i)
		}
		if len(r.Skipped) != 0 && len(r.Skipped) != 32 {
			return k, malformed(what, "records", "record %d: skipped digest has %d bytes, want 32", i, len(r.Skipped))
		}
	}
	return k, nil
}

// TransactionBytes returns the signed transactions of the block in order.
func (k *Block) TransactionBytes() ([][]byte, error) {
	var all [][]byte
	for i := range k.Records {
		if len(k.Records[i].Envelope) == 0 {
			continue
		}
		r, _, err := ParseRecord(k.Records[i].Envelope)
		if err != nil {
			return nil, err
		}
		all = append(all, r.Transactions...)
	}
	return all, nil
}

// Roots computes the three Merkle roots of the block from its content.
func (k *Block) Roots() (records, transactions, results Digest, err error) {
	leaves := make([][]byte, len(k.Records))
	for i := range k.Records {
		leaves[i] = k.Records[i].Leaf()
	}
	txs, err := k.TransactionBytes()
	if err != nil {
		return records, transactions, results, err
	}
	resultLeaves, err := k.ResultLeaves()
	if err != nil {
		return records, transactions, results, err
	}
	return MerkleRoot(leaves), MerkleRoot(txs), MerkleRoot(resultLeaves), nil
}

// ResultLeaves returns the encoded results, the leaves of the results tree.
func (k *Block) ResultLeaves() ([][]byte, error) {
	leaves := make([][]byte, len(k.Results))
	for i := range k.Results {
		b, err := Encode(&k.Results[i])
		if err != nil {
			return nil, err
		}
		leaves[i] = b
	}
	return leaves, nil
}

// SignedBlock is a block as one node hands it to another reader: its bytes, and
// the signatures of its header that the node has.
type SignedBlock struct {
	_          struct{} `cbor:",toarray"`
	Block      []byte   // encoded [Block]
	Signatures []HeaderSignature
}

// MaxSignedBlockBytes bounds an encoded signed block.
const MaxSignedBlockBytes = MaxBlockBytes + 1<<20

// ParseSignedBlock reads a signed block. Neither the block nor the signatures
// are checked.
func ParseSignedBlock(b []byte) (SignedBlock, error) {
	var s SignedBlock
	err := decodeFormat(proofDecMode, "signed block", b, MaxSignedBlockBytes, &s)
	return s, err
}
