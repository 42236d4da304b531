package lokka

// Waiting times in milliseconds. They are this node's own affair: another
// value changes when it speaks, never what a block holds (invariant 3).
const (
	markerRetry = 1_000  // a marker may have been lost on its way to the log
	pullDelay   = 1_000  // signatures are pushed; this is for lost ones
	pullLongest = 30_000 // the gap between pulls doubles up to this
	pullsPerGo  = 16     // pulls that one Tick asks for
)

// marker is what this node knows about closing the open block.
type marker struct {
	seen   bool  // a tick found a transaction in it
	since  int64 // when
	sent   bool  // a marker was asked for
	sentAt int64 // when
}

// Tick tells the time: milliseconds of a clock that does not go back. Call it
// every few dozen milliseconds; MarkerDelay counts from the first tick that
// finds a transaction in the open block.
func (m *Machine) Tick(now int64) {
	m.now = max(m.now, now)
	if m.closable() {
		if !m.marker.seen {
			m.marker.seen, m.marker.since = true, m.now
		}
		if m.now-m.marker.since >= m.config.MarkerDelay {
			m.mark()
		}
	}
	m.pullDue()
}

// WaitFinal says that someone waits for an executed transaction to be final.
// If it stands in the open block, the marker is due at once.
func (m *Machine) WaitFinal(now int64) {
	m.now = max(m.now, now)
	if m.closable() {
		m.mark()
	}
}

// closable reports whether a marker of this node would end the open block.
func (m *Machine) closable() bool {
	return len(m.open.results) > 0 && !m.open.due && m.group.index(m.config.Self) >= 0
}

func (m *Machine) mark() {
	if m.marker.sent && m.now-m.marker.sentAt < markerRetry {
		return
	}
	m.marker.sent, m.marker.sentAt = true, m.now
	m.ready.Marker = m.height + 1
	m.stats.MarkersDue++
}

// pullDue asks for what lacks a quorum: also below the final height, so that
// each block's proof can stand by itself (invariant 5).
func (m *Machine) pullDue() {
	if m.diverged {
		return
	}
	left := pullsPerGo
	for _, b := range m.ballots.list {
		if left == 0 || b.height > m.applied {
			return
		}
		if b.done() || m.now < b.pullAt {
			continue
		}
		b.pullGap = min(max(2*b.pullGap, pullDelay), pullLongest)
		b.pullAt = m.now + b.pullGap
		// Those who signed may be gone for ever, one after the other. Those who sign
		// now have kept what they signed: every second time one of them is asked.
		if b.group != m.group && m.pullHeir(b) {
			left--
			continue
		}
		if i := b.nextMissing(b.group.index(m.config.Self)); i >= 0 {
			b.pulled = i
			m.pull(b, i)
			left--
		}
	}
}

// pullHeir asks a node of the present group about a height of an earlier one, and
// reports whether it was the present group's turn.
func (m *Machine) pullHeir(b *ballot) bool {
	turn := b.heirs
	b.heirs++
	heir := m.group.nodes[turn/2%len(m.group.nodes)].Node
	if turn%2 == 0 || heir == m.config.Self {
		return false
	}
	m.stats.Pulls++
	m.ready.Pull = append(m.ready.Pull, Pull{Node: heir, Height: b.height})
	return true
}

// nextMissing returns the node after the one asked last whose signature is
// missing, or -1. One answer may bring those of all.
func (b *ballot) nextMissing(self int) int {
	n := len(b.signatures)
	for k := 1; k <= n; k++ {
		if i := (b.pulled + k) % n; i != self && b.signatures[i] == nil {
			return i
		}
	}
	return -1
}

func (m *Machine) pull(b *ballot, i int) {
	m.stats.Pulls++
	m.ready.Pull = append(m.ready.Pull, Pull{Node: b.group.nodes[i].Node, Height: b.height})
}
