package lokka

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// Restore gives back a block that the store holds, by its header and the
// signatures kept beside it, own and others', after [New] and before the first
// record: in ascending order each block above Config.Final, and before those,
// better, the last [Window] final ones, so that signatures that a crash lost
// are still collected for them. A header that this node signed is sent again;
// one that it did not is signed now (invariant 4). An error, an [ErrOrder] or
// an [ErrSignature], means that the store is damaged.
func (m *Machine) Restore(header []byte, signatures []ledger.HeaderSignature) error {
	h, err := ledger.ParseHeader(header)
	if err != nil {
		return fmt.Errorf("restore block %d: %w", m.restore, err)
	}
	if len(m.ballots.list) == 0 && h.Height < m.restore {
		m.restore = h.Height
	}
	g := m.groupOf(h.Epoch)
	if g == nil {
		return fmt.Errorf("%w: restore block %d of epoch %d, whose group is not known", ErrOrder, h.Height, h.Epoch)
	}
	b := newBallot(&h, header, g, m.suspended)
	before := m.ballots.at(h.Height - 1)
	switch {
	case h.Height != m.restore || h.Height > m.config.Height:
		return fmt.Errorf("%w: restore block %d, want %d to %d", ErrOrder, h.Height, m.restore, m.config.Height)
	case before != nil && before.digest != h.Previous,
		h.Height == m.config.Height && b.digest != m.config.Previous:
		return fmt.Errorf("%w: restore block %d, which does not chain with its neighbours", ErrOrder, h.Height)
	}
	for i := range signatures {
		s := &signatures[i]
		if s.Node == m.config.Self && (s.Height != h.Height || s.Header != b.digest) {
			return fmt.Errorf("restore block %d: %w: this node signed header %s, the block has %s",
				h.Height, ErrSignature, s.Header.Short(), b.digest.Short())
		}
	}
	m.restore++
	m.ballots.push(b)
	kept := len(m.ready.Keep)
	for _, s := range signatures {
		if s.Height == h.Height {
			m.collect(b, s)
		}
	}
	m.ready.Keep = m.ready.Keep[:kept]          // they come from the store
	if b.height > m.config.Final || !b.done() { // else the others have enough
		m.offer(b)
	}
	return nil
}

// groupOf returns the group of an epoch, nil where it is not known.
func (m *Machine) groupOf(epoch uint64) *group {
	for _, g := range append(m.past, m.group) {
		if g.epoch == epoch {
			return g
		}
	}
	return nil
}

// Applied says that the block of that height, which [Machine.Cut] returned,
// is stored; heights ascend one by one. Now it may be signed, and signatures
// that came early count. The error is an [ErrOrder].
func (m *Machine) Applied(height uint64) error {
	if height != m.applied+1 || height > m.height {
		return fmt.Errorf("%w: block %d applied after %d, %d are cut", ErrOrder, height, m.applied, m.height)
	}
	m.applied = height
	early := m.ahead[height]
	delete(m.ahead, height)
	b := m.ballots.at(height)
	if b == nil { // none after a divergence
		return nil
	}
	b.pullAt, b.pullGap = m.now+pullDelay, pullDelay
	m.offer(b)
	for _, s := range early {
		m.collect(b, s)
	}
	return nil
}

// offer asks for this node's signature where it may be given.
func (m *Machine) offer(b *ballot) {
	self := b.group.index(m.config.Self)
	if self < 0 || m.diverged || b.asking || b.without[self] {
		return
	}
	b.asking = true
	if s := b.signatures[self]; s != nil {
		m.ready.Send = append(m.ready.Send, *s)
		return
	}
	m.ready.Sign = append(m.ready.Sign, SignRequest{Height: b.height, Header: b.header})
}

// Signed says that this node's signature, asked for in [Ready].Sign, is
// stored; so it may be sent. The error is an [ErrSignature].
func (m *Machine) Signed(s ledger.HeaderSignature) error {
	b := m.ballots.at(s.Height)
	if b == nil && s.Height < m.ballots.first && s.Node == m.config.Self {
		m.stats.Old++ // final so long that nobody collects for it
		return nil
	}
	if b == nil || s.Height > m.applied || !b.asking {
		return fmt.Errorf("%w: height %d was not asked for", ErrSignature, s.Height)
	}
	self := b.group.index(m.config.Self)
	switch {
	case s.Node != m.config.Self || s.Header != b.digest:
		return fmt.Errorf("%w: of node %s over header %s, want %s over %s",
			ErrSignature, s.Node.Short(), s.Header.Short(), m.config.Self.Short(), b.digest.Short())
	case !b.group.valid(self, b.header, &s, m.config.Verify):
		return fmt.Errorf("%w: it is not valid for the key that the group lists", ErrSignature)
	case b.signatures[self] == nil:
		b.put(self, s)
		m.counted(b, &b.tally, self)
	}
	m.ready.Send = append(m.ready.Send, s)
	return nil
}
