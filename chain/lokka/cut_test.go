package lokka_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
)

// realRecord returns a signed record as it stands on a log.
func realRecord(t *testing.T, n *simNode, kind ledger.RecordKind, height, offset uint64, transactions ...[]byte) lokka.Record {
	t.Helper()
	r := ledger.Record{Version: ledger.Version, Chain: n.sim.config.Chain, Kind: kind, Node: n.id, Time: 5, Height: height, Transactions: transactions}
	e, err := r.Sign(n.public().ID(), n.sign)
	if err != nil {
		t.Fatal(err)
	}
	out := lokka.Record{Offset: offset, Envelope: e.Bytes(), Kind: kind, Marker: height, LogTime: 5, Transactions: transactions}
	out.Results = n.execute(&out)
	return out
}

// TestBlockStandsByItself reads a cut block as verify would: from its bytes.
func TestBlockStandsByItself(t *testing.T) {
	t.Parallel()
	s := newSim(t, 4, ledger.Limits{BlockTransactions: 100, BlockBytes: 1 << 20}, 200)
	n := s.nodes[0]
	m := n.machine
	if m.BlockBytes() != nil {
		t.Error("there are bytes of a block before the first")
	}
	outside := ledger.Hash([]byte("outside"))
	records := []lokka.Record{
		realRecord(t, n, ledger.RecordClock, 0, 3),
		realRecord(t, n, ledger.RecordTransactions, 0, 4, []byte("one"), []byte("two")),
		{Offset: 7, Skipped: &outside},
		realRecord(t, n, ledger.RecordTransactions, 0, 8, bytes.Repeat([]byte("x"), 300)),
		realRecord(t, n, ledger.RecordMarker, 1, 9),
	}
	for i, r := range records {
		cut, err := m.Add(r)
		if err != nil || cut != (i == len(records)-1) {
			t.Fatalf("record %d: cut %t, %v", i, cut, err)
		}
	}
	state, next := ledger.Hash([]byte("state")), ledger.Hash([]byte("group"))
	block, header, err := m.Cut(state, next)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ledger.Encode(block)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.BlockBytes(), want) {
		t.Errorf("bytes of the block differ from its encoding:\n got %x\nwant %x", m.BlockBytes(), want)
	}
	parsed, err := ledger.ParseBlock(want)
	if err != nil {
		t.Fatal(err)
	}
	recordRoot, transactionRoot, resultRoot, err := parsed.Roots()
	if err != nil {
		t.Fatal(err)
	}
	h, err := ledger.ParseHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	if h != parsed.Header || h.Records != recordRoot || h.Transactions != transactionRoot || h.Results != resultRoot {
		t.Errorf("header %+v does not bind the block", h)
	}
	if h.First != (ledger.Position{Offset: 3}) || h.Last != (ledger.Position{Offset: 9}) || h.LogTime != 5 || h.State != state || h.Group != next {
		t.Errorf("header %+v: wrong ends, time, state or group", h)
	}
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	tx := func(offset uint64) lokka.Record {
		return lokka.Record{Offset: offset, Envelope: []byte("e"), Kind: ledger.RecordTransactions, LogTime: 10, Transactions: [][]byte{{1}}, Results: make([]ledger.Result, 1)}
	}
	skipped := ledger.Digest{1}
	for name, c := range map[string]struct {
		call func(m *lokka.Machine) error
		want error
		text string
	}{
		"cut an open block": {func(m *lokka.Machine) error { _, _, err := m.Cut(skipped, skipped); return err }, lokka.ErrOrder, "still open"},
		"add before a cut": {func(m *lokka.Machine) error {
			r := tx(1)
			if cut, err := m.Add(r); !cut || err != nil {
				return errors.New("no cut")
			}
			_, err := m.Add(tx(2))
			return err
		}, lokka.ErrOrder, "cut first"},
		"offset twice": {func(m *lokka.Machine) error {
			if _, err := m.Add(lokka.Record{Offset: 5, Envelope: []byte("e"), LogTime: 1}); err != nil {
				return err
			}
			_, err := m.Add(lokka.Record{Offset: 5, Envelope: []byte("e"), LogTime: 1})
			return err
		}, lokka.ErrRecord, "above 5"},
		"results missing":       {func(m *lokka.Machine) error { r := tx(1); r.Results = nil; _, err := m.Add(r); return err }, lokka.ErrRecord, "0 results for 1"},
		"time goes back":        {func(m *lokka.Machine) error { r := tx(1); r.LogTime = 0; _, err := m.Add(r); return err }, lokka.ErrRecord, "before 1"},
		"skipped with content":  {func(m *lokka.Machine) error { r := tx(1); r.Skipped = &skipped; _, err := m.Add(r); return err }, lokka.ErrRecord, "digest alone"},
		"no envelope":           {func(m *lokka.Machine) error { r := tx(1); r.Envelope = nil; _, err := m.Add(r); return err }, lokka.ErrRecord, "no envelope"},
		"apply what is not cut": {func(m *lokka.Machine) error { return m.Applied(1) }, lokka.ErrOrder, "block 1"},
		"sign what was not asked": {func(m *lokka.Machine) error {
			return m.Signed(ledger.HeaderSignature{Height: 1, Node: ledger.ID{1}})
		}, lokka.ErrSignature, "not asked"},
		"restore rubbish":   {func(m *lokka.Machine) error { return m.Restore([]byte{1}, nil) }, ledger.ErrMalformed, "restore block 1"},
		"unannounced group": {func(m *lokka.Machine) error { return m.SetGroup(ledger.Group{Epoch: 1}) }, lokka.ErrOrder, "announce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSim(t, 4, ledger.Limits{BlockTransactions: 1, BlockBytes: 1 << 20}, 200)
			err := c.call(s.nodes[0].machine)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error is %v, want %v with %q", err, c.want, c.text)
			}
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	good := newSim(t, 2, ledger.Limits{BlockTransactions: 1, BlockBytes: 1}, 0).config
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(c *lokka.Config){
		"empty group":     func(c *lokka.Config) { c.Group.Nodes = nil },
		"unordered group": func(c *lokka.Config) { c.Group.Nodes = []ledger.GroupNode{c.Group.Nodes[1], c.Group.Nodes[0]} },
		"no limits":       func(c *lokka.Config) { c.Limits = ledger.Limits{} },
		"final above":     func(c *lokka.Config) { c.Final = 1 },
		"no verification": func(c *lokka.Config) { c.Verify = nil },
		"negative delay":  func(c *lokka.Config) { c.MarkerDelay = -1 },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); !errors.Is(err, lokka.ErrConfig) {
			t.Errorf("%s: error is %v, want %v", name, err, lokka.ErrConfig)
		}
	}
}

// TestStoreThatSignedAnotherHeader: the machine does not start over a store
// whose own signature is not over its own block.
func TestStoreThatSignedAnotherHeader(t *testing.T) {
	t.Parallel()
	s := newSim(t, 4, ledger.Limits{BlockTransactions: 1, BlockBytes: 1 << 20}, 200)
	s.record([]string{"tx", "1"})
	n := s.nodes[0]
	n.read()
	c := s.config
	c.Self, c.Height, c.Previous = n.id, 1, ledger.Hash(n.blocks[0].header)

	if _, err := lokka.New(c).Add(lokka.Record{Offset: 1, Envelope: []byte("e"), LogTime: 10}); !errors.Is(err, lokka.ErrOrder) {
		t.Errorf("adding without restoring gives %v, want %v", err, lokka.ErrOrder)
	}
	other := n.signHeader(1, []byte("another header"))
	m := lokka.New(c)
	if err := m.Restore(n.blocks[0].header, []ledger.HeaderSignature{other}); !errors.Is(err, lokka.ErrSignature) {
		t.Errorf("error is %v, want %v", err, lokka.ErrSignature)
	}
	if r := m.Ready(); !r.Empty() {
		t.Errorf("the machine wants %+v, want nothing", r)
	}
	c.Previous = ledger.Digest{1}
	if err := lokka.New(c).Restore(n.blocks[0].header, nil); !errors.Is(err, lokka.ErrOrder) {
		t.Errorf("a header off the chain gives %v, want %v", err, lokka.ErrOrder)
	}
}

// TestObserver follows from outside the group: it learns what is final and
// neither signs nor appends markers.
func TestObserver(t *testing.T) {
	t.Parallel()
	s := newSim(t, 4, ledger.Limits{BlockTransactions: 2, BlockBytes: 1 << 20}, 200)
	_, key, err := ed25519.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{9}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	n := &simNode{sim: s, number: 5, id: ledger.ID{5}, key: key, signedHeaders: map[uint64]ledger.Digest{}}
	s.nodes = append(s.nodes, n)
	n.start()
	s.record([]string{"tx", "2"})
	s.record([]string{"tx", "1"})
	for _, other := range s.nodes {
		other.read()
	}
	s.deliverAll(0, 0, 0, false, false)
	n.machine.WaitFinal(s.now)
	n.machine.Tick(s.now + 5000)
	n.work()
	if n.final != 1 || len(n.signedHeaders) != 0 || len(s.log) != 2 {
		t.Errorf("final %d, %d signed, %d records; want 1, 0, 2", n.final, len(n.signedHeaders), len(s.log))
	}
}

// TestGroupChange hands the signing over to the group that a header announced.
func TestGroupChange(t *testing.T) {
	t.Parallel()
	s := newSim(t, 4, ledger.Limits{BlockTransactions: 1, BlockBytes: 1 << 20}, 200)
	next := ledger.Group{Epoch: 1, Nodes: s.group.Nodes[:1]}
	digest, err := next.Digest()
	if err != nil {
		t.Fatal(err)
	}
	n := s.nodes[0]
	for height := uint64(1); height <= 2; height++ {
		s.record([]string{"tx", "1"})
		r := s.log[height-1]
		r.Results = n.execute(&r)
		if _, err := n.machine.Add(r); err != nil {
			t.Fatal(err)
		}
		block, header, err := n.machine.Cut(n.state, digest)
		if err != nil {
			t.Fatal(err)
		}
		if block.Header.Epoch != height-1 {
			t.Errorf("block %d has epoch %d, want %d", height, block.Header.Epoch, height-1)
		}
		if height == 1 {
			if _, err := n.machine.Add(s.log[0]); !errors.Is(err, lokka.ErrOrder) {
				t.Errorf("a record before the group is set: %v", err)
			}
			if err := n.machine.SetGroup(next); err != nil {
				t.Fatal(err)
			}
		}
		n.blocks = append(n.blocks, stored{header: header})
		if err := n.machine.Applied(height); err != nil {
			t.Fatal(err)
		}
		if err := n.machine.Signed(n.signHeader(height, header)); err != nil {
			t.Fatal(err)
		}
	}
	// One of one signed the second block. Nothing is final for that: the first
	// hands over, and has one signature of four.
	if r := n.machine.Ready(); r.Final != 0 {
		t.Errorf("final is %d though the group that hands over has no quorum", r.Final)
	}
	for _, other := range s.nodes[1:3] {
		n.machine.Receive(other.signHeader(1, n.blocks[0].header))
	}
	if r := n.machine.Ready(); r.Final != 2 || len(r.FinalSignatures) != 1 {
		t.Errorf("final is %d with %d signatures, want 2 with 1", r.Final, len(r.FinalSignatures))
	}
}
