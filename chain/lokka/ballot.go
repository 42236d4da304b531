package lokka

import (
	"bytes"
	"sort"

	"github.com/librum/librum/chain/ledger"
)

// group is a ledger group made ready for checks.
type group struct {
	epoch  uint64
	digest ledger.Digest
	nodes  []ledger.GroupNode
	keys   []ledger.Digest // ids of the nodes' keys
	quorum int
}

func newGroup(g ledger.Group) *group {
	keys := make([]ledger.Digest, len(g.Nodes))
	for i := range g.Nodes {
		keys[i] = g.Nodes[i].Key.ID()
	}
	digest, _ := g.Digest() // a group always has an encoding
	return &group{epoch: g.Epoch, digest: digest, nodes: g.Nodes, keys: keys, quorum: g.Quorum()}
}

// index returns the node's place in the group, or -1.
func (g *group) index(node ledger.ID) int {
	i := sort.Search(len(g.nodes), func(i int) bool { return bytes.Compare(g.nodes[i].Node[:], node[:]) >= 0 })
	if i < len(g.nodes) && g.nodes[i].Node == node {
		return i
	}
	return -1
}

// valid reports whether the signature is that of the group's node i over the
// header.
func (g *group) valid(i int, header []byte, s *ledger.HeaderSignature, verify ledger.VerifyFunc) bool {
	e := ledger.Envelope{Key: g.keys[i], Payload: header}
	return verify(g.nodes[i].Key, e.SigStructure(ledger.KindHeader), s.Signature)
}

// tally is a header with the valid signatures that were found over it, by
// place in the group.
type tally struct {
	header     []byte
	digest     ledger.Digest
	signatures []*ledger.HeaderSignature
	count      int
	bringer    int // the node whose signature made a foreign header known
}

func newTally(header []byte, nodes int) tally {
	return tally{header: header, digest: ledger.Hash(header), signatures: make([]*ledger.HeaderSignature, nodes)}
}

func (t *tally) put(i int, s ledger.HeaderSignature) {
	t.signatures[i] = &s
	t.count++
}

// collected returns the signatures in the order of the group.
func (t *tally) collected() []ledger.HeaderSignature {
	var all []ledger.HeaderSignature
	for _, s := range t.signatures {
		if s != nil {
			all = append(all, *s)
		}
	}
	return all
}

// ballot is the collection of signatures for one height.
type ballot struct {
	tally          // over the header that this node computed
	height  uint64 // of that header
	group   *group
	foreign []*tally                 // over other headers, each with one signature at least
	claims  []ledger.HeaderSignature // over headers not known: unchecked
	accused []bool                   // nodes whose equivocation was reported
	without []bool                   // suspended nodes, whose signatures don't count
	asked   []bool                   // nodes asked for a header that they claim to have signed
	asking  bool                     // own signature was asked for
	ends    bool                     // it is the last height of its epoch

	pullAt  int64 // when to pull next, ms
	pullGap int64 // until the pull after that
	pulled  int   // index of the node asked last
	heirs   int   // pulls since another group signs
}

func newBallot(h *ledger.Header, header []byte, g *group, suspended map[ledger.ID]bool) *ballot {
	n := len(g.nodes)
	without := make([]bool, n)
	for i := range g.nodes {
		without[i] = suspended[g.nodes[i].Node]
	}
	return &ballot{
		tally: newTally(header, n), height: h.Height, group: g, without: without, ends: h.Group != g.digest,
		accused: make([]bool, n), asked: make([]bool, n), pulled: int(h.Height % uint64(n)),
	}
}

func (b *ballot) done() bool { return b.count >= b.group.quorum }

// tallyOf returns the collection for a known header.
func (b *ballot) tallyOf(digest ledger.Digest) *tally {
	if digest == b.digest {
		return &b.tally
	}
	for _, t := range b.foreign {
		if t.digest == digest {
			return t
		}
	}
	return nil
}

// admit takes a foreign header into the list with its first valid signature,
// that of node i. Each node may make maxBrought of them known: a liar alone
// can't fill the list with headers of its own making.
func (b *ballot) admit(t *tally, i int) bool {
	if t == &b.tally || t.count > 0 {
		return true
	}
	brought := 0
	for _, f := range b.foreign {
		if f.bringer == i {
			brought++
		}
	}
	if brought >= maxBrought {
		return false
	}
	t.bringer = i
	b.foreign = append(b.foreign, t)
	return true
}

// ballots holds the ballots of consecutive heights.
type ballots struct {
	first uint64
	list  []*ballot
}

func (l *ballots) push(b *ballot) {
	if len(l.list) == 0 {
		l.first = b.height
	}
	l.list = append(l.list, b)
}

// at returns the ballot of a height, nil where there is none.
func (l *ballots) at(height uint64) *ballot {
	if height < l.first || height-l.first >= uint64(len(l.list)) {
		return nil
	}
	return l.list[height-l.first]
}

// Window is how many final heights still take signatures: those of the last
// nodes, and all of heights that became final by a later one.
const Window = 256

// prune forgets heights that were final long ago.
func (l *ballots) prune(final uint64) {
	n := 0
	for n < len(l.list) && l.list[n].height+Window <= final {
		l.list[n] = nil // for the garbage collector: the array lives on
		n++
	}
	l.list, l.first = l.list[n:], l.first+uint64(n)
}
