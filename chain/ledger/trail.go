package ledger

import (
	"errors"
	"fmt"
)

// ErrEpoch tells that the group of an epoch is not known yet: follow the trail
// further, see [Groups.Reach].
var ErrEpoch = errors.New("the group of the epoch is not known yet")

// The bounds of a part of a trail. A handover of the largest groups takes about
// 60 kB, so a part holds some of them in any case.
const (
	MaxTrailBytes = 1 << 20
	MaxHandovers  = 64
)

// Handover ends an epoch: the header of its last block, which names the next
// group by its digest, and signatures of the epoch's own group.
type Handover struct {
	_          struct{} `cbor:",toarray"`
	Header     []byte   // encoded [Header]
	Signatures []HeaderSignature
	Next       Group
}

// GroupTrail is a part of the trail that leads from the genesis to the group of
// each epoch: the handovers of consecutive epochs. It is believed only after
// [Groups.Follow].
type GroupTrail struct {
	_         struct{} `cbor:",toarray"`
	Handovers []Handover
}

// ParseGroupTrail reads a part of a trail. It checks the form alone.
func ParseGroupTrail(b []byte) (GroupTrail, error) {
	const what = "group trail"
	var t GroupTrail
	if err := decodeFormat(proofDecMode, what, b, MaxTrailBytes, &t); err != nil {
		return t, err
	}
	if len(t.Handovers) > MaxHandovers {
		return t, malformed(what, "handovers", "%d, want at most %d", len(t.Handovers), MaxHandovers)
	}
	return t, nil
}

// Groups are the groups of a chain's epochs, as far as the trail was followed
// from the genesis. It is not safe for concurrent use.
//
// Who is suspended is no matter here: such a node still counts in n, and its
// signature is one of the third that a quorum may do without. It is a liar
// among the liars that the group tolerates, known or not.
type Groups struct {
	chain  Digest
	shard  uint32
	epochs []epoch
}

// epoch is the heights at which a group signs.
type epoch struct {
	group  Group
	digest Digest // not known of epoch 0, which no handover names
	first  uint64
	last   uint64 // 0 in the newest epoch known
}

// NewGroups returns what the genesis says: its group is that of epoch 0. The
// chain is the digest of the genesis.
func NewGroups(chain Digest, shard uint32, genesis Group) *Groups {
	return &Groups{chain: chain, shard: shard, epochs: []epoch{{group: genesis, first: 1}}}
}

// Newest returns the group of the newest epoch known. The caller must not
// change it.
func (g *Groups) Newest() *Group { return &g.epochs[len(g.epochs)-1].group }

// Of returns the group of an epoch and the heights at which it signs, last
// being 0 while its end is not known. It fails with [ErrEpoch].
func (g *Groups) Of(number uint64) (group *Group, first, last uint64, err error) {
	if number >= uint64(len(g.epochs)) {
		return nil, 0, 0, fmt.Errorf("%w: epoch %d, known up to %d", ErrEpoch, number, len(g.epochs)-1)
	}
	e := &g.epochs[number]
	return &e.group, e.first, e.last, nil
}

// Follow checks the next part of the trail and learns from it. Handovers that
// are known already must be the same. What was learnt before an error, which is
// an [ErrProof] or an [ErrMalformed], holds.
func (g *Groups) Follow(t *GroupTrail, verify VerifyFunc) error {
	for i := range t.Handovers {
		if err := g.handover(&t.Handovers[i], verify); err != nil {
			return fmt.Errorf("follow the groups' trail, handover %d: %w", i, err)
		}
	}
	return nil
}

func (g *Groups) handover(h *Handover, verify VerifyFunc) error {
	if err := h.Next.validate("handover"); err != nil {
		return err
	}
	digest, err := h.Next.Digest()
	if err != nil {
		return err
	}
	if known := h.Next.Epoch; known > 0 && known < uint64(len(g.epochs)) {
		if g.epochs[known].digest != digest {
			return fmt.Errorf("%w: the group of epoch %d is %s, another one is known", ErrProof, known, digest.Short())
		}
		return nil
	}
	header, err := ParseHeader(h.Header)
	if err != nil {
		return err
	}
	old := &g.epochs[len(g.epochs)-1]
	switch {
	case header.Chain != g.chain || header.Shard != g.shard || header.Epoch != old.group.Epoch:
		return fmt.Errorf("%w: header of chain %s shard %d epoch %d, want %s shard %d epoch %d", ErrProof,
			header.Chain.Short(), header.Shard, header.Epoch, g.chain.Short(), g.shard, old.group.Epoch)
	case h.Next.Epoch != old.group.Epoch+1:
		return fmt.Errorf("%w: a group of epoch %d after epoch %d", ErrProof, h.Next.Epoch, old.group.Epoch)
	case header.Height < old.first:
		return fmt.Errorf("%w: epoch %d ends at height %d, before it began at %d", ErrProof, header.Epoch, header.Height, old.first)
	case header.Group != digest:
		return fmt.Errorf("%w: header %d announces group %s, not %s", ErrProof, header.Height, header.Group.Short(), digest.Short())
	}
	if err := checkQuorum(h.Header, &header, &old.group, h.Signatures, verify); err != nil {
		return err
	}
	old.last = header.Height
	g.epochs = append(g.epochs, epoch{group: h.Next, digest: digest, first: header.Height + 1})
	return nil
}

// Reach follows the trail until the group of an epoch is known. Fetch returns
// the encoded part of the trail that begins with the end of the given epoch.
// However high the epoch, what is fetched ends with the first part that teaches
// nothing, and each handover learnt has a quorum.
func (g *Groups) Reach(number uint64, verify VerifyFunc, fetch func(from uint64) ([]byte, error)) error {
	for number >= uint64(len(g.epochs)) {
		known := uint64(len(g.epochs))
		b, err := fetch(known - 1)
		if err != nil {
			return fmt.Errorf("fetch the groups' trail from epoch %d: %w", known-1, err)
		}
		t, err := ParseGroupTrail(b)
		if err != nil {
			return err
		}
		if err := g.Follow(&t, verify); err != nil {
			return err
		}
		if uint64(len(g.epochs)) == known {
			return fmt.Errorf("%w: the trail ends with epoch %d, want %d", ErrEpoch, known-1, number)
		}
	}
	return nil
}

// Check returns what a proof proves, by the group of its header's epoch. It
// fails with [ErrEpoch] where that is not known yet. A group signs within its
// own heights alone: those who once were a quorum can't go on with a history
// of their own where the handover is known.
func (g *Groups) Check(p *ResultProof, verify VerifyFunc) (Result, Header, error) {
	header, err := ParseHeader(p.Header)
	if err != nil {
		return Result{}, header, err
	}
	group, first, last, err := g.Of(header.Epoch)
	if err != nil {
		return Result{}, header, err
	}
	if header.Shard != g.shard || header.Height < first || last != 0 && header.Height > last {
		return Result{}, header, fmt.Errorf("%w: header %d of shard %d lies outside epoch %d, heights %d to %d of shard %d",
			ErrProof, header.Height, header.Shard, header.Epoch, first, last, g.shard)
	}
	return p.Verify(g.chain, group, verify)
}
