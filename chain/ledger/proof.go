package ledger

import (
	"errors"
	"fmt"
)

// ErrProof is what a proof that proves nothing unwraps to.
var ErrProof = errors.New("proof does not hold")

// MaxProofBytes bounds an encoded proof.
const MaxProofBytes = 1 << 20

// ResultProof shows that a transaction had a result in a block that a quorum
// signed: the result leaf, its Merkle path, the header and the signatures.
type ResultProof struct {
	_          struct{} `cbor:",toarray"`
	Leaf       []byte   // encoded [Result]
	Index      uint64   // of the leaf in the block's results
	Size       uint64   // number of results in the block
	Path       [][]byte // RFC 6962 audit path
	Header     []byte   // encoded [Header]
	Signatures []HeaderSignature
}

// ProveResult returns the proof of the index-th result of the block, but for
// the signatures. The index must lie within the results.
func (k *Block) ProveResult(index int) (ResultProof, error) {
	leaves, err := k.ResultLeaves()
	if err != nil {
		return ResultProof{}, err
	}
	header, err := k.Header.Bytes()
	return ResultProof{
		Leaf: leaves[index], Index: uint64(index), Size: uint64(len(leaves)), Path: MerklePath(leaves, index), Header: header,
	}, err
}

// ParseResultProof reads a proof; it is believed only after [ResultProof.Verify].
func ParseResultProof(b []byte) (ResultProof, error) {
	var p ResultProof
	err := decodeFormat(proofDecMode, "proof", b, MaxProofBytes, &p)
	return p, err
}

// Epoch returns the epoch of the proof's header, unchecked: what [Groups.Reach]
// is told before [Groups.Check].
func (p *ResultProof) Epoch() (uint64, error) {
	header, err := ParseHeader(p.Header)
	return header.Epoch, err
}

// VerifyFunc reports whether signature is key's over message. Callers pass
// ZIP-215 verification.
type VerifyFunc func(key PublicKey, message []byte, signature [SignatureSize]byte) bool

// Verify returns the proven result and header. The group must be the one that
// the verifier trusts for the header's chain and epoch.
func (p *ResultProof) Verify(chain Digest, group *Group, verify VerifyFunc) (Result, Header, error) {
	header, err := ParseHeader(p.Header)
	if err != nil {
		return Result{}, header, err
	}
	if header.Chain != chain || header.Epoch != group.Epoch {
		return Result{}, header, fmt.Errorf("%w: header of chain %s epoch %d, want %s epoch %d",
			ErrProof, header.Chain.Short(), header.Epoch, chain.Short(), group.Epoch)
	}
	if err := checkQuorum(p.Header, &header, group, p.Signatures, verify); err != nil {
		return Result{}, header, err
	}
	if p.Index >= p.Size || !VerifyMerklePath(p.Leaf, p.Index, p.Size, p.Path, header.Results) {
		return Result{}, header, fmt.Errorf("%w: the leaf is not under the results root of block %d", ErrProof, header.Height)
	}
	result, err := ParseResult(p.Leaf)
	return result, header, err
}

// checkQuorum fails unless a quorum of the group signed the header.
func checkQuorum(raw []byte, header *Header, group *Group, signatures []HeaderSignature, verify VerifyFunc) error {
	if len(signatures) > len(group.Nodes) {
		return fmt.Errorf("%w: %d signatures of a group of %d nodes, want one each at most", ErrProof, len(signatures), len(group.Nodes))
	}
	if n := CountSigners(raw, group, signatures, verify); n < group.Quorum() {
		return fmt.Errorf("%w: header %d is signed by %d of %d nodes, want %d", ErrProof, header.Height, n, len(group.Nodes), group.Quorum())
	}
	return nil
}

// CountSigners returns how many nodes of the group validly signed the header.
func CountSigners(header []byte, group *Group, signatures []HeaderSignature, verify VerifyFunc) int {
	signed := map[ID]bool{}
	digest := Hash(header)
	for _, s := range signatures {
		n, ok := group.Find(s.Node)
		if !ok || signed[s.Node] || s.Header != digest {
			continue
		}
		e := Envelope{Key: n.Key.ID(), Payload: header}
		if verify(n.Key, e.SigStructure(KindHeader), s.Signature) {
			signed[s.Node] = true
		}
	}
	return len(signed)
}
