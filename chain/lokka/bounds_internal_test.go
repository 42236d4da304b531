package lokka

import (
	"testing"

	"github.com/librum/librum/chain/ledger"
)

func boundsMachine(verify ledger.VerifyFunc) *Machine {
	c := Config{
		Limits: ledger.Limits{BlockTransactions: 1, BlockBytes: 1 << 20}, Verify: verify,
		Self: ledger.ID{1}, Chain: ledger.Digest{7}, Previous: ledger.Digest{7},
	}
	for i := range 4 {
		c.Group.Nodes = append(c.Group.Nodes, ledger.GroupNode{Node: ledger.ID{byte(i + 1)}, Key: ledger.PublicKey{byte(i)}})
	}
	return New(c)
}

func always(ledger.PublicKey, []byte, [ledger.SignatureSize]byte) bool { return true }

// TestFloodStaysBounded sends many times what an honest group would and looks
// at what is held (invariant 7).
func TestFloodStaysBounded(t *testing.T) {
	t.Parallel()
	m := boundsMachine(always)
	for height := uint64(1); height < 2*maxAhead; height++ {
		for node := range 6 {
			for k := range 5 {
				m.Receive(ledger.HeaderSignature{Height: height, Node: ledger.ID{byte(node)}, Header: ledger.Digest{byte(k)}})
			}
		}
	}
	if len(m.ahead) != maxAhead {
		t.Errorf("%d heights are kept ahead, want %d", len(m.ahead), maxAhead)
	}
	for height, list := range m.ahead {
		if len(list) != 4*maxPerNode || list[0].Header != (ledger.Digest{3}) {
			t.Fatalf("height %d keeps %d signatures, want the newest %d of 4 nodes: %+v", height, len(list), maxPerNode, list)
		}
	}
	if s := m.Stats(); s.FarAhead == 0 || s.Outside == 0 {
		t.Errorf("nothing was counted: %+v", s)
	}

	// A liar signs header after header of one height: two are taken from it,
	// and an honest node's differing header still finds a place.
	b := addBlock(t, m)
	foreign := func(n byte, node ledger.ID) {
		h, err := ledger.ParseHeader(b.header)
		if err != nil {
			t.Fatal(err)
		}
		h.State = ledger.Digest{n, 1}
		header, err := h.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		m.ReceiveAnswer(header, []ledger.HeaderSignature{{Height: 1, Node: node, Header: ledger.Hash(header)}})
	}
	for n := range byte(20) {
		foreign(n, ledger.ID{2})
	}
	foreign(100, ledger.ID{3})
	if len(b.foreign) != maxBrought+1 || len(b.claims) > 4*maxPerNode {
		t.Errorf("%d foreign headers and %d claims are held, want %d and at most %d", len(b.foreign), len(b.claims), maxBrought+1, 4*maxPerNode)
	}
	if r := m.Ready(); len(r.Equivocations) != 1 || r.Divergence != nil {
		t.Errorf("%d equivocations and divergence %v, want 1 and none", len(r.Equivocations), r.Divergence)
	}

	// The same height of another chain is no evidence.
	h, err := ledger.ParseHeader(b.header)
	if err != nil {
		t.Fatal(err)
	}
	h.Chain = ledger.Digest{8}
	header, err := h.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	before := m.Stats().Bad
	m.ReceiveAnswer(header, []ledger.HeaderSignature{{Height: 1, Node: ledger.ID{4}, Header: ledger.Hash(header)}})
	if m.Stats().Bad != before+1 || len(b.foreign) != maxBrought+1 {
		t.Error("a header of another chain was taken")
	}
}

// addBlock adds one transaction, which fills a block, and stores it.
func addBlock(t *testing.T, m *Machine) *ballot {
	t.Helper()
	height := m.height + 1
	if _, err := m.Add(Record{Offset: height, Envelope: []byte("e"), Transactions: [][]byte{{1}}, Results: make([]ledger.Result, 1)}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Cut(ledger.Digest{}, m.group.digest); err != nil {
		t.Fatal(err)
	}
	if err := m.Applied(height); err != nil {
		t.Fatal(err)
	}
	return m.ballots.at(height)
}

// TestWindowSlides holds that final heights are forgotten after a while, and
// that those not final are not.
func TestWindowSlides(t *testing.T) {
	t.Parallel()
	m := boundsMachine(always)
	for range 3 * Window {
		b := addBlock(t, m)
		if m.NotFinal() > 2*Window {
			for node := range 3 {
				m.Receive(ledger.HeaderSignature{Height: b.height, Node: ledger.ID{byte(node + 2)}, Header: b.digest})
			}
		}
	}
	if m.final != 2*Window+1 || m.NotFinal() != Window-1 {
		t.Fatalf("final is %d with %d not final above, want %d with %d", m.final, m.NotFinal(), 2*Window+1, Window-1)
	}
	if oldest := m.ballots.first; oldest != m.final-Window+1 {
		t.Errorf("the oldest height held is %d, want %d below the final %d", oldest, Window-1, m.final)
	}
	if signatures := m.Signatures(m.final - Window); signatures != nil {
		t.Error("a forgotten height is answered")
	}
	if signatures := m.Signatures(m.final); len(signatures) != 3 {
		t.Errorf("the final height is answered with %d signatures, want 3", len(signatures))
	}
	before := m.Stats().Old
	m.Receive(ledger.HeaderSignature{Height: 1, Node: ledger.ID{2}})
	if err := m.Signed(ledger.HeaderSignature{Height: 1, Node: ledger.ID{1}}); err != nil {
		t.Errorf("a slow signer stops the node: %v", err)
	}
	if m.Stats().Old != before+2 {
		t.Error("signatures of a forgotten height are not counted as old")
	}
}

// TestOverflow: records without a transaction make no block until one more
// would leave no room to store it (invariant 1).
func TestOverflow(t *testing.T) {
	t.Parallel()
	m := boundsMachine(always)
	skipped := ledger.Digest{1}
	for i := range uint64(overflowRecords) {
		cut, err := m.Add(Record{Offset: i, Skipped: &skipped})
		if err != nil || cut != (i == overflowRecords-1) {
			t.Fatalf("record %d: cut %t, %v", i, cut, err)
		}
	}
	if _, _, err := m.Cut(ledger.Digest{}, m.group.digest); err != nil {
		t.Fatal(err)
	}
	block := m.BlockBytes()
	if _, err := ledger.ParseBlock(block); err != nil {
		t.Errorf("the block can't be read back: %v", err)
	}
	envelope := make([]byte, 1<<20)
	for i := range uint64(32) {
		cut, err := m.Add(Record{Offset: overflowRecords + i, Envelope: envelope, Kind: ledger.RecordClock})
		if err != nil || cut != (i == 31) {
			t.Fatalf("clock %d: cut %t, %v", i, cut, err)
		}
	}
}

// TestDivergenceTakesBackWhatWasOffered: a quorum over another header comes
// between the offer to sign and the shell's asking for it.
func TestDivergenceTakesBackWhatWasOffered(t *testing.T) {
	t.Parallel()
	m := boundsMachine(always)
	b := addBlock(t, m)
	h, err := ledger.ParseHeader(b.header)
	if err != nil {
		t.Fatal(err)
	}
	h.State = ledger.Digest{1}
	header, err := h.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	m.Receive(ledger.HeaderSignature{Height: 5, Node: ledger.ID{2}})
	var signatures []ledger.HeaderSignature
	for node := range 3 {
		signatures = append(signatures, ledger.HeaderSignature{Height: 1, Node: ledger.ID{byte(node + 2)}, Header: ledger.Hash(header)})
	}
	m.ReceiveAnswer(header, signatures)
	m.Receive(ledger.HeaderSignature{Height: 5, Node: ledger.ID{3}})
	r := m.Ready()
	if r.Divergence == nil || len(r.Divergence.Signatures) != 3 || len(r.Sign) != 0 {
		t.Errorf("divergence %+v and %d to sign, want one with 3 signatures and none", r.Divergence, len(r.Sign))
	}
	if len(m.ahead) != 0 {
		t.Errorf("signatures of %d heights are held that can never count", len(m.ahead))
	}
}

// TestCutTakesBackTheMarker: another node's marker came first.
func TestCutTakesBackTheMarker(t *testing.T) {
	t.Parallel()
	m := boundsMachine(always)
	m.config.Limits.BlockTransactions = 10
	add := func(r Record) bool {
		r.Envelope = []byte("e")
		cut, err := m.Add(r)
		if err != nil {
			t.Fatal(err)
		}
		return cut
	}
	add(Record{Offset: 1, Kind: ledger.RecordTransactions, Transactions: [][]byte{{1}}, Results: make([]ledger.Result, 1)})
	m.WaitFinal(1)
	if !add(Record{Offset: 2, Kind: ledger.RecordMarker, Marker: 1}) {
		t.Fatal("the marker does not cut")
	}
	if _, _, err := m.Cut(ledger.Digest{}, m.group.digest); err != nil {
		t.Fatal(err)
	}
	if r := m.Ready(); r.Marker != 0 {
		t.Errorf("a marker for height %d is due, which is cut", r.Marker)
	}
}
