package lokka

import "github.com/librum/librum/chain/ledger"

// The bounds of what others may bring (invariant 7).
const (
	maxAhead     = 256 // heights above the applied one
	maxPerNode   = 2   // unchecked signatures of a node and height
	maxBrought   = 2   // foreign headers that a node makes known, a height
	maxPerAnswer = 4   // signatures per node of the largest group in one answer
)

// Receive takes a signature that another node sent. It is checked here; one
// that is of no use is counted in [Stats] and dropped.
func (m *Machine) Receive(s ledger.HeaderSignature) {
	switch b := m.ballots.at(s.Height); {
	case s.Height > m.applied:
		m.keepAhead(s)
	case b == nil:
		m.stats.Old++
	default:
		m.collect(b, s)
	}
}

// keepAhead keeps a signature until its height is reached. It can't be checked
// yet, so a liar may push an honest one out; a pull brings that back later.
func (m *Machine) keepAhead(s ledger.HeaderSignature) {
	switch {
	case m.signers(s.Height).index(s.Node) < 0:
		m.stats.Outside++
	case s.Height-m.applied > maxAhead:
		m.stats.FarAhead++
	case m.diverged:
		m.stats.Old++
	default:
		m.ahead[s.Height] = m.keepUnchecked(m.ahead[s.Height], s)
	}
}

// signers returns the group that signs a height above the applied one, as far as
// it is known.
func (m *Machine) signers(height uint64) *group {
	if b := m.ballots.at(height); b != nil {
		return b.group
	}
	return m.group
}

// keepUnchecked appends s; of each node the newest maxPerNode stay.
func (m *Machine) keepUnchecked(list []ledger.HeaderSignature, s ledger.HeaderSignature) []ledger.HeaderSignature {
	oldest, n := -1, 0
	for i := range list {
		if list[i] == s {
			m.stats.Duplicate++
			return list
		}
		if list[i].Node == s.Node {
			if n++; oldest < 0 {
				oldest = i
			}
		}
	}
	if n >= maxPerNode {
		list = append(list[:oldest], list[oldest+1:]...)
	}
	return append(list, s)
}

// collect sorts a signature of a height whose block is stored.
func (m *Machine) collect(b *ballot, s ledger.HeaderSignature) {
	i := b.group.index(s.Node)
	if i < 0 {
		m.stats.Outside++
		return
	}
	if b.without[i] {
		m.stats.Suspended++
		return
	}
	if t := b.tallyOf(s.Header); t != nil {
		m.check(b, t, i, s)
		return
	}
	m.stats.Foreign++
	b.claims = m.keepUnchecked(b.claims, s)
	if !b.asked[i] && s.Node != m.config.Self {
		b.asked[i] = true
		m.pull(b, i)
	}
}

// check counts the signature of node i if it is new and valid.
func (m *Machine) check(b *ballot, t *tally, i int, s ledger.HeaderSignature) {
	switch {
	case t.signatures[i] != nil:
		m.stats.Duplicate++
	case !b.group.valid(i, t.header, &s, m.config.Verify):
		m.stats.Bad++
	case !b.admit(t, i):
		m.stats.Foreign++
	default:
		t.put(i, s)
		if t == &b.tally {
			m.stats.Accepted++
			m.ready.Keep = append(m.ready.Keep, s)
		}
		m.counted(b, t, i)
	}
}

// counted draws the conclusions from node i's signature, new in t.
func (m *Machine) counted(b *ballot, t *tally, i int) {
	m.accuse(b, t, i)
	switch {
	case t.count != b.group.quorum:
	case t == &b.tally:
		m.signed = max(m.signed, b.height)
		m.finalise()
	case !m.diverged:
		m.diverged = true
		m.ready.Divergence = &Divergence{Height: b.height, Own: b.header, Quorum: t.header, Signatures: t.collected()}
		m.ready.Sign = nil
		clear(m.ahead)
	}
}

// finalise moves finality on. A quorum speaks for all heights below, but for the
// end of an epoch: that takes its own group's, for nobody could prove otherwise
// who signs afterwards.
func (m *Machine) finalise() {
	final := m.final
	for height := m.final + 1; height <= m.signed; height++ { // a node far behind has many above
		b := m.ballots.at(height)
		if b == nil {
			break
		}
		if b.done() {
			final = height
		} else if b.ends {
			break
		}
	}
	if final > m.final {
		m.final, m.ready.Final = final, final
		m.ballots.prune(final)
	}
}

// accuse reports node i if it signed another header than t's as well.
func (m *Machine) accuse(b *ballot, t *tally, i int) {
	if b.accused[i] {
		return
	}
	for _, other := range append([]*tally{&b.tally}, b.foreign...) {
		if other != t && other.signatures[i] != nil {
			b.accused[i] = true
			m.ready.Equivocations = append(m.ready.Equivocations, Equivocation{
				Height: b.height, Node: b.group.nodes[i].Node,
				Headers:    [2][]byte{other.header, t.header},
				Signatures: [2]ledger.HeaderSignature{*other.signatures[i], *t.signatures[i]},
			})
			return
		}
	}
}

// Answer returns the header that this node computed for a height and the valid
// signatures it knows, its own once stored: what a [Pull] asks for. It knows
// the last 256 final heights and those above; what lies below is in the
// store. Before the block is stored it returns nothing.
func (m *Machine) Answer(height uint64) (header []byte, signatures []ledger.HeaderSignature) {
	b := m.ballots.at(height)
	if b == nil || height > m.applied {
		return nil, nil
	}
	return b.header, b.collected()
}

// Signatures returns the signatures of [Machine.Answer].
func (m *Machine) Signatures(height uint64) []ledger.HeaderSignature {
	_, signatures := m.Answer(height)
	return signatures
}

// ReceiveAnswer takes another node's answer to a [Pull]: signatures, and the
// header that it computed itself, which may differ from this node's.
func (m *Machine) ReceiveAnswer(header []byte, signatures []ledger.HeaderSignature) {
	// The height may be of a larger group than the one that signs now.
	for _, s := range signatures[:min(len(signatures), maxPerAnswer*ledger.MaxGroupNodes)] {
		m.Receive(s)
	}
	if len(header) != 0 {
		m.receiveHeader(header)
	}
}

// receiveHeader checks the claims about a header that came to be known.
func (m *Machine) receiveHeader(header []byte) {
	h, err := ledger.ParseHeader(header)
	if err != nil || h.Chain != m.config.Chain || h.Shard != m.config.Shard {
		m.stats.Bad++ // a node may sign the same height of another chain
		return
	}
	b := m.ballots.at(h.Height)
	if b == nil || h.Height > m.applied {
		return
	}
	digest := ledger.Hash(header)
	if b.tallyOf(digest) != nil {
		return
	}
	t := newTally(append([]byte(nil), header...), len(b.group.nodes))
	claims := b.claims
	b.claims = nil
	for _, s := range claims {
		if s.Header == digest {
			m.check(b, &t, b.group.index(s.Node), s)
		} else {
			b.claims = append(b.claims, s)
		}
	}
}
