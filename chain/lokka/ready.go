package lokka

import "github.com/librum/librum/chain/ledger"

// Ready is what the shell must do now. Its parts may be done in any order and
// at once; each is said one time.
type Ready struct {
	Sign []SignRequest            // sign and store, then call [Machine.Signed]
	Send []ledger.HeaderSignature // own, stored: push to all others
	Keep []ledger.HeaderSignature // verified ones of others: store beside their blocks
	// Marker is the height that a marker record to append must name, 0 for none.
	Marker uint64
	Pull   []Pull // ask for the signatures of a height

	// Final is the newly final height, 0 for none, with its header and the
	// signatures known so far. Heights below are final with it.
	Final           uint64
	FinalHeader     []byte
	FinalSignatures []ledger.HeaderSignature

	Divergence    *Divergence
	Equivocations []Equivocation
}

// Empty reports whether there is nothing to do.
func (r *Ready) Empty() bool {
	return len(r.Sign) == 0 && len(r.Send) == 0 && len(r.Keep) == 0 && r.Marker == 0 && len(r.Pull) == 0 &&
		r.Final == 0 && r.Divergence == nil && len(r.Equivocations) == 0
}

// SignRequest asks for this node's signature over a header whose block is
// stored.
type SignRequest struct {
	Height uint64
	Header []byte
}

// Pull asks a node for its [Machine.Answer] about a height, which goes to
// [Machine.ReceiveAnswer].
type Pull struct {
	Node   ledger.ID
	Height uint64
}

// Divergence is the evidence that a quorum signed another header than this
// node computed. The node is wrong, or more than a third of the group lies.
type Divergence struct {
	Height     uint64
	Own        []byte // the header that this node computed
	Quorum     []byte // the header that the quorum signed
	Signatures []ledger.HeaderSignature
}

// Equivocation is the evidence that a node signed two headers of one height.
type Equivocation struct {
	Height     uint64
	Node       ledger.ID
	Headers    [2][]byte
	Signatures [2]ledger.HeaderSignature
}

// Ready returns what the shell must do and forgets it.
func (m *Machine) Ready() Ready {
	r := m.ready
	m.ready = Ready{}
	if r.Final != 0 {
		b := m.ballots.at(r.Final)
		r.FinalHeader, r.FinalSignatures = b.header, b.collected()
	}
	return r
}

// Stats counts what came in and says where the machine stands.
type Stats struct {
	Height           uint64 // last cut
	Applied          uint64
	Final            uint64
	OpenRecords      int
	OpenTransactions int
	Diverged         bool

	Accepted   uint64 // valid signatures over own headers
	Duplicate  uint64
	Outside    uint64 // of nodes outside the height's group
	Suspended  uint64 // of nodes suspended at that height
	Bad        uint64 // invalid signatures and malformed headers
	FarAhead   uint64 // dropped, more than 256 heights ahead
	Old        uint64 // dropped, of heights no longer collected
	Foreign    uint64 // over other headers than one's own, checked or not
	MarkersDue uint64 // markers asked for
	Pulls      uint64 // pulls asked for
}

// Stats returns the counters since the machine began.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Height, s.Applied, s.Final = m.height, m.applied, m.final
	s.OpenRecords, s.OpenTransactions = len(m.open.records), len(m.open.results)
	s.Diverged = m.diverged
	return s
}
