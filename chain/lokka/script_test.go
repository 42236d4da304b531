package lokka_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
)

// TestScripts runs the stories of testdata. Commands:
//
//	group n=4 [transactions=N] [bytes=N]   a new group, empty log, marker delay 200 ms
//	handover height=H nodes=(N,N)          these nodes sign from that height on
//	records                                lines "tx N [SIZE]", "clock", "wake", "marker H", "skipped"
//	read [node=N]                          nodes execute the log to its end
//	deliver [from=N] [to=N] [height=N] [reverse] [twice]  hand over what is on the way, until nothing is
//	drop [from=N] [to=N] [height=N]        lose what is on the way
//	tick ms=N                              time passes for all nodes
//	wait node=N                            someone waits for final there
//	down, up, crash node=N [at=store|sign|send]
//	wrong node=N                           it computes another state from now on
//	forge node=N to=N height=N             N signs a second header and shows it
//	suspend node=N                         all nodes that are up learn that N is suspended
//	send node=N to=N height=N header=WORD [bad]  a signature over a made-up header
//	state, stats node=N
func TestScripts(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		t.Helper()
		var s *sim
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			if d.Cmd == "group" {
				n, transactions, size := 4, 1000, 1<<20
				d.MaybeScanArgs(t, "n", &n)
				d.MaybeScanArgs(t, "transactions", &transactions)
				d.MaybeScanArgs(t, "bytes", &size)
				s = newSim(t, n, ledger.Limits{BlockTransactions: uint32(transactions), BlockBytes: uint32(size)}, 200)
				return ""
			}
			s.t = t
			s.command(t, d)
			out := s.trace.String()
			s.trace.Reset()
			return out
		})
	})
}

func (s *sim) command(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	var node, from, to, ms int
	var height uint64
	var at, header string
	for name, dst := range map[string]any{
		"node": &node, "from": &from, "to": &to, "ms": &ms,
		"height": &height, "at": &at, "header": &header,
	} {
		d.MaybeScanArgs(t, name, dst)
	}
	var n *simNode
	if node != 0 {
		n = s.nodes[node-1]
	}
	switch d.Cmd {
	case "handover":
		var nodes []int
		d.ScanArgs(t, "nodes", &nodes)
		s.handOver(height, nodes...)
	case "records":
		for line := range strings.Lines(d.Input) {
			s.record(strings.Fields(line))
		}
	case "read":
		for _, other := range s.nodes {
			if other.up && (n == nil || n == other) {
				other.read()
			}
		}
	case "deliver":
		s.deliverAll(from, to, height, d.HasArg("reverse"), d.HasArg("twice"))
	case "drop":
		kept := s.queue[:0]
		for _, msg := range s.queue {
			if !msg.matches(from, to, height) {
				kept = append(kept, msg)
			}
		}
		s.printf("dropped %d", len(s.queue)-len(kept))
		s.queue = kept
	case "tick":
		s.tick(int64(ms))
	case "wait":
		n.machine.WaitFinal(s.now)
		n.work()
	case "down":
		n.crash()
	case "up":
		n.start()
		n.work()
	case "crash":
		n.crashAt = at
	case "wrong":
		n.wrong = true
	case "forge":
		s.forge(n, s.nodes[to-1], height)
	case "suspend":
		for _, other := range s.nodes {
			if other.up {
				other.machine.Suspend([]ledger.ID{n.id})
			}
		}
	case "send":
		s.send(n, s.nodes[to-1], height, header, d.HasArg("bad"))
	case "state":
		s.state()
	case "stats":
		c := n.machine.Stats()
		s.printf("accepted %d, duplicate %d, outside %d, bad %d, far ahead %d, old %d, foreign %d",
			c.Accepted, c.Duplicate, c.Outside, c.Bad, c.FarAhead, c.Old, c.Foreign)
	default:
		d.Fatalf(t, "unknown command")
	}
}

func (msg *message) matches(from, to int, height uint64) bool {
	return (from == 0 || msg.from == from) && (to == 0 || msg.to == to) && (height == 0 || msg.height == height)
}

func (s *sim) record(words []string) {
	number := 0
	if len(words) > 1 {
		if _, err := fmt.Sscan(words[1], &number); err != nil {
			s.t.Fatal(err)
		}
	}
	switch words[0] {
	case "tx":
		size := 0
		if len(words) > 2 {
			if _, err := fmt.Sscan(words[2], &size); err != nil {
				s.t.Fatal(err)
			}
		}
		s.append(lokka.Record{Kind: ledger.RecordTransactions}, number, make([]byte, size)...)
	case "clock":
		s.append(lokka.Record{Kind: ledger.RecordClock}, 0)
	case "wake":
		s.append(lokka.Record{Kind: ledger.RecordWake}, 0)
	case "marker":
		s.append(lokka.Record{Kind: ledger.RecordMarker, Marker: uint64(number)}, 0)
	case "skipped":
		digest := ledger.Hash([]byte("from outside"))
		// What the record says counts for nothing: this one would close block 1.
		s.append(lokka.Record{Skipped: &digest, Kind: ledger.RecordMarker, Marker: 1}, 0)
	default:
		s.t.Fatalf("unknown record %q", words[0])
	}
}

func (s *sim) deliverAll(from, to int, height uint64, reverse, twice bool) {
	if twice {
		s.queue = append(s.queue, s.queue...)
	}
	for {
		found := -1
		for i := range s.queue {
			if s.queue[i].matches(from, to, height) && (found < 0 || reverse) {
				found = i
			}
		}
		if found < 0 {
			return
		}
		s.deliver(found)
	}
}

func (s *sim) tick(ms int64) {
	s.now += ms
	for _, n := range s.nodes {
		if n.up {
			n.machine.Tick(s.now)
			n.work()
		}
	}
}

// forge lets a node sign a second header of a height and answer with it.
func (s *sim) forge(liar, victim *simNode, height uint64) {
	h, err := ledger.ParseHeader(liar.blocks[height-1].header)
	s.must(err)
	h.State = ledger.Hash([]byte("forged"))
	header, err := h.Bytes()
	s.must(err)
	second := liar.signHeader(height, header)
	s.name(height, second.Header)
	victim.machine.Receive(second)
	victim.machine.ReceiveAnswer(header, nil)
	victim.work()
}

// send hands over a signature that fits no known header.
func (s *sim) send(from, to *simNode, height uint64, header string, bad bool) {
	sig := from.signHeader(height, []byte(header))
	if header == "own" {
		sig = from.signHeader(height, to.blocks[height-1].header)
	}
	if bad {
		sig.Signature[0] ^= 1
	}
	to.machine.Receive(sig)
	to.work()
}

func (s *sim) state() {
	for _, n := range s.nodes {
		if !n.up {
			s.printf("%d: down", n.number)
			continue
		}
		c := n.machine.Stats()
		top := "-"
		if len(n.blocks) > 0 {
			top = s.name(c.Applied, ledger.Hash(n.blocks[c.Applied-1].header))
		}
		line := fmt.Sprintf("%d: applied %s, final %d, not final %d, open %d records with %d transactions",
			n.number, top, c.Final, n.machine.NotFinal(), c.OpenRecords, c.OpenTransactions)
		if c.Diverged {
			line += ", diverged"
		}
		s.printf("%s", line)
	}
}
