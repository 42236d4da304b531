package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// ErrUnproven: the snapshot is not of the chain, or no quorum that the genesis
// leads to signed its header.
var ErrUnproven = errors.New("snapshot is not proven")

func unproven(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnproven, fmt.Errorf(format, args...))
}

// head is the payload of kind 1.
type head struct {
	_          struct{} `cbor:",toarray"`
	Version    uint16
	Chain      ledger.Digest
	Shard      uint32
	Topic      ledger.ID
	Header     []byte // encoded [ledger.Header]
	Signatures []ledger.HeaderSignature
}

// row is an element of the payload of kind 4.
type row struct {
	_          struct{} `cbor:",toarray"`
	Key, Value []byte
}

// end is the payload of kind 5.
type end struct {
	_    struct{} `cbor:",toarray"`
	Rows uint64
}

// Trust is what a snapshot is checked against.
type Trust struct {
	Genesis *ledger.Genesis
	Chain   ledger.Digest // digest of the genesis file
	Verify  ledger.VerifyFunc
}

// proof collects what shows that a header is the chain's.
type proof struct {
	trust  Trust
	head   head
	header ledger.Header
	groups *ledger.Groups
	// past are the ends of the epochs before the header's, with their signatures.
	past       []store.Past
	signatures []ledger.HeaderSignature
}

// newProof checks what a head says of itself.
func newProof(trust Trust, h head) (*proof, error) {
	if h.Version != ledger.Version {
		return nil, malformed("version %d, this program reads %d", h.Version, ledger.Version)
	}
	if h.Chain != trust.Chain || h.Shard != trust.Genesis.Shard {
		return nil, unproven("it is of chain %s shard %d, the genesis is %s shard %d",
			h.Chain.Short(), h.Shard, trust.Chain.Short(), trust.Genesis.Shard)
	}
	header, err := ledger.ParseHeader(h.Header)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if header.Chain != h.Chain || header.Shard != h.Shard {
		return nil, unproven("its header is of chain %s shard %d", header.Chain.Short(), header.Shard)
	}
	for _, s := range h.Signatures { // the rest is checked with the quorum
		if s.Height != header.Height {
			return nil, unproven("a signature of node %s says height %d, want %d", s.Node.Short(), s.Height, header.Height)
		}
	}
	return &proof{
		trust: trust, head: h, header: header, signatures: slices.Clone(h.Signatures),
		groups: ledger.NewGroups(trust.Chain, trust.Genesis.Shard, trust.Genesis.Group),
	}, nil
}

// follow learns from a part of the trail. Nothing behind the header's epoch is
// of use, and what is known already would only cost.
func (p *proof) follow(t *ledger.GroupTrail) error {
	for i := range t.Handovers {
		h := &t.Handovers[i]
		if next := p.groups.Newest().Epoch + 1; h.Next.Epoch != next || next > p.header.Epoch {
			return unproven("the trail hands over to epoch %d, the header is of epoch %d", h.Next.Epoch, p.header.Epoch)
		}
		if n := ledger.CountSigners(h.Header, p.groups.Newest(), h.Signatures, p.trust.Verify); n != len(h.Signatures) {
			return unproven("%d of %d signatures of the handover to epoch %d hold, want all", n, len(h.Signatures), h.Next.Epoch)
		}
		one := ledger.GroupTrail{Handovers: t.Handovers[i : i+1]}
		if err := p.groups.Follow(&one, p.trust.Verify); err != nil {
			return fmt.Errorf("%w: %w", ErrUnproven, err)
		}
		header, err := ledger.ParseHeader(h.Header)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		for _, s := range h.Signatures {
			if s.Height != header.Height {
				return unproven("a signature of node %s in the trail says height %d, want %d", s.Node.Short(), s.Height, header.Height)
			}
		}
		p.past = append(p.past, store.Past{Height: header.Height, Header: bytes.Clone(h.Header)})
		p.signatures = append(p.signatures, h.Signatures...)
	}
	return nil
}

// check counts the header's quorum, once the trail was followed to its end.
func (p *proof) check() error {
	group, first, last, err := p.groups.Of(p.header.Epoch)
	if err != nil {
		return unproven("the trail ends before the header's epoch: %w", err)
	}
	if p.header.Height < first || last != 0 && p.header.Height > last {
		return unproven("header %d lies outside epoch %d, heights %d to %d", p.header.Height, p.header.Epoch, first, last)
	}
	// All must hold: they go into a store, where others are told of them.
	valid := ledger.CountSigners(p.head.Header, group, p.head.Signatures, p.trust.Verify)
	if valid != len(p.head.Signatures) || valid < group.Quorum() {
		return unproven("%d of %d signatures of header %d hold, want all, and at least %d",
			valid, len(p.head.Signatures), p.header.Height, group.Quorum())
	}
	return nil
}

// block checks the block against the header and returns the digest of its last
// record.
func (p *proof) block(raw []byte) (last ledger.Digest, err error) {
	block, err := ledger.ParseBlock(raw)
	if err != nil {
		return last, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	header, err := block.Header.Bytes()
	if err != nil {
		return last, err
	}
	records, transactions, results, err := block.Roots()
	if err != nil {
		return last, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	h := &block.Header
	if !bytes.Equal(header, p.head.Header) || records != h.Records || transactions != h.Transactions || results != h.Results {
		return last, unproven("the block is not the one of header %d", p.header.Height)
	}
	final := &block.Records[len(block.Records)-1]
	if len(final.Envelope) == 0 {
		return ledger.Digest(final.Skipped), nil
	}
	return ledger.Hash(final.Envelope), nil
}

// commit is what a store is restored to.
func (p *proof) commit(block []byte, last ledger.Digest, commitment *ledger.Commitment) *store.Commit {
	return &store.Commit{
		Height: p.header.Height, Header: p.head.Header, Block: block,
		NextOffset: p.header.Last.Offset + 1, LastRecord: last, Topic: p.head.Topic, Commitment: commitment.Bytes(),
	}
}
