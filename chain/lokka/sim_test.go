package lokka_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
)

// sim is a group of nodes over one log. Nodes are numbered from 1. Nothing
// moves but by its methods, so a script or a seed decides what happens.
type sim struct {
	t      tester
	config lokka.Config
	group  ledger.Group   // of epoch 0
	later  []handover     // heights ascending
	log    []lokka.Record // without results
	nodes  []*simNode
	queue  []message
	now    int64
	trace  strings.Builder
	names  map[ledger.Digest]string // of headers: height and a letter
	quiet  bool
}

// handover is another group from a height on.
type handover struct {
	first uint64
	group ledger.Group
}

// handOver lets the nodes with these numbers, ascending, sign from a height on.
func (s *sim) handOver(first uint64, numbers ...int) {
	g := ledger.Group{Epoch: uint64(len(s.later)) + 1}
	for _, number := range numbers {
		n := s.nodes[number-1]
		g.Nodes = append(g.Nodes, ledger.GroupNode{Node: n.id, Organisation: n.id, Key: n.public()})
	}
	s.later = append(s.later, handover{first, g})
}

// groupAt returns the group that signs a height.
func (s *sim) groupAt(height uint64) *ledger.Group {
	g := &s.group
	for i := range s.later {
		if s.later[i].first <= height {
			g = &s.later[i].group
		}
	}
	return g
}

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// message is a signature, a pull or its answer on the way.
type message struct {
	from, to   int
	what       string
	height     uint64
	header     []byte
	signatures []ledger.HeaderSignature
}

// stored is what a node keeps per block.
type stored struct {
	header     []byte
	offset     uint64 // of the last record
	state      ledger.Digest
	signatures []ledger.HeaderSignature
}

type simNode struct {
	sim    *sim
	number int
	id     ledger.ID
	key    ed25519.PrivateKey

	// What survives a crash.
	blocks   []stored
	final    uint64
	diverged bool

	// What does not.
	machine *lokka.Machine
	up      bool
	next    uint64 // offset to read
	state   ledger.Digest

	wrong   bool   // computes another state than the others
	crashAt string // "store", "sign" or "send": dies before it does that next

	signedHeaders map[uint64]ledger.Digest // every header it ever signed
}

func verify(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
	return ed25519.Verify(key[:], message, signature[:])
}

func newSim(t tester, nodes int, limits ledger.Limits, markerDelay int64) *sim {
	t.Helper()
	s := &sim{t: t, now: 1_000, names: map[ledger.Digest]string{}}
	for i := range nodes {
		seed := sha256.Sum256(fmt.Appendf(nil, "node %d", i+1))
		n := &simNode{sim: s, number: i + 1, id: ledger.ID{byte(i + 1)}, key: ed25519.NewKeyFromSeed(seed[:])}
		n.signedHeaders = map[uint64]ledger.Digest{}
		s.nodes = append(s.nodes, n)
		s.group.Nodes = append(s.group.Nodes, ledger.GroupNode{Node: n.id, Organisation: n.id, Key: n.public()})
	}
	chain := ledger.Hash([]byte("genesis"))
	s.config = lokka.Config{
		Chain: chain, Group: s.group, Limits: limits, Previous: chain,
		LogTime: 1, Verify: verify, MarkerDelay: markerDelay,
	}
	for _, n := range s.nodes {
		n.start()
	}
	return s
}

func (n *simNode) public() (k ledger.PublicKey) {
	copy(k[:], n.key.Public().(ed25519.PublicKey))
	return k
}

func (n *simNode) sign(message []byte) (s [ledger.SignatureSize]byte) {
	copy(s[:], ed25519.Sign(n.key, message))
	return s
}

func (n *simNode) signHeader(height uint64, header []byte) ledger.HeaderSignature {
	return ledger.SignHeader(height, header, n.id, n.public().ID(), n.sign)
}

func (s *sim) printf(format string, args ...any) {
	if !s.quiet {
		fmt.Fprintf(&s.trace, format+"\n", args...)
	}
}

// name returns the height and a letter for each header of that height.
func (s *sim) name(height uint64, header ledger.Digest) string {
	if _, ok := s.names[header]; !ok {
		letter := 'a'
		for _, other := range s.names {
			if strings.HasPrefix(other, fmt.Sprintf("%d", height)) && len(other) == len(fmt.Sprintf("%d", height))+1 {
				letter++
			}
		}
		s.names[header] = fmt.Sprintf("%d%c", height, letter)
	}
	return s.names[header]
}

// start brings the node up from what it stored.
func (n *simNode) start() {
	c := n.sim.config
	c.Self, c.Final, c.Diverged = n.id, n.final, n.diverged
	n.next, n.state = 0, ledger.Digest{}
	if h := len(n.blocks); h > 0 {
		top := &n.blocks[h-1]
		header, err := ledger.ParseHeader(top.header)
		n.sim.must(err)
		c.Height, c.Previous, c.LogTime = header.Height, ledger.Hash(top.header), header.LogTime
		n.next, n.state = top.offset+1, top.state
	}
	c.Group = *n.sim.groupAt(c.Height + 1)
	for h := uint64(1); h <= c.Height; h++ {
		if g := n.sim.groupAt(h); g.Epoch < c.Group.Epoch && (len(c.Past) == 0 || c.Past[len(c.Past)-1].Epoch < g.Epoch) {
			c.Past = append(c.Past, *g)
		}
	}
	n.machine, n.up = lokka.New(c), true
	for _, b := range n.blocks[max(n.final, lokka.Window)-lokka.Window:] {
		n.sim.must(n.machine.Restore(b.header, b.signatures))
	}
	n.machine.Tick(n.sim.now)
}

func (s *sim) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (n *simNode) crash() {
	n.sim.printf("%d: crashes", n.number)
	n.up, n.crashAt = false, ""
}

func (n *simNode) dies(at string) bool {
	if n.crashAt == at {
		n.crash()
		return true
	}
	return false
}

// read executes the log up to its end.
func (n *simNode) read() {
	for n.up && n.next < uint64(len(n.sim.log)) {
		n.step()
	}
	n.work()
}

// step executes one record.
func (n *simNode) step() {
	r := n.sim.log[n.next]
	n.next++
	r.Results = n.execute(&r)
	cut, err := n.machine.Add(r)
	n.sim.must(err)
	if !cut {
		return
	}
	next := n.sim.groupAt(uint64(len(n.blocks)) + 2)
	groupDigest, err := next.Digest()
	n.sim.must(err)
	block, header, err := n.machine.Cut(n.state, groupDigest)
	n.sim.must(err)
	if next.Epoch != block.Header.Epoch {
		n.sim.must(n.machine.SetGroup(*next))
		n.sim.printf("%d: hands over to the group of epoch %d", n.number, next.Epoch)
	}
	n.sim.printf("%d: cuts %s, records %d, transactions %d, %s to %s", n.number,
		n.sim.name(block.Header.Height, ledger.Hash(header)), len(block.Records), len(block.Results), block.Header.First, block.Header.Last)
	if n.dies("store") {
		return
	}
	n.blocks = append(n.blocks, stored{header: header, offset: r.Offset, state: n.state})
	n.sim.must(n.machine.Applied(block.Header.Height))
}

// execute stands for the contracts: results and a state that depend on every
// transaction.
func (n *simNode) execute(r *lokka.Record) []ledger.Result {
	results := make([]ledger.Result, len(r.Transactions))
	for i, tx := range r.Transactions {
		id := ledger.Hash(tx)
		results[i] = ledger.Result{
			ID: id, Position: ledger.Position{Offset: r.Offset, Index: uint32(i)},
			Code: ledger.CodeOK, Events: []ledger.Event{}, Writes: ledger.Hash(id[:]),
		}
		n.state = ledger.Hash(append(n.state[:], id[:]...))
	}
	if n.wrong && len(r.Transactions) > 0 {
		n.state = ledger.Hash(n.state[:])
	}
	return results
}

// work does what the machine says until it has nothing to say.
func (n *simNode) work() {
	for n.up {
		r := n.machine.Ready()
		if r.Empty() {
			return
		}
		n.do(&r)
	}
}

func (n *simNode) do(r *lokka.Ready) {
	s := n.sim
	for _, k := range r.Keep {
		n.keep(k)
	}
	for _, q := range r.Sign {
		if n.dies("sign") {
			return
		}
		n.remember(q.Height, q.Header)
		own := n.signHeader(q.Height, q.Header)
		n.keep(own)
		s.printf("%d: signs %s", n.number, s.name(q.Height, own.Header))
		s.must(n.machine.Signed(own))
	}
	for _, own := range r.Send {
		if n.dies("send") {
			return
		}
		for _, other := range s.nodes {
			if other != n {
				s.queue = append(s.queue, message{from: n.number, to: other.number, what: "signature", height: own.Height, signatures: []ledger.HeaderSignature{own}})
			}
		}
	}
	for _, p := range r.Pull {
		s.printf("%d: pulls %d from %d", n.number, p.Height, p.Node[0])
		s.queue = append(s.queue, message{from: n.number, to: int(p.Node[0]), what: "pull", height: p.Height})
	}
	if r.Marker != 0 {
		s.printf("%d: appends marker %d", n.number, r.Marker)
		s.append(lokka.Record{Kind: ledger.RecordMarker, Marker: r.Marker}, 0)
	}
	if r.Final != 0 {
		n.final = r.Final
		by := []string{}
		for _, sig := range r.FinalSignatures {
			by = append(by, fmt.Sprint(sig.Node[0]))
		}
		group := s.groupAt(r.Final)
		count := ledger.CountSigners(r.FinalHeader, group, r.FinalSignatures, verify)
		s.printf("%d: final %s by %s", n.number, s.name(r.Final, ledger.Hash(r.FinalHeader)), strings.Join(by, " "))
		if count < group.Quorum() {
			s.t.Fatalf("node %d calls %d final with %d valid signatures", n.number, r.Final, count)
		}
	}
	if d := r.Divergence; d != nil {
		n.diverged = true
		count := ledger.CountSigners(d.Quorum, s.groupAt(d.Height), d.Signatures, verify)
		s.printf("%d: DIVERGED at %d: own %s, quorum %s by %d", n.number, d.Height,
			s.name(d.Height, ledger.Hash(d.Own)), s.name(d.Height, ledger.Hash(d.Quorum)), count)
	}
	for _, e := range r.Equivocations {
		valid := 0
		for i := range e.Headers {
			valid += ledger.CountSigners(e.Headers[i], s.groupAt(e.Height), e.Signatures[i:i+1], verify)
		}
		s.printf("%d: EQUIVOCATION of %d: %s and %s, %d valid signatures", n.number, e.Node[0],
			s.name(e.Height, e.Signatures[0].Header), s.name(e.Height, e.Signatures[1].Header), valid)
	}
}

// keep stores a signature beside its block.
func (n *simNode) keep(k ledger.HeaderSignature) {
	b := &n.blocks[k.Height-1]
	if slices.Contains(b.signatures, k) {
		n.sim.t.Fatalf("node %d is to keep a signature of %d twice", n.number, k.Node[0])
	}
	b.signatures = append(b.signatures, k)
}

// remember holds the one promise that no crash may break.
func (n *simNode) remember(height uint64, header []byte) {
	d := ledger.Hash(header)
	if old, ok := n.signedHeaders[height]; ok && old != d {
		n.sim.t.Fatalf("node %d signs two headers of height %d", n.number, height)
	}
	n.signedHeaders[height] = d
}

// append puts a record on the log with that many transactions.
func (s *sim) append(r lokka.Record, transactions int, pad ...byte) {
	r.Offset = uint64(len(s.log))
	r.LogTime = 1 + int64(r.Offset)*10
	for i := range transactions {
		r.Transactions = append(r.Transactions, fmt.Appendf(slices.Clone(pad), "transaction %d.%d", r.Offset, i))
	}
	if r.Skipped == nil {
		r.Envelope = slices.Concat(fmt.Appendf(nil, "record %d %s %d", r.Offset, r.Kind, r.Marker), slices.Concat(r.Transactions...))
	}
	s.log = append(s.log, r)
}

// deliver hands the message at index over, or loses it if its receiver is down.
func (s *sim) deliver(index int) {
	msg := s.queue[index]
	s.queue = slices.Delete(s.queue, index, index+1)
	to := s.nodes[msg.to-1]
	if !to.up {
		return
	}
	switch msg.what {
	case "signature":
		to.machine.Receive(msg.signatures[0])
	case "pull":
		header, signatures := to.machine.Answer(msg.height)
		s.queue = append(s.queue, message{from: msg.to, to: msg.from, what: "answer", height: msg.height, header: header, signatures: signatures})
	case "answer":
		to.machine.ReceiveAnswer(msg.header, msg.signatures)
	}
	to.work()
}
