package evidence

import (
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// Version is that of the format.
const Version = 1

const magic = "librumev"

// The bounds of the parts. A block has its results twice over at most, once as
// such and once as transactions with what they wrote.
const (
	maxHeadBytes  = ledger.MaxGenesisBytes + 16<<20
	maxBlockBytes = 2*ledger.MaxBlockBytes + 1<<20
	maxContents   = 1 << 20
	prefixBytes   = len(magic) + 4
	lengthBytes   = 4
	sumBytes      = 32
)

// ErrFormat tells that a file is no evidence, or not all of it.
var ErrFormat = errors.New("not a whole evidence file")

// Head says what the file holds.
type Head struct {
	_         struct{} `cbor:",toarray"`
	Genesis   []byte   // the genesis file
	Job       ledger.Digest
	First     uint64 // height of the block in which the job was created
	Last      uint64
	Handovers []ledger.Handover // from the genesis up to the group of the last block
	Contents  []Content         // digests ascending
}

// Content is a file of the job.
type Content struct {
	_      struct{} `cbor:",toarray"`
	Digest ledger.Digest
	Size   uint64
}

// Block is what the file has of a block.
type Block struct {
	_            struct{} `cbor:",toarray"`
	Header       []byte
	Signatures   []ledger.HeaderSignature
	Results      [][]byte // all leaves of the block's results tree
	Transactions []Transaction
}

// Transaction is one that took effect on the job.
type Transaction struct {
	_      struct{} `cbor:",toarray"`
	Index  uint64   // of its result in the block, ascending
	Signed []byte
	Path   [][]byte // RFC 6962 audit path of the signed bytes
	Writes []ledger.Write
}

// ParseHead reads a head. It checks the form alone.
func ParseHead(b []byte) (Head, error) {
	var h Head
	if err := ledger.DecodeFormat("head of the evidence", b, maxHeadBytes, &h); err != nil {
		return h, err
	}
	if h.First == 0 || h.Last < h.First {
		return h, fmt.Errorf("%w: heights %d to %d", ErrFormat, h.First, h.Last)
	}
	if len(h.Contents) > maxContents {
		return h, fmt.Errorf("%w: %d contents, at most %d are allowed", ErrFormat, len(h.Contents), maxContents)
	}
	for i := range h.Contents {
		if i > 0 && compare(h.Contents[i-1].Digest, h.Contents[i].Digest) >= 0 {
			return h, fmt.Errorf("%w: digests of contents must ascend", ErrFormat)
		}
	}
	return h, nil
}

// ParseBlock reads a block. It checks the form alone.
func ParseBlock(b []byte) (Block, error) {
	var k Block
	err := ledger.DecodeFormat("block of the evidence", b, maxBlockBytes, &k)
	return k, err
}
